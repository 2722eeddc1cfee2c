"""Front-to-back compositing of a tile's list with explicit SIMD values, and its backward pass.

A tile is 16 rows of 16 pixels; a vector holds a row, or half of one. What a Gaussian covers outside its row span is
below ALPHA_MIN and never visited. ``portable`` holds the same kernels without vector types.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.constants import TRANSMITTANCE_MIN
from tomosplat.render.cpu.layout import (
    BLUE,
    EXTENT_X,
    EXTENT_Y,
    F32,
    FAST,
    GREEN,
    I32,
    I64,
    LOG2_ALPHA_MAX,
    LOG2_ALPHA_MIN,
    LOG_OPACITY,
    MEAN_X,
    MEAN_Y,
    OPTIONS,
    QUAD_XX,
    QUAD_XY,
    QUAD_YY,
    RECORD,
    RED,
    TILE,
    TILE_PIXELS,
    f32,
    uint,
)
from tomosplat.render.cpu.vectors import (
    any_lane,
    exp2,
    fma,
    full_like,
    load,
    maximum,
    minimum,
    prefetch,
    store,
    vector,
    zero_unless,
)

VECTOR_OPTIONS: dict[str, Any] = {**OPTIONS, "fastmath": FAST}
#: How many Gaussians pass between two looks at whether every pixel of the tile is finished.
_CHECK_EVERY = uint(16)
_AHEAD = uint(4)

_ROW, _PLANE = uint(TILE), uint(TILE_PIXELS)


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def pixel_span(center: float, extent: float) -> Any:
    """First and last of the 16 pixels whose centres lie within center ± extent; first > last where none."""
    first = np.ceil(max(f32(0), center - extent - f32(0.5)))
    last = np.floor(min(f32(TILE - 1), center + extent - f32(0.5)))
    return np.int64(min(first, f32(TILE))), np.int64(max(last, f32(-1)))


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def block_span(center: float, extent: float, width: int) -> Any:
    """First and last block of ``width`` pixels that center ± extent touches."""
    if width == TILE:
        return 0, 0
    first, last = pixel_span(center, extent)
    return first // width, last // width


@njit(**OPTIONS)
def tile_scratch(n_planes: int) -> Any:
    """Planes of 256 values, starting on a cache line."""
    raw = np.empty(n_planes * TILE_PIXELS + TILE, np.float32)
    start = (-raw.ctypes.data % 64) // 4
    return raw[start : start + n_planes * TILE_PIXELS]


@njit(**VECTOR_OPTIONS)
def composite(
    start: int,
    stop: int,
    lanes: tuple[float, ...],
    records: F32,
    tile_starts: I64,
    lists: I32,
    n_blended: I32,
    image: F32,
) -> None:
    """Blend the lists of tiles start..stop into image [H, W, 4]; note how much of each list was needed.

    ``lanes`` are the pixel centres 0.5, 1.5, ...; their number sets the vectors' width.
    """
    height, width = image.shape[0], image.shape[1]
    tiles_x = (width + TILE - 1) // TILE
    pixel_x = vector(lanes)
    one, zero = full_like(pixel_x, f32(1)), full_like(pixel_x, f32(0))
    alpha_top = full_like(pixel_x, LOG2_ALPHA_MAX)
    n_lanes = len(lanes)
    planes = tile_scratch(4)  # transmittance, red, green, blue
    for tile in range(start, stop):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        for at in range(0, TILE_PIXELS, n_lanes):
            store(planes, at, one)
            for plane in range(1, 4):
                store(planes, plane * TILE_PIXELS + at, zero)
        first, end = uint(tile_starts[tile]), uint(tile_starts[tile + 1])
        k = first
        while k < end:
            if (k - first) % _CHECK_EVERY == _CHECK_EVERY - uint(1):
                brightest = zero
                for at in range(0, TILE_PIXELS, n_lanes):
                    brightest = maximum(brightest, load(planes, at, pixel_x))
                if not any_lane(brightest > f32(TRANSMITTANCE_MIN)):
                    break
            r = uint(lists[k]) * RECORD
            prefetch(records, uint(lists[min(k + _AHEAD, end - uint(1))]) * RECORD)
            mean_x, mean_y = records[r + MEAN_X] - f32(left), records[r + MEAN_Y] - f32(top)
            first_row, last_row = pixel_span(mean_y, records[r + EXTENT_Y])
            first_block, last_block = block_span(mean_x, records[r + EXTENT_X], n_lanes)
            quad_yy = full_like(pixel_x, records[r + QUAD_YY])
            red, green, blue = records[r + RED], records[r + GREEN], records[r + BLUE]
            for block in range(first_block, last_block + 1):
                dx = pixel_x + (f32(block * n_lanes) - mean_x)
                constant = fma(records[r + QUAD_XX] * dx, dx, full_like(pixel_x, records[r + LOG_OPACITY]))
                slope = records[r + QUAD_XY] * dx
                dy = full_like(pixel_x, f32(first_row) + f32(0.5) - mean_y)
                at = uint(first_row * TILE + block * n_lanes)
                for _ in range(first_row, last_row + 1):
                    log_alpha = fma(dy, fma(quad_yy, dy, slope), constant)
                    transmittance = load(planes, at, pixel_x)
                    drawn = (log_alpha > LOG2_ALPHA_MIN) & (transmittance > f32(TRANSMITTANCE_MIN))
                    weight = zero_unless(drawn, exp2(minimum(log_alpha, alpha_top)) * transmittance)
                    store(planes, at, transmittance - weight)
                    store(planes, at + _PLANE, load(planes, at + _PLANE, pixel_x) + weight * red)
                    store(planes, at + uint(2) * _PLANE, load(planes, at + uint(2) * _PLANE, pixel_x) + weight * green)
                    store(planes, at + uint(3) * _PLANE, load(planes, at + uint(3) * _PLANE, pixel_x) + weight * blue)
                    at += _ROW
                    dy = dy + one
            k += uint(1)
        n_blended[tile] = k - first
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                p = uint(y * TILE + x)
                image[top + y, left + x, 0] = planes[_PLANE + p]
                image[top + y, left + x, 1] = planes[uint(2) * _PLANE + p]
                image[top + y, left + x, 2] = planes[uint(3) * _PLANE + p]
                image[top + y, left + x, 3] = f32(1) - planes[p]
