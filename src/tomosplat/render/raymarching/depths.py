"""How deep the visible part of the scan lies behind each tile of a picture: rays need not search for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, F64, U8
from tomosplat.render.raymarching.kernels import BRICK, ENTRY, INLINE
from tomosplat.render.raymarching.rays import View
from tomosplat.render.raymarching.tiles import EDGE, n_across

#: Bricks along the edge of the blocks that are projected.
_BLOCK = 4
#: Against rounding: share of a voxel, of a pixel, and of a depth.
_CAUTION = 1e-3


def tile_depths(view: View, bricks: U8, height: int, width: int) -> F32:
    """Least and greatest depth [tiles, 2], mm along the camera's axis, of visible bricks; least > greatest for none.

    Args:
        view: The camera.
        bricks: Distances of bricks from visible ones, which have 0.
        height: Pixels.
        width: Pixels.
    """
    depths = np.empty((n_across(height) * n_across(width), 2), np.float32)
    depths[:, 0], depths[:, 1] = np.inf, -np.inf
    _project(view, np.linalg.inv(view.to_index), bricks, height, width, depths)
    return depths


@njit(**INLINE)
def _bounds(bricks: U8, a: int, b: int, c: int) -> Any:
    """First and last visible brick of a block on each axis; first > last where there is none."""
    n_a, n_b, n_c = bricks.shape
    a0, a1, b0, b1, c0, c1 = n_a, -1, n_b, -1, n_c, -1
    for i in range(a, min(a + _BLOCK, n_a)):
        for j in range(b, min(b + _BLOCK, n_b)):
            for k in range(c, min(c + _BLOCK, n_c)):
                if bricks[i, j, k] == 0:
                    a0, a1, b0, b1, c0, c1 = min(a0, i), max(a1, i), min(b0, j), max(b1, j), min(c0, k), max(c1, k)
    return (a0, b0, c0), (a1, b1, c1)


@njit(**INLINE)
def _edges(first: int, last: int, n: int) -> Any:
    """Where bricks first..last begin and end on an axis of n voxels, whose outer halves belong to the last ones."""
    begin = first * int(BRICK) if first > 0 else -0.5
    end = (last + 1) * int(BRICK)
    return begin - _CAUTION, (end if end < n - 1 else n - 0.5) + _CAUTION


@njit(**ENTRY)
def _project(view: View, to_pixel: F64, bricks: U8, height: int, width: int, depths: F32) -> None:
    across, down = (width + EDGE - 1) // EDGE, (height + EDGE - 1) // EDGE
    corners = np.empty((2, 3))
    for a in range(0, bricks.shape[0], _BLOCK):
        for b in range(0, bricks.shape[1], _BLOCK):
            for c in range(0, bricks.shape[2], _BLOCK):
                first, last = _bounds(bricks, a, b, c)
                if last[0] < 0:
                    continue
                for n in range(3):
                    corners[0, n], corners[1, n] = _edges(first[n], last[n], view.shape[n])
                near, far, left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf, np.inf, -np.inf
                for corner in range(8):
                    x = corners[corner & 1, 0] - view.origin[0]
                    y = corners[corner >> 1 & 1, 1] - view.origin[1]
                    z = corners[corner >> 2, 2] - view.origin[2]
                    depth = to_pixel[2, 0] * x + to_pixel[2, 1] * y + to_pixel[2, 2] * z
                    near, far = min(near, depth), max(far, depth)
                    if depth > 0:
                        column = (to_pixel[0, 0] * x + to_pixel[0, 1] * y + to_pixel[0, 2] * z) / depth
                        row = (to_pixel[1, 0] * x + to_pixel[1, 1] * y + to_pixel[1, 2] * z) / depth
                        left, right = min(left, column), max(right, column)
                        top, bottom = min(top, row), max(bottom, row)
                if far <= 0:
                    continue
                if near <= 0:
                    # Beside the camera: it may appear anywhere.
                    near, left, right, top, bottom = 0.0, 0.0, width, 0.0, height
                near, far = near * (1 - _CAUTION), far * (1 + _CAUTION)
                x0, x1 = int(min(max(left - _CAUTION, 0.0), width)) // EDGE, int(min(right + _CAUTION, width)) // EDGE
                y0, y1 = int(min(max(top - _CAUTION, 0.0), height)) // EDGE, int(min(bottom + _CAUTION, height)) // EDGE
                for y in range(y0, min(y1 + 1, down)):
                    for x in range(x0, min(x1 + 1, across)):
                        tile = y * across + x
                        depths[tile, 0], depths[tile, 1] = min(depths[tile, 0], near), max(depths[tile, 1], far)
