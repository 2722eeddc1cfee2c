"""Which Gaussian a collision belongs to: the entry of its block and label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from tomosplat.gaussians import BlockMoments
from tomosplat.render.pathtracer.bricks import BRICK, BRICK_VOXELS, STRIDE
from tomosplat.render.pathtracer.kernels import I64
from tomosplat.render.pathtracer.medium import Medium
from tomosplat.volume.volume import OpticalVolume

Indices = NDArray[np.int64]


def voxels_of_cells(medium: Medium, cells: I64, shape: tuple[int, ...]) -> Indices:
    """Index [N, 3] of the voxels that are stored at ``cells`` of the bricks."""
    filled = np.flatnonzero(medium.majorants > 0)
    bricks = np.stack(np.unravel_index(filled[cells // BRICK_VOXELS], tuple(medium.n_bricks)), axis=1)
    offsets = np.stack(np.unravel_index(cells % BRICK_VOXELS, (STRIDE, STRIDE, STRIDE)), axis=1)
    # Beyond the scan's faces its outermost voxels go on.
    voxels: Indices = np.clip(bricks * BRICK + offsets - 1, 0, np.array(shape) - 1)
    return voxels


def entries_of_voxels(blocks: BlockMoments, optical: OpticalVolume, voxels: Indices) -> Indices:
    """Entry [N] of each voxel: that of its label in its block, else the nearest.

    There is none where the label's matter was too little, where anti-aliasing put some beyond the label's edge, and
    where a block holds more than two labels.
    """
    labels = optical.labels[tuple(voxels.T)]
    widths = np.rint(blocks.pitches / optical.grid.spacing.mean()).astype(np.int64)
    corners = optical.grid.to_index(blocks.centers) + 0.5 - widths[:, None] / 2
    found = np.full(len(voxels), -1, dtype=np.int64)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        keys = _keys(np.rint(corners[rows] / width).astype(np.int64), blocks.labels[rows], optical.grid.shape)
        order = np.argsort(keys)
        open_rows = np.flatnonzero(found < 0)
        wanted = _keys(voxels[open_rows] // width, labels[open_rows], optical.grid.shape)
        place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
        match = rows[order[place]]
        same = keys[order[place]] == wanted
        found[open_rows[same]] = match[same]
    lost = found < 0
    if lost.any():
        found[lost] = KDTree(blocks.means).query(optical.grid.to_world(voxels[lost]), workers=-1)[1]
    return found


def _keys(blocks: Indices, labels: NDArray[np.uint8], shape: tuple[int, ...]) -> Indices:
    keys: Indices = np.ravel_multi_index((*blocks.T, labels.astype(np.int64)), (*shape, 256)).astype(np.int64)
    return keys
