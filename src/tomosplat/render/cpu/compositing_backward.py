"""Backward pass of ``compositing.composite``: gradients of the records from the gradient of the picture.

Walks each tile's list front to back as the forward pass did. With weight w = alpha T of a Gaussian of colour c and the
picture's gradient v, what lies behind it counts through S = v · (colour still to come) − v_alpha T_final, so that

    dL/dalpha = T (v · c) − S / (1 − alpha)

needs nothing stored per pixel but the finished picture.
"""

from __future__ import annotations

from numba import njit

from tomosplat.render.constants import TRANSMITTANCE_MIN
from tomosplat.render.cpu.compositing import VECTOR_OPTIONS, block_span, pixel_span, tile_scratch
from tomosplat.render.cpu.layout import (
    BLUE,
    EXTENT_X,
    EXTENT_Y,
    F32,
    GRADIENT,
    GREEN,
    I32,
    I64,
    LOG2_ALPHA_MAX,
    LOG2_ALPHA_MIN,
    LOG_OPACITY,
    MEAN_X,
    MEAN_Y,
    QUAD_XX,
    QUAD_XY,
    QUAD_YY,
    RECORD,
    RED,
    SUM_BLUE,
    SUM_G,
    SUM_GXY,
    TILE,
    TILE_PIXELS,
    f32,
    uint,
)
from tomosplat.render.cpu.vectors import (
    add_sums,
    exp2,
    fma,
    full_like,
    lane_sum,
    load,
    minimum,
    prefetch,
    store,
    vector,
    zero_unless,
)

_ROW, _PLANE = uint(TILE), uint(TILE_PIXELS)
_V_RED, _V_GREEN, _V_BLUE, _BEHIND = _PLANE, uint(2) * _PLANE, uint(3) * _PLANE, uint(4) * _PLANE
_AHEAD = uint(4)


@njit(**VECTOR_OPTIONS)
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
    pixel_x = vector(lanes)
    one, zero = full_like(pixel_x, f32(1)), full_like(pixel_x, f32(0))
    alpha_top = full_like(pixel_x, LOG2_ALPHA_MAX)
    n_lanes = len(lanes)
    planes = tile_scratch(5)  # transmittance, gradient of red, green, blue, and S
    gradients[:] = f32(0)
    for tile in range(start, n_blended.shape[0], step):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        first = uint(tile_starts[tile])
        end = first + uint(n_blended[tile])
        if first == end:
            continue
        planes[:TILE_PIXELS] = f32(1)
        planes[TILE_PIXELS:] = f32(0)
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                p = uint(y * TILE + x)
                pixel, v = image[top + y, left + x], image_gradient[top + y, left + x]
                planes[p + _V_RED], planes[p + _V_GREEN], planes[p + _V_BLUE] = v[0], v[1], v[2]
                opaque = v[3] * (f32(1) - pixel[3])
                planes[p + _BEHIND] = v[0] * pixel[0] + v[1] * pixel[1] + v[2] * pixel[2] - opaque
        for k in range(first, end):
            gaussian = uint(lists[k])
            r = gaussian * RECORD
            ahead = uint(lists[min(k + _AHEAD, end - uint(1))])
            prefetch(records, ahead * RECORD)
            prefetch(gradients, ahead * GRADIENT)
            mean_x, mean_y = records[r + MEAN_X] - f32(left), records[r + MEAN_Y] - f32(top)
            first_row, last_row = pixel_span(mean_y, records[r + EXTENT_Y])
            first_block, last_block = block_span(mean_x, records[r + EXTENT_X], n_lanes)
            quad_yy = full_like(pixel_x, records[r + QUAD_YY])
            red = full_like(pixel_x, records[r + RED])
            green = full_like(pixel_x, records[r + GREEN])
            blue = full_like(pixel_x, records[r + BLUE])
            sum_g, sum_gx, sum_gxx, sum_gy, sum_gxy, sum_gyy = zero, zero, zero, zero, zero, zero
            sum_red, sum_green, sum_blue = zero, zero, zero
            for block in range(first_block, last_block + 1):
                dx = pixel_x + (f32(block * n_lanes) - mean_x)
                constant = fma(records[r + QUAD_XX] * dx, dx, full_like(pixel_x, records[r + LOG_OPACITY]))
                slope = records[r + QUAD_XY] * dx
                dy = full_like(pixel_x, f32(first_row) + f32(0.5) - mean_y)
                column_g, column_gy, column_gyy = zero, zero, zero
                at = uint(first_row * TILE + block * n_lanes)
                for _ in range(first_row, last_row + 1):
                    log_alpha = fma(dy, fma(quad_yy, dy, slope), constant)
                    transmittance = load(planes, at, pixel_x)
                    drawn = (log_alpha > LOG2_ALPHA_MIN) & (transmittance > f32(TRANSMITTANCE_MIN))
                    alpha = exp2(minimum(log_alpha, alpha_top))
                    weight = zero_unless(drawn, alpha * transmittance)
                    v_red = load(planes, at + _V_RED, pixel_x)
                    v_green = load(planes, at + _V_GREEN, pixel_x)
                    v_blue = load(planes, at + _V_BLUE, pixel_x)
                    v_colour = fma(red, v_red, fma(green, v_green, blue * v_blue))
                    behind = load(planes, at + _BEHIND, pixel_x) - weight * v_colour
                    v_alpha = transmittance * v_colour - behind / (one - alpha)
                    g = zero_unless(drawn & (log_alpha < LOG2_ALPHA_MAX), alpha * v_alpha)
                    store(planes, at + _BEHIND, behind)
                    store(planes, at, transmittance - weight)
                    sum_red = fma(weight, v_red, sum_red)
                    sum_green = fma(weight, v_green, sum_green)
                    sum_blue = fma(weight, v_blue, sum_blue)
                    gy = g * dy
                    column_g, column_gy = column_g + g, column_gy + gy
                    column_gyy = fma(gy, dy, column_gyy)
                    at += _ROW
                    dy = dy + one
                gx = column_g * dx
                sum_g, sum_gx, sum_gxx = sum_g + column_g, sum_gx + gx, fma(gx, dx, sum_gxx)
                sum_gy, sum_gxy = sum_gy + column_gy, fma(column_gy, dx, sum_gxy)
                sum_gyy = sum_gyy + column_gyy
            out = gaussian * GRADIENT
            add_sums(gradients, out + SUM_G, sum_g, sum_gx, sum_gxx, sum_gy)
            add_sums(gradients, out + SUM_GXY, sum_gxy, sum_gyy, sum_red, sum_green)
            gradients[out + SUM_BLUE] += lane_sum(sum_blue)
