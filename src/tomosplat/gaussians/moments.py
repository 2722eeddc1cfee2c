"""From voxels to the moments that Gaussians are matched to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tomosplat.gaussians.blocks import LabelBlocks, label_blocks, merge_blocks
from tomosplat.geometry import Grid
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Less opacity than this is invisible on 8-bit screens, and renderers skip it.
MIN_OPACITY = 1 / 255
#: Thin matter is merged until it is this opaque: a Gaussian loses its tails under ``MIN_OPACITY``.
_MERGE_BELOW = 4 / 255
#: Opacity that falls by this fraction of itself per block lies on a surface: a half-space blurred by one block does.
_SURFACE_FALL = 0.8


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """One entry for each label that is visible in a block of the half-resolution grid, or in a wider one.

    Attributes:
        means: [N, 3] float32 mm, mean position of the extinction of this label in the block.
        covs: [N, 3, 3] float32 mm², its second moments.
        centers: [N, 3] float32 mm, middle of the block.
        pitches: [N] float32 mm, edge of the block.
        extinctions: [N] float32 1/mm, averaged over the block.
        opacities: [N] float32, opacity of half the block's width, averaged over the block.
        rgb: [N, 3] float32 sRGB, averaged with opacity as weight.
        labels: [N] uint8.
        normals: [N, 3] float32, towards less opacity; length 0 inside or in thin sheets, 1 on the surface of a solid.
        values: [N] float32, the scan's values averaged with extinction as weight; None where they are not known.
    """

    means: Float32Array
    covs: Float32Array
    centers: Float32Array
    pitches: Float32Array
    extinctions: Float32Array
    opacities: Float32Array
    rgb: Float32Array
    labels: NDArray[np.uint8]
    normals: Float32Array
    values: Float32Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, keep: NDArray[np.bool_]) -> BlockMoments:
        """Return the entries at ``keep`` (bool [N])."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: array[keep] for name, array in arrays.items() if array is not None})


def block_moments(optical: OpticalVolume, *, n_widths: int = 4) -> BlockMoments:
    """Moments of what is visible in each block of 2×2×2 voxels.

    Two labels that share a block give two entries, so that each organ keeps its edge when the other is hidden; of
    more than two, the two with most extinction count. Matter too thin to be drawn (air in the lungs) is merged with
    its neighbours of the same label into wider blocks, which dim the view as much; what is still below an opacity of
    1/255 is left out.

    Args:
        optical: What is visible.
        n_widths: How many widths of blocks there may be: 2 voxels, 4, 8, 16, ...
    """
    entries = label_blocks(optical)
    normals = _normals(entries, optical.grid)
    parts: list[BlockMoments] = []
    for width in range(1, n_widths + 1):
        keep = entries.opacities >= (_MERGE_BELOW if width < n_widths else MIN_OPACITY)
        parts.append(_in_world(entries.select(keep), normals[keep], optical.grid))
        entries = merge_blocks(entries.select(~keep))
        normals = np.zeros((len(entries), 3))
    names = [field.name for field in fields(BlockMoments) if field.name != "values" or optical.values is not None]
    return BlockMoments(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _in_world(entries: LabelBlocks, normals: NDArray[np.float64], grid: Grid) -> BlockMoments:
    to_world = grid.affine[:3, :3]
    pitch = entries.width * float(grid.spacing.mean())
    return BlockMoments(
        means=grid.to_world(entries.means).astype(np.float32),
        covs=(to_world @ entries.covs @ to_world.T).astype(np.float32),
        centers=grid.to_world((entries.blocks + 0.5) * entries.width - 0.5).astype(np.float32),
        pitches=np.full(len(entries), pitch, dtype=np.float32),
        extinctions=entries.extinctions,
        opacities=entries.opacities,
        rgb=entries.rgb,
        labels=entries.labels,
        normals=normals.astype(np.float32),
        values=entries.values,
    )


def _normals(entries: LabelBlocks, grid: Grid) -> NDArray[np.float64]:
    """See ``BlockMoments.normals``: the gradient of blurred opacity, all labels together, relative to itself."""
    opacity = np.zeros([(n + 1) // 2 + 2 for n in grid.shape], dtype=np.float32)
    i, j, k = (entries.blocks + 1).T
    np.add.at(opacity, (i, j, k), entries.opacities)
    blurred = gaussian_filter(opacity, 1.0)
    fall = 0.5 * np.stack(
        [
            blurred[i - 1, j, k] - blurred[i + 1, j, k],
            blurred[i, j - 1, k] - blurred[i, j + 1, k],
            blurred[i, j, k - 1] - blurred[i, j, k + 1],
        ],
        axis=1,
        dtype=np.float64,
    )
    steepness = np.linalg.norm(fall, axis=1, keepdims=True)
    relative = steepness / np.maximum(blurred[i, j, k], 1e-6)[:, None]
    in_index = fall / np.maximum(steepness, 1e-12) * np.minimum(relative / _SURFACE_FALL, 1)
    normals: NDArray[np.float64] = in_index @ grid.direction.T
    return normals
