"""What each block of 2×2×2 voxels holds, label by label; in index units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: (row, column) entries of a covariance in the order xx, xy, xz, yy, yz, zz, as places in a 3×3 matrix.
_FULL_FROM_SIX = [0, 1, 2, 1, 3, 4, 2, 4, 5]


@dataclass(frozen=True, eq=False)
class LabelBlocks:
    """Entries of one label in one block each; blocks are ``width`` voxels wide.

    Attributes:
        blocks: [N, 3] int32, index of the block.
        labels: [N] uint8.
        means: [N, 3] voxel index, mean position of the extinction.
        covs: [N, 3, 3] voxels², its second moments; each voxel counts as a box, not as a point.
        extinctions: [N] 1/mm, averaged over the block.
        opacities: [N], opacity of half the block's width, averaged over the block.
        rgb: [N, 3] sRGB, averaged with opacity as weight.
        width: Voxels along an edge of a block.
        values: [N], the scan's values averaged with extinction as weight; None where they are not known.
    """

    blocks: NDArray[np.int32]
    labels: NDArray[np.uint8]
    means: Float32Array
    covs: Float32Array
    extinctions: Float32Array
    opacities: Float32Array
    rgb: Float32Array
    width: int
    values: Float32Array | None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, keep: NDArray[np.bool_]) -> LabelBlocks:
        """Return the entries at ``keep`` (bool [N])."""
        return LabelBlocks(
            self.blocks[keep],
            self.labels[keep],
            self.means[keep],
            self.covs[keep],
            self.extinctions[keep],
            self.opacities[keep],
            self.rgb[keep],
            self.width,
            None if self.values is None else self.values[keep],
        )


def label_blocks(optical: OpticalVolume) -> LabelBlocks:
    """Entries of the visible 2×2×2 blocks: the two labels with most extinction in each."""
    blocks = np.argwhere(_any_of_block(optical.extinction > 0)).astype(np.int32)
    rows = np.zeros((len(blocks), 2, 15), dtype=np.float32)
    labels = np.zeros((len(blocks), 2), dtype=np.uint8)
    spacing = np.float32(optical.grid.spacing.mean())
    # Where values are not known, the kernel averages something else of their shape, which is dropped.
    values = np.ascontiguousarray(optical.extinction if optical.values is None else optical.values)
    _accumulate(optical.extinction, optical.rgb, values, optical.labels, blocks, spacing, rows, labels)
    block, slot = np.nonzero(rows[:, :, 9] > 0)
    rows = rows[block, slot]
    covs = rows[:, 3:9][:, _FULL_FROM_SIX].reshape(-1, 3, 3)
    return LabelBlocks(
        blocks[block],
        labels[block, slot],
        means=rows[:, :3],
        covs=covs,
        extinctions=rows[:, 9],
        opacities=rows[:, 10],
        rgb=rows[:, 11:14],
        width=2,
        values=None if optical.values is None else rows[:, 14],
    )


def merge_blocks(entries: LabelBlocks) -> LabelBlocks:
    """Entries of blocks twice as wide, with the same mass, mean and second moments as theirs together."""
    parents = entries.blocks // 2
    shape = tuple(parents.max(axis=0, initial=0) + 1)
    keys = np.ravel_multi_index((*parents.T, entries.labels), (*shape, 256))
    unique, group = np.unique(keys, return_inverse=True)
    *blocks, labels = np.unravel_index(unique, (*shape, 256))

    def total(values: NDArray[np.float32]) -> NDArray[np.float64]:
        columns = values.reshape(len(entries), math.prod(values.shape[1:])).T
        sums = [np.bincount(group, weights=column, minlength=len(unique)) for column in columns]
        summed: NDArray[np.float64] = np.stack(sums, axis=1).reshape(len(unique), *values.shape[1:]).astype(np.float64)
        return summed

    mass, opacity = total(entries.extinctions), total(entries.opacities)
    means = total(entries.extinctions[:, None] * entries.means) / mass[:, None]
    offsets = entries.means - means[group].astype(np.float32)
    squares = entries.covs + offsets[:, :, None] * offsets[:, None, :]
    return LabelBlocks(
        blocks=np.stack(blocks, axis=1).astype(np.int32),
        labels=labels.astype(np.uint8),
        means=means.astype(np.float32),
        covs=(total(entries.extinctions[:, None, None] * squares) / mass[:, None, None]).astype(np.float32),
        extinctions=(mass / 8).astype(np.float32),
        opacities=(1 - (1 - opacity / 8) ** 2).astype(np.float32),
        rgb=(total(entries.opacities[:, None] * entries.rgb) / opacity[:, None]).astype(np.float32),
        width=2 * entries.width,
        values=None
        if entries.values is None
        else (total(entries.extinctions * entries.values) / mass).astype(np.float32),
    )


def _any_of_block(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, [(0, n % 2) for n in mask.shape])
    along_k = padded[:, :, 0::2] | padded[:, :, 1::2]
    along_j = along_k[:, 0::2] | along_k[:, 1::2]
    result: NDArray[np.bool_] = along_j[0::2] | along_j[1::2]
    return result


@njit(cache=True, parallel=True, error_model="numpy")
def _accumulate(extinction, rgb, values, labels, blocks, spacing, rows, row_labels):  # type: ignore[no-untyped-def]
    """Write mean (3), second moments (6), extinction, opacity, rgb (3), value of each block's two main labels."""
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
            if sums[label] > 0:
                row_labels[n, slot] = label
                _write_row(extinction, rgb, values, labels, voxels[:count], label, sums[label], spacing, rows[n, slot])
                sums[label] = 0


@njit(cache=True, error_model="numpy")
def _write_row(extinction, rgb, values, labels, voxels, label, mass, spacing, row):  # type: ignore[no-untyped-def]
    for i, j, k in voxels:
        if labels[i, j, k] == label:
            share = extinction[i, j, k] / mass
            opacity = np.float32(1) - math.exp(-extinction[i, j, k] * spacing)
            row[0] += share * i
            row[1] += share * j
            row[2] += share * k
            row[14] += share * values[i, j, k]
            row[9] += extinction[i, j, k] / np.float32(8)
            row[10] += opacity / np.float32(8)
            for c in range(3):
                row[11 + c] += opacity * rgb[i, j, k, c] / np.float32(8)
    for c in range(3):
        row[11 + c] /= row[10]
    for i, j, k in voxels:
        if labels[i, j, k] == label:
            share = extinction[i, j, k] / mass
            x, y, z = i - row[0], j - row[1], k - row[2]
            row[3] += share * x * x
            row[4] += share * x * y
            row[5] += share * x * z
            row[6] += share * y * y
            row[7] += share * y * z
            row[8] += share * z * z
    # A voxel is a box: variance 1/12 along each of its edges.
    for c in (3, 6, 8):
        row[c] += np.float32(1 / 12)
