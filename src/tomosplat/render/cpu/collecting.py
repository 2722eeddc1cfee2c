"""Depth and coverage: a second walk over the lists of a finished picture, so that the picture itself pays nothing."""

from __future__ import annotations

import numpy as np
from numba import njit

from tomosplat.render.cpu.compositing import pixel_span, tile_scratch
from tomosplat.render.cpu.layout import (
    DEPTH,
    EXTENT_Y,
    F32,
    I32,
    I64,
    MEAN_X,
    MEAN_Y,
    RECORD,
    TILE,
    TILE_PIXELS,
    U8,
    f32,
    uint,
)
from tomosplat.render.cpu.portable import LOOP_OPTIONS, row_alphas

_ROW, _PLANE = uint(TILE), uint(TILE_PIXELS)


@njit(**LOOP_OPTIONS)
def collect(
    start: int,
    stop: int,
    records: F32,
    tile_starts: I64,
    lists: I32,
    n_blended: I32,
    labels: U8,
    groups: U8,
    depth: F32,
    coverage: F32,
) -> None:
    """Write depth [H, W] and coverage [H, W, L] of tiles start..stop; ``groups`` [L, 256] tells who belongs."""
    height, width = depth.shape
    tiles_x = (width + TILE - 1) // TILE
    n_groups = uint(groups.shape[0])
    planes = tile_scratch(3 + groups.shape[0])  # transmittance, weight, weight times depth, weight in each group
    weights = np.empty(TILE, np.float32)
    for tile in range(start, stop):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        planes[:TILE_PIXELS] = f32(1)
        planes[TILE_PIXELS:] = f32(0)
        first = uint(tile_starts[tile])
        for k in range(first, first + uint(n_blended[tile])):
            gaussian = uint(lists[k])
            r = gaussian * RECORD
            mean_x, mean_y = records[r + MEAN_X] - f32(left), records[r + MEAN_Y] - f32(top)
            first_row, last_row = pixel_span(mean_y, records[r + EXTENT_Y])
            for row in range(first_row, last_row + 1):
                at = uint(row) * _ROW
                row_alphas(records, r, f32(0.5) - mean_x, f32(row) + f32(0.5) - mean_y, planes, at, weights)
                for x in range(_ROW):
                    weights[x] *= planes[at + x]
                    planes[at + x] -= weights[x]
                    planes[at + x + _PLANE] += weights[x]
                    planes[at + x + uint(2) * _PLANE] += weights[x] * records[r + DEPTH]
                for group in range(n_groups):
                    if groups[group, labels[gaussian]]:
                        for x in range(_ROW):
                            planes[at + x + (uint(3) + group) * _PLANE] += weights[x]
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                p = uint(y * TILE + x)
                weight = planes[p + _PLANE]
                depth[top + y, left + x] = planes[p + uint(2) * _PLANE] / weight if weight > f32(0) else f32(np.nan)
                for group in range(n_groups):
                    coverage[top + y, left + x, group] = planes[p + (uint(3) + group) * _PLANE]
