"""A volume from the frames of a freehand sweep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tomosplat.errors import EmptySceneError
from tomosplat.geometry import FloatArray, Grid
from tomosplat.slices.stack import TrackedFrames

#: Standard deviation in voxels of the first mean over what is near; it doubles until every gap is closed.
_NEAREST = 0.7
_REACH = 2.0


def compound(frames: TrackedFrames, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean of all pixels around each voxel, and in gaps of those around the gap.

    Every pixel is shared out to the eight voxels around it (linear, mean compounding). What remains empty takes the
    Gaussian-weighted mean of what is near (normalised convolution, Knutsson and Westin 1993), nearest first, but no
    farther from a pixel than half the widest gap between frames: there is nothing outside the sweep. Pixels that are
    black in every frame are the screen around the picture and say nothing.

    Args:
        frames: A sweep with poses.
        grid: Where the volume is, in mm of the frames' poses.

    Returns:
        Values [I, J, K], 0 where nothing is known, and where something is.

    Raises:
        EmptySceneError: No frame reaches the grid.
    """
    total, weight = _shared_out(frames, grid)
    if not weight.any():
        raise EmptySceneError(f"no frame of the sweep reaches {grid}; they are in another frame of reference")
    values = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    known = weight > 0
    away = ndimage.distance_transform_edt(~known, sampling=grid.spacing)
    wanted = away <= _widest_gap(frames) / 2
    sigma = _NEAREST
    while not known[wanted].all():
        mass = _blurred(known.astype(np.float32), sigma)
        found = (mass > 0) & wanted & ~known
        mean = _blurred(np.where(known, values, 0), sigma)
        values[found] = mean[found] / mass[found]
        known |= found
        sigma *= 2
    return values, known


def _shared_out(frames: TrackedFrames, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sum of pixels times weights, and of weights, in each voxel, [I, J, K] each."""
    rows, columns = np.nonzero(frames.values.max(axis=0) > 0)
    pixels = np.stack([columns, rows, np.zeros(len(rows)), np.ones(len(rows))])
    n = grid.n_voxels
    total, weight = np.zeros(n), np.zeros(n)
    for frame, plane in zip(frames.values, frames.planes, strict=True):
        index = grid.to_index((plane[:3] @ pixels).T)
        values = frame[rows, columns]
        low = np.floor(index).astype(np.int64)
        part = index - low
        for corner in np.ndindex(2, 2, 2):
            voxel = low + corner
            share = np.abs(1 - np.array(corner) - part).prod(axis=1)
            inside = np.all((voxel >= 0) & (voxel < grid.shape), axis=1) & (share > 0)
            flat = np.ravel_multi_index(voxel[inside].T, grid.shape)
            total += np.bincount(flat, share[inside] * values[inside], n)
            weight += np.bincount(flat, share[inside], n)
    return total.reshape(grid.shape).astype(np.float32), weight.reshape(grid.shape).astype(np.float32)


def _widest_gap(frames: TrackedFrames) -> float:
    """Most millimetres between the same corner of two frames that follow one another."""
    height, width = frames.values.shape[1:]
    corners = np.array([[u, v, 0, 1] for u in (0, width - 1) for v in (0, height - 1)])
    places: FloatArray = frames.planes[:, :3] @ corners.T
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).max())


def _blurred(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(values, sigma, mode="constant", truncate=_REACH)
    return blurred
