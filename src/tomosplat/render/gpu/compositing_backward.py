"""Backward pass of ``compositing.composite``: gradients of the records from the gradient of the picture.

Walks each tile's list front to back as the forward pass did, so that it decides as that did to the last bit. With
weight w = alpha T of a Gaussian of colour c and the picture's gradient v, what lies behind it counts through
S = v · (colour still to come) − v_alpha T_final, so that

    dL/dalpha = T (v · c) − S / (1 − alpha)

needs nothing stored per pixel but the finished picture. A tile's pixels are summed before anything is added in memory:
nine numbers for each Gaussian of its list, in one instruction.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.compositing import (
    covered,
    fresh_transmittance,
    load_record,
    log2_alpha,
    pixel_columns_rows,
    place,
)
from tomosplat.render.gpu.layout import GRADIENT, LOG2_ALPHA_MAX, N_SUMS

#: One warp holds a whole tile: its sums need no barrier.
WARPS = 1


@triton.jit
def load_channel(pixels, channel: tl.constexpr, inside):
    """One channel of a tile of [H, W, 4]; 0 beyond the picture's edges."""
    return tl.load(pixels + channel, mask=inside, other=0)


@triton.jit
def six_sums(g, dx, dy):
    """Totals of g, g dx, g dx², g dy, g dx dy, g dy² over a tile."""
    gy = g * dy
    # Down the columns first: a lane's pixels share their dx.
    column_g, column_gy = tl.sum(g, axis=0)[None, :], tl.sum(gy, axis=0)[None, :]
    column_gx = column_g * dx
    return (
        tl.sum(column_g),
        tl.sum(column_gx),
        tl.sum(column_gx * dx),
        tl.sum(column_gy),
        tl.sum(column_gy * dx),
        tl.sum(gy * dy),
    )


@triton.jit
def six_in(lane, sums):
    """Six numbers in the lanes 0..5."""
    values = tl.where(lane == 0, sums[0], tl.where(lane == 1, sums[1], sums[2]))
    values = tl.where(lane == 3, sums[3], tl.where(lane == 4, sums[4], values))
    return tl.where(lane == 5, sums[5], values)


@triton.jit
def add_sums(sums, six, red, green, blue):
    """Add nine totals to the nine values at ``sums``."""
    lane = tl.arange(0, 16)
    values = tl.where(lane == 6, red, six_in(lane, six))
    values = tl.where(lane == 7, green, tl.where(lane == 8, blue, values))
    tl.atomic_add(sums + lane, values, mask=lane < N_SUMS, sem="relaxed")


@triton.jit
def composite_backward(records, starts, gaussians, n_blended, image, image_gradient, gradients, width, height, tiles_x):
    """Add the gradients of a tile's records to ``gradients`` [N, GRADIENT]."""
    tile = tl.program_id(0)
    left, top, x, y = place(tile, tiles_x)
    columns, rows = pixel_columns_rows(left, top)
    inside = (columns < width) & (rows < height)
    pixel = (rows.to(tl.int64) * width + columns) * 4
    v_red = load_channel(image_gradient + pixel, 0, inside)
    v_green = load_channel(image_gradient + pixel, 1, inside)
    v_blue = load_channel(image_gradient + pixel, 2, inside)
    v_alpha = load_channel(image_gradient + pixel, 3, inside)
    behind = v_red * load_channel(image + pixel, 0, inside) + v_green * load_channel(image + pixel, 1, inside)
    behind += v_blue * load_channel(image + pixel, 2, inside)
    behind -= v_alpha * (1 - load_channel(image + pixel, 3, inside))
    transmittance = fresh_transmittance(left, top, width, height)
    k = tl.load(starts + tile)
    end = k + tl.load(n_blended + tile)
    while k < end:
        gaussian = tl.load(gaussians + k)
        record = load_record(records, gaussian)
        dx, dy, log_alpha = log2_alpha(record, left, top, x, y)
        drawn, alpha = covered(log_alpha, transmittance)
        # One pair in three to eight has no pixel to draw (benchmarks/gpu.md).
        if tl.max(drawn.to(tl.int32)) > 0:
            weight = tl.where(drawn, alpha * transmittance, 0.0)
            v_colour = v_red * record[6] + v_green * record[7] + v_blue * record[8]
            behind -= weight * v_colour
            v_opacity = transmittance * v_colour - behind / (1 - alpha)
            g = tl.where(drawn & (log_alpha < LOG2_ALPHA_MAX), alpha * v_opacity, 0.0)
            transmittance -= weight
            add_sums(
                gradients + gaussian * GRADIENT,
                six_sums(g, dx, dy),
                tl.sum(weight * v_red),
                tl.sum(weight * v_green),
                tl.sum(weight * v_blue),
            )
        k += 1
