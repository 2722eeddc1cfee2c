"""What stands in the light, as the part of each cell's face that it covers, on a coarse lattice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import EmptySceneError, ShapeError
from tomosplat.geometry import FloatArray, Grid

Float32Array = NDArray[np.float32]

#: Empty cells around the points: rays start up to 1.25 cells beside them, and what is smoothed needs neighbours.
_MARGIN = 2
#: Cells of the box of the points, at most: what a second of one processor is enough for.
_MAX_CELLS = 1_000_000
#: No cell is covered more than this: extinction stays finite.
_MAX_COVERAGE = 0.999
#: Coverage that falls by this part of itself per cell lies on a surface.
_SURFACE_FALL = 1.0


def coarse_grid(points_mm: ArrayLike, edge: float) -> Grid:
    """Lattice of cubic cells around points [N, 3], of this edge in mm, or larger where too many would be needed.

    Raises:
        EmptySceneError: There is no point.
    """
    points = np.asarray(points_mm, dtype=np.float64)
    if len(points) == 0:
        raise EmptySceneError("nothing stands in the light: there is no point to put a lattice around")
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    edge = max(edge, float(np.cbrt(extent.prod() / _MAX_CELLS)))
    i, j, k = (math.floor(length / edge) + 2 * _MARGIN + 2 for length in extent)
    return Grid.axis_aligned((i, j, k), edge, low - _MARGIN * edge)


def cover(grid: Grid, points_mm: ArrayLike, areas_mm2: ArrayLike) -> Float32Array:
    """Part of each cell's face that is covered, 0..1, [I, J, K]; each area is shared among the 8 nearest cells.

    Args:
        grid: Cubic cells that hold all points with one cell to spare.
        points_mm: [N, 3].
        areas_mm2: [N], area of the light that is taken away at each point.

    Raises:
        ShapeError: There are not as many areas as points.
    """
    index, areas = grid.to_index(points_mm), np.asarray(areas_mm2, dtype=np.float64)
    if areas.shape != (len(index),):
        raise ShapeError(f"areas_mm2 must be [{len(index)}], one for each point, got {areas.shape}")
    corner = np.floor(index).astype(np.intp)
    part = index - corner
    total = np.zeros(grid.n_voxels)
    for offset in np.ndindex(2, 2, 2):
        weights = np.where(offset, part, 1 - part).prod(axis=1)
        cells = np.ravel_multi_index(tuple((corner + offset).T), grid.shape)
        total += np.bincount(cells, weights=weights * areas, minlength=grid.n_voxels)
    covered: Float32Array = np.minimum(total / grid.spacing[0] ** 2, _MAX_COVERAGE).astype(np.float32)
    return covered.reshape(grid.shape)


def surface_normals(coverage: Float32Array, index: FloatArray) -> Float32Array:
    """Outward normals [N, 3] at the cells nearest to index positions [N, 3]; length 0 inside .. 1 on a surface."""
    smooth = coverage
    for axis in range(3):
        smooth = _smoothed(smooth, axis)
    i, j, k = np.floor(index + 0.5).astype(np.intp).T
    fall = 0.5 * np.stack(
        [
            smooth[i - 1, j, k] - smooth[i + 1, j, k],
            smooth[i, j - 1, k] - smooth[i, j + 1, k],
            smooth[i, j, k - 1] - smooth[i, j, k + 1],
        ],
        axis=1,
    )
    steepness = np.linalg.norm(fall, axis=1, keepdims=True)
    relative = steepness / np.maximum(smooth[i, j, k], np.float32(1e-6))[:, None]
    normals: Float32Array = fall / np.maximum(steepness, 1e-12) * np.minimum(relative / _SURFACE_FALL, 1)
    return normals


def _smoothed(values: Float32Array, axis: int) -> Float32Array:
    """Weights of ¼, ½, ¼ along an axis; there is nothing beyond the lattice."""
    result = np.float32(0.5) * values
    ahead, behind = (
        tuple(part if a == axis else slice(None) for a in range(3)) for part in (slice(1, None), slice(None, -1))
    )
    result[ahead] += np.float32(0.25) * values[behind]
    result[behind] += np.float32(0.25) * values[ahead]
    return result
