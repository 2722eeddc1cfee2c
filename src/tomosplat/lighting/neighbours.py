"""What lies around points, on the grid of 2×2×2 blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from tomosplat.errors import ShapeError
from tomosplat.geometry import Grid

Float32Array = NDArray[np.float32]


class Neighbours:
    """Points that take from each other, the nearer the more.

    Args:
        grid: Of the voxels.
        points_mm: [N, 3] world mm, inside the grid.

    Raises:
        ShapeError: A point lies outside.
    """

    def __init__(self, grid: Grid, points_mm: ArrayLike) -> None:
        self._shape = tuple((n + 1) // 2 for n in grid.shape)
        blocks = np.rint((grid.to_index(points_mm) - 0.5) / 2).astype(np.intp)
        if len(blocks) and not (blocks.min() >= 0 and np.all(blocks.max(axis=0) < self._shape)):
            raise ShapeError("points_mm must lie inside the grid of the optical volume")
        self._flat = np.ravel_multi_index(tuple(blocks.T), self._shape)

    def around(self, values: Float32Array, reach: float) -> Float32Array:
        """Sum of values [N] over all points, weighted by a Gaussian of ``reach`` blocks around each point's block."""
        total = np.bincount(self._flat, weights=values, minlength=int(np.prod(self._shape)))
        spread: Float32Array = gaussian_filter(total.reshape(self._shape).astype(np.float32), reach).ravel()[self._flat]
        return spread
