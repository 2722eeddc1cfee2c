"""The order in which pixels are drawn: tile by tile, so that neighbouring rays find their voxels in the cache."""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.raymarching.kernels import INLINE

#: Pixels along the edge of a tile.
EDGE = 16


def n_across(n_pixels: int) -> int:
    """Tiles over a height or width, the last of which may stick out."""
    return -(-n_pixels // EDGE)


@njit(**INLINE)
def tile_bounds(tile: int, height: int, width: int) -> Any:
    """First and last row and column of a tile, the last ones not included."""
    across = (width + EDGE - 1) // EDGE
    row, column = tile // across * EDGE, tile % across * EDGE
    return row, min(row + EDGE, height), column, min(column + EDGE, width)
