"""From voxels to Gaussians: what each 2×2×2 block of the working grid holds, label by label."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Less opacity than this is invisible on 8-bit screens, and renderers skip it.
MIN_OPACITY = 1 / 255
#: Opacity that falls by this fraction of itself per block lies on a surface: a half-space blurred by one block does.
_SURFACE_FALL = 0.8
#: Columns of what the kernel writes.
_N_COLUMNS = 15


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """One entry for each label that is visible in a block of 2×2×2 voxels.

    Attributes:
        means: [N, 3] float32 mm, mean position of the extinction of this label in the block.
        covs: [N, 3, 3] float32 mm², its second moments; each voxel counts as a box, not as a point.
        centers: [N, 3] float32 mm, middle of the block.
        opacities: [N] float32, opacity of one voxel's width, averaged over the block.
        extinctions: [N] float32 1/mm, averaged over the block.
        rgb: [N, 3] float32 sRGB, averaged with opacity as weight.
        labels: [N] uint8.
        normals: [N, 3] float32, towards less opacity; length 0 inside or in thin sheets, 1 on the surface of a solid.
        pitch_mm: Edge of a block.
    """

    means: Float32Array
    covs: Float32Array
    centers: Float32Array
    opacities: Float32Array
    extinctions: Float32Array
    rgb: Float32Array
    labels: NDArray[np.uint8]
    normals: Float32Array
    pitch_mm: float

    def __len__(self) -> int:
        return len(self.labels)


def block_moments(optical: OpticalVolume) -> BlockMoments:
    """Moments of what is visible, on the half-resolution grid.

    Two labels that share a block give two entries, so that each organ keeps its edge when the other is hidden; of
    more than two, the two with most extinction count. Entries of opacity below 1/255 are left out.
    """
    blocks = np.argwhere(_any_of_block(optical.extinction > 0)).astype(np.int32)
    spacing = optical.grid.spacing
    rows = np.zeros((len(blocks), 2, _N_COLUMNS), dtype=np.float32)
    labels = np.zeros((len(blocks), 2), dtype=np.uint8)
    _accumulate(optical.extinction, optical.rgb, optical.labels, blocks, np.float32(spacing.mean()), rows, labels)
    opacity_grid = np.zeros([(n + 1) // 2 for n in optical.grid.shape], dtype=np.float32)
    opacity_grid[tuple(blocks.T)] = rows[:, :, 9].sum(axis=1)
    block, slot = np.nonzero(rows[:, :, 9] >= MIN_OPACITY)
    rows, blocks = rows[block, slot], blocks[block]

    to_world = optical.grid.affine[:3, :3]
    covs = np.einsum("ai,nij,bj->nab", to_world, rows[:, [3, 4, 5, 4, 6, 7, 5, 7, 8]].reshape(-1, 3, 3), to_world)
    normals = _outward(opacity_grid, blocks) @ (optical.grid.direction).T
    return BlockMoments(
        means=optical.grid.to_world(rows[:, :3]).astype(np.float32),
        covs=covs.astype(np.float32),
        centers=optical.grid.to_world(2 * blocks + 0.5).astype(np.float32),
        opacities=rows[:, 9],
        extinctions=rows[:, 10],
        rgb=rows[:, 11:14],
        labels=labels[block, slot],
        normals=normals.astype(np.float32),
        pitch_mm=2 * float(spacing.mean()),
    )


def _any_of_block(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, [(0, n % 2) for n in mask.shape])
    along_k = padded[:, :, 0::2] | padded[:, :, 1::2]
    along_j = along_k[:, 0::2] | along_k[:, 1::2]
    result: NDArray[np.bool_] = along_j[0::2] | along_j[1::2]
    return result


def _outward(opacity: Float32Array, blocks: NDArray[np.int32]) -> NDArray[np.float64]:
    """Direction in which opacity falls, in index axes, as long as it is a surface (see ``BlockMoments.normals``)."""
    blurred = np.pad(gaussian_filter(opacity, 1.0), 1, mode="edge")
    i, j, k = (blocks + 1).T
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
    normals: NDArray[np.float64] = fall / np.maximum(steepness, 1e-12) * np.minimum(relative / _SURFACE_FALL, 1)
    return normals


@njit(cache=True, parallel=True, error_model="numpy")
def _accumulate(extinction, rgb, labels, blocks, spacing, rows, row_labels):  # type: ignore[no-untyped-def]
    """Write mean index (3), second moments (6), opacity, extinction and rgb (3) of each block's two main labels."""
    n_i, n_j, n_k = extinction.shape
    for n in prange(blocks.shape[0]):
        voxels = np.empty((8, 3), np.int32)
        sums = np.zeros(256, np.float32)
        count = 0
        for a in range(8):
            i, j, k = 2 * blocks[n, 0] + (a >> 2), 2 * blocks[n, 1] + ((a >> 1) & 1), 2 * blocks[n, 2] + (a & 1)
            if i < n_i and j < n_j and k < n_k and extinction[i, j, k] > 0:
                voxels[count, 0], voxels[count, 1], voxels[count, 2] = i, j, k
                count += 1
                sums[labels[i, j, k]] += extinction[i, j, k]
        for slot in range(2):
            label = np.argmax(sums)
            if sums[label] <= 0:
                break
            sums[label] = 0
            row_labels[n, slot] = label
            row = rows[n, slot]
            mass = np.float32(0)
            for v in range(count):
                i, j, k = voxels[v]
                if labels[i, j, k] != label:
                    continue
                sigma = extinction[i, j, k]
                x, y, z = np.float32(i), np.float32(j), np.float32(k)
                opacity = np.float32(1) - math.exp(-sigma * spacing)
                mass += sigma
                row[0] += sigma * x
                row[1] += sigma * y
                row[2] += sigma * z
                row[9] += opacity / np.float32(8)
                for c in range(3):
                    row[11 + c] += opacity * rgb[i, j, k, c] / np.float32(8)
            for c in range(3):
                row[c] /= mass
                row[11 + c] /= row[9]
            for v in range(count):
                i, j, k = voxels[v]
                if labels[i, j, k] != label:
                    continue
                weight = extinction[i, j, k] / mass
                x, y, z = i - row[0], j - row[1], k - row[2]
                row[3] += weight * x * x
                row[4] += weight * x * y
                row[5] += weight * x * z
                row[6] += weight * y * y
                row[7] += weight * y * z
                row[8] += weight * z * z
            # A voxel is a box: variance 1/12 along each of its edges.
            for c in (3, 6, 8):
                row[c] += np.float32(1 / 12)
            row[10] = mass / np.float32(8)
