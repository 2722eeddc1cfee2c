"""Backward pass of ``marching.march`` without light: gradients of the voxels and of the tables from the picture's.

Walks every ray front to back as the forward pass did. With v the picture's gradient, E = σc and h = (1 − exp(−σΔ)) / σ,
what lies behind an interval counts through S = v · (colour still to come) − v_alpha T_final, so that

    dL/dE = T h v,   dL/dσ = T (v · E) dh/dσ − Δ S

and both go on to the entries around the value, and through the slope of the tables there to the eight voxels.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.marching import ENOUGH, channels, corner, emitted_in, entry_of, opacity_over, value_in
from tomosplat.render.gpu.rays import RAYS, begin_rays, cell_on, interval


@triton.jit
def weight_slope(sigma, length, opacity, weight):
    """Derivative by σ of (1 − exp(−σΔ)) / σ."""
    x = sigma * length
    thin = x < 0.01
    exact = (length * (1 - opacity) - weight) / tl.where(thin, 1.0, sigma)
    return tl.where(thin, length * length * (x * (1 / 3 - x * 0.125) - 0.5), exact)


@triton.jit
def add_to_row(gradient, row, entry, fraction, share, g, n_entries, mask):
    """Add to the two entries around a value in one row of the tables' gradient; row 0 is not a function's."""
    wanted = (mask & (row > 0))[:, None]
    at = gradient + (row * n_entries + entry)[:, None] * 4 + tl.arange(0, 4)[None, :]
    part = g * share[:, None]
    tl.atomic_add(at, part * (1 - fraction)[:, None], mask=wanted, sem="relaxed")
    tl.atomic_add(at + 4, part * fraction[:, None], mask=wanted, sem="relaxed")


@triton.jit
def march_backward(
    values,
    rows,
    emission,
    view,
    rgba,
    rgba_gradient,
    g_values,
    g_emission,
    n_planes,
    n_i,
    n_j,
    n_k,
    n_entries,
    width,
    height,
    tiles_x,
    low,
    per_unit,
    step,
    seed,
    JITTER: tl.constexpr,
):
    """Add to the gradients of the voxels [I, J, K] and of the tables [R, N, 4]."""
    inside, pixel, ray = begin_rays(view, n_planes, width, height, tiles_x, n_i, n_j, n_k, step, seed, JITTER)
    start, direction, _, length, _, _, first = ray
    pixel = pixel * 4
    v_red = tl.load(rgba_gradient + pixel, mask=inside, other=0)
    v_green = tl.load(rgba_gradient + pixel + 1, mask=inside, other=0)
    v_blue = tl.load(rgba_gradient + pixel + 2, mask=inside, other=0)
    v_alpha = tl.load(rgba_gradient + pixel + 3, mask=inside, other=0)
    behind = v_red * tl.load(rgba + pixel, mask=inside, other=0)
    behind += v_green * tl.load(rgba + pixel + 1, mask=inside, other=0)
    behind += v_blue * tl.load(rgba + pixel + 2, mask=inside, other=0)
    behind -= v_alpha * (1 - tl.load(rgba + pixel + 3, mask=inside, other=0))
    passing, number = tl.full((RAYS,), 1.0, tl.float32), tl.zeros((RAYS,), tl.int32)
    going = inside & (length > 0)
    while tl.max(going.to(tl.int32)) > 0:
        begin, end = interval(first, length, step, number)
        cell = cell_on(start, direction, 0.5 * (begin + end), n_i, n_j, n_k)
        value = value_in(values, cell, n_j, n_k, going)
        entry, fraction, within = entry_of(value, low, per_unit, n_entries)
        emitted, slope = emitted_in(emission, rows, cell, (entry, fraction), n_entries, n_j, n_k, going, False)
        r, g, b, sigma = channels(emitted)
        duration = tl.maximum(end - begin, 0.0)
        opacity, weight = opacity_over(sigma, duration)
        v_emitted = v_red * r + v_green * g + v_blue * b
        behind -= passing * weight * v_emitted
        g_sigma = passing * v_emitted * weight_slope(sigma, duration, opacity, weight) - duration * behind
        share = passing * weight
        g_four = tl.join(tl.join(share * v_red, share * v_blue), tl.join(share * v_green, g_sigma))
        g_four = tl.reshape(g_four, (RAYS, 4))
        g_value = tl.where(within, tl.sum(g_four * slope, axis=1) * per_unit, 0.0)
        for c in tl.static_range(8):
            at, part = corner(cell, c, n_j, n_k)
            row = tl.load(rows + at, mask=going, other=0).to(tl.int32)
            add_to_row(g_emission, row, entry, fraction, part, g_four, n_entries, going)
            tl.atomic_add(g_values + at, part * g_value, mask=going, sem="relaxed")
        passing -= tl.where(going, passing * opacity, 0.0)
        number += 1
        going = going & (first + (number - 1) * step < length) & (passing >= ENOUGH)
