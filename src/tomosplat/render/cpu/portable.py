"""The kernels of ``compositing`` and ``compositing_backward`` without vector types, for processors without wide ones.

Loops over the 16 pixels of a row, which the compiler turns into what vectors there are. Same arguments, same results up
to rounding; ``lanes`` is not used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.constants import ALPHA_MAX, TRANSMITTANCE_MIN
from tomosplat.render.cpu.compositing import pixel_span, tile_scratch
from tomosplat.render.cpu.layout import (
    BLUE,
    EXTENT_Y,
    F32,
    FAST,
    GRADIENT,
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
    SUM_BLUE,
    SUM_G,
    SUM_GREEN,
    SUM_GX,
    SUM_GXX,
    SUM_GXY,
    SUM_GY,
    SUM_GYY,
    SUM_RED,
    TILE,
    TILE_PIXELS,
    Scalar,
    f32,
    uint,
)
from tomosplat.render.cpu.vectors import EXP2_POLYNOMIAL

#: Sums over a row may be taken in any order; nothing here relies on a rounding that reassoc would cancel.
LOOP_OPTIONS: dict[str, Any] = {**OPTIONS, "fastmath": FAST | {"reassoc"}}
_P0, _P1, _P2, _P3, _P4 = (f32(c) for c in EXP2_POLYNOMIAL)
#: At the upper bound alpha does not move; the margin is the error of ``exp2``.
_HIGHEST_ALPHA = f32(ALPHA_MAX * (1 - 1e-5))
_ROW, _PLANE = uint(TILE), uint(TILE_PIXELS)


@njit(forceinline=True, **LOOP_OPTIONS)
def exp2(exponent: Scalar) -> Scalar:
    """2 to the exponent, relative error 3e-6, for exponents from −126 to 126."""
    whole = np.floor(exponent + f32(0.5))
    f = exponent - f32(whole)
    power = (np.int32(whole) + np.int32(127)) << np.int32(23)
    return np.int32(power).view(np.float32) * (_P0 + f * (_P1 + f * (_P2 + f * (_P3 + f * _P4))))


@njit(forceinline=True, **LOOP_OPTIONS)
def row_alphas(records: F32, r: Scalar, left: Scalar, dy: Scalar, planes: F32, at: Scalar, alphas: F32) -> None:
    """Alpha of one Gaussian along a row of the tile; 0 where it is below ALPHA_MIN or the pixel is finished."""
    constant = records[r + LOG_OPACITY] + records[r + QUAD_YY] * dy * dy
    slope = records[r + QUAD_XY] * dy
    for x in range(_ROW):
        dx = left + f32(x)
        log_alpha = constant + dx * (slope + records[r + QUAD_XX] * dx)
        drawn = log_alpha > LOG2_ALPHA_MIN and planes[at + x] > f32(TRANSMITTANCE_MIN)
        alpha = exp2(min(max(log_alpha, LOG2_ALPHA_MIN), LOG2_ALPHA_MAX))
        alphas[x] = alpha if drawn else f32(0)


@njit(**LOOP_OPTIONS)
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
    """Blend the lists of tiles start..stop into image [H, W, 4]; note how much of each list was needed."""
    height, width = image.shape[0], image.shape[1]
    tiles_x = (width + TILE - 1) // TILE
    planes = tile_scratch(4)  # transmittance, red, green, blue
    alphas = np.empty(TILE, np.float32)
    for tile in range(start, stop):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        planes[:TILE_PIXELS] = f32(1)
        planes[TILE_PIXELS:] = f32(0)
        first, k = uint(tile_starts[tile]), uint(tile_starts[tile])
        while k < uint(tile_starts[tile + 1]):
            if (k - first) % uint(16) == uint(15) and planes[:TILE_PIXELS].max() <= f32(TRANSMITTANCE_MIN):
                break
            r = uint(lists[k]) * RECORD
            mean_x, mean_y = records[r + MEAN_X] - f32(left), records[r + MEAN_Y] - f32(top)
            first_row, last_row = pixel_span(mean_y, records[r + EXTENT_Y])
            for row in range(first_row, last_row + 1):
                at = uint(row) * _ROW
                row_alphas(records, r, f32(0.5) - mean_x, f32(row) + f32(0.5) - mean_y, planes, at, alphas)
                for x in range(_ROW):
                    weight = alphas[x] * planes[at + x]
                    planes[at + x] -= weight
                    planes[at + x + _PLANE] += weight * records[r + RED]
                    planes[at + x + uint(2) * _PLANE] += weight * records[r + GREEN]
                    planes[at + x + uint(3) * _PLANE] += weight * records[r + BLUE]
            k += uint(1)
        n_blended[tile] = k - first
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                p = uint(y * TILE + x)
                for channel in range(3):
                    image[top + y, left + x, channel] = planes[uint(channel + 1) * _PLANE + p]
                image[top + y, left + x, 3] = f32(1) - planes[p]


@njit(**LOOP_OPTIONS)
def composite_backward(
    start: int,
    step: int,
    lanes: tuple[float, ...],
    records: F32,
    tile_starts: I64,
    lists: I32,
    n_blended: I32,
    image: F32,
    image_gradient: F32,
    gradients: F32,
) -> None:
    """Sum the gradients of the records over tiles start, start + step, ... into this thread's ``gradients``."""
    height, width = image.shape[0], image.shape[1]
    tiles_x = (width + TILE - 1) // TILE
    planes = tile_scratch(5)  # transmittance, gradient of red, green, blue, and what lies behind
    alphas = np.empty(TILE, np.float32)
    gradients[:] = f32(0)
    for tile in range(start, n_blended.shape[0], step):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        planes[:TILE_PIXELS] = f32(1)
        planes[TILE_PIXELS:] = f32(0)
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                p = uint(y * TILE + x)
                behind = image_gradient[top + y, left + x, 3] * (image[top + y, left + x, 3] - f32(1))
                for channel in range(3):
                    v = image_gradient[top + y, left + x, channel]
                    planes[p + uint(channel + 1) * _PLANE] = v
                    behind += v * image[top + y, left + x, channel]
                planes[p + uint(4) * _PLANE] = behind
        first = uint(tile_starts[tile])
        for k in range(first, first + uint(n_blended[tile])):
            gaussian = uint(lists[k])
            r, out = gaussian * RECORD, gaussian * GRADIENT
            mean_x, mean_y = records[r + MEAN_X] - f32(left), records[r + MEAN_Y] - f32(top)
            first_row, last_row = pixel_span(mean_y, records[r + EXTENT_Y])
            red, green, blue = records[r + RED], records[r + GREEN], records[r + BLUE]
            for row in range(first_row, last_row + 1):
                at = uint(row) * _ROW
                dy = f32(row) + f32(0.5) - mean_y
                row_alphas(records, r, f32(0.5) - mean_x, dy, planes, at, alphas)
                sum_g, sum_gx, sum_gxx = f32(0), f32(0), f32(0)
                sum_red, sum_green, sum_blue = f32(0), f32(0), f32(0)
                for x in range(_ROW):
                    transmittance, alpha = planes[at + x], alphas[x]
                    weight = alpha * transmittance
                    v_red = planes[at + x + _PLANE]
                    v_green = planes[at + x + uint(2) * _PLANE]
                    v_blue = planes[at + x + uint(3) * _PLANE]
                    v_colour = red * v_red + green * v_green + blue * v_blue
                    behind = planes[at + x + uint(4) * _PLANE] - weight * v_colour
                    planes[at + x + uint(4) * _PLANE] = behind
                    planes[at + x] = transmittance - weight
                    g = alpha * (transmittance * v_colour - behind / (f32(1) - alpha))
                    dx = f32(x) + f32(0.5) - mean_x
                    g = g if alpha < _HIGHEST_ALPHA else f32(0)
                    sum_g += g
                    sum_gx += g * dx
                    sum_gxx += g * dx * dx
                    sum_red += weight * v_red
                    sum_green += weight * v_green
                    sum_blue += weight * v_blue
                gradients[out + SUM_G] += sum_g
                gradients[out + SUM_GX] += sum_gx
                gradients[out + SUM_GXX] += sum_gxx
                gradients[out + SUM_GY] += sum_g * dy
                gradients[out + SUM_GXY] += sum_gx * dy
                gradients[out + SUM_GYY] += sum_g * dy * dy
                gradients[out + SUM_RED] += sum_red
                gradients[out + SUM_GREEN] += sum_green
                gradients[out + SUM_BLUE] += sum_blue
