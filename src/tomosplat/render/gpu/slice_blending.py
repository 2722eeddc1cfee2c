"""Ellipses blended into the pixels of a slice, and their backward passes, one program for a tile and some channels.

Ellipses become records and are binned as splats are (``layout``, ``binning``). The pixel whose centre the planes call
0, 0 has it at ½, ½ here. A picture is K + 1 planes: sums of weight times value, then what covers the pixel. Everything
is linear in the channels, and what covers a pixel counts like a channel whose values are 1, so that the programs of a
tile share nothing: each has PART channels, and the first has the coverage.
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
from tomosplat.render.gpu.compositing_backward import six_in, six_sums
from tomosplat.render.gpu.layout import (
    ALPHA_MIN,
    LOG2_ALPHA_MAX,
    LOG2_ALPHA_MIN,
    LOG2_E,
    MOMENTS,
    RECORD,
    TILE,
)
from tomosplat.render.gpu.projection import quadratic_form, store_four, store_outline, tiles_in_box


@triton.jit
def load_ellipse(ellipses, m, mask):
    """Centre u, v; covariance uu, uv, vv; weight; and the determinant in float64."""
    at = ellipses + m.to(tl.int64) * 6
    uu, uv = tl.load(at + 2, mask=mask, other=1), tl.load(at + 3, mask=mask, other=0)
    vv = tl.load(at + 4, mask=mask, other=1)
    determinant = uu.to(tl.float64) * vv - uv.to(tl.float64) * uv
    u, v, weight = (
        tl.load(at, mask=mask, other=0),
        tl.load(at + 1, mask=mask, other=0),
        tl.load(at + 5, mask=mask, other=0),
    )
    return u, v, uu, uv, vv, weight, determinant


@triton.jit
def prepare(ellipses, records, outlines, depths, tile_counts, bad, m, tiles_x, tiles_y, BLOCK: tl.constexpr):
    """Write records, outlines, 0 for ``depths`` (infinite: not drawn) and the tiles in each box; lower ``bad`` [1].

    ``bad`` becomes the first ellipse that is none, if it was larger.
    """
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < m
    u, v, uu, uv, vv, weight, determinant = load_ellipse(ellipses, i, inside)
    finite = tl.abs(u + v + uu + vv + weight) < float("inf")
    sound = finite & (uu > 0) & (determinant > 0) & (weight >= 0)
    first_bad = tl.min(tl.where(inside & ~sound, i, m))
    if first_bad < m:
        tl.atomic_min(bad, first_bad)
    drawn = inside & sound & (weight > ALPHA_MIN)
    uu, vv = tl.where(drawn, uu, 1.0), tl.where(drawn, vv, 1.0)
    determinant = tl.where(drawn, determinant, 1.0)
    log_weight = tl.log2(tl.where(drawn, weight, 1.0))
    level = (log_weight - LOG2_ALPHA_MIN) * (2 / LOG2_E)
    extent_u, extent_v = tl.sqrt(level * uu), tl.sqrt(level * vv)
    tiles = tiles_in_box(u + 0.5, v + 0.5, extent_u, extent_v, drawn, tiles_x, tiles_y)
    drawn = drawn & (tiles > 0)
    tl.store(tile_counts + i, tl.where(drawn, tiles, 0), mask=inside)
    tl.store(depths + i, tl.where(drawn, 0.0, float("inf")), mask=inside)
    quad_uu, quad_uv, quad_vv = quadratic_form(uu, uv, vv, determinant)
    record = records + i * RECORD
    store_four(record, u + 0.5, v + 0.5, quad_uu, quad_uv, drawn)
    store_four(record + 4, quad_vv, log_weight, log_weight, log_weight, drawn)
    store_outline(outlines, i, m, extent_u, extent_v, uv, vv, determinant, level, drawn)


@triton.jit
def weigh(log_weight, transmittance, IN_ORDER: tl.constexpr):
    """Where an ellipse is drawn, what it covers, and its weight, in order or added up."""
    if IN_ORDER:
        drawn, alpha = covered(log_weight, transmittance)
        weight = tl.where(drawn, alpha * transmittance, 0.0)
    else:
        drawn = (log_weight > LOG2_ALPHA_MIN) & (transmittance > 0)
        alpha = tl.where(drawn, tl.exp2(log_weight), 0.0)
        weight = alpha
    return drawn, alpha, weight


@triton.jit
def places_of(columns, rows, channel, channels, width, height):
    """Where PART channels of a tile's pixels stand in planes [K + 1, H, W], and which of them there are."""
    inside = ((columns < width) & (rows < height))[:, :, None] & (channel < channels)[None, None, :]
    pixel = rows.to(tl.int64) * width + columns
    return pixel[:, :, None] + (channel * height).to(tl.int64)[None, None, :] * width, inside


@triton.jit
def places_of_coverage(columns, rows, part, channels, width, height):
    """Where what covers a tile's pixels stands in planes [K + 1, H, W], for the first part; nowhere for the others."""
    last_row = tl.where(part == 0, height, 0)
    return (rows.to(tl.int64) + channels * height) * width + columns, (columns < width) & (rows < last_row)


@triton.jit
def blend(
    records,
    starts,
    ellipses,
    values,
    planes,
    channels,
    parts,
    width,
    height,
    tiles_x,
    IN_ORDER: tl.constexpr,
    PART: tl.constexpr,
):
    """Write planes [K + 1, H, W]; ``values`` [M, K]."""
    tile, part = tl.program_id(0) // parts, tl.program_id(0) % parts
    channel = part * PART + tl.arange(0, PART)
    left, top, x, y = place(tile, tiles_x)
    columns, rows = pixel_columns_rows(left, top)
    transmittance = fresh_transmittance(left, top, width, height)
    coverage = tl.zeros((TILE, TILE), tl.float32)
    sums = tl.zeros((TILE, TILE, PART), tl.float32)
    k, end = tl.load(starts + tile), tl.load(starts + tile + 1)
    while k < end:
        m = tl.load(ellipses + k)
        _, _, log_weight = log2_alpha(load_record(records, m), left, top, x, y)
        _, _, weight = weigh(log_weight, transmittance, IN_ORDER)
        if IN_ORDER:
            transmittance -= weight
        coverage += weight
        value = tl.load(values + m.to(tl.int64) * channels + channel, mask=channel < channels, other=0)
        sums += weight[:, :, None] * value[None, None, :]
        k += 1
    at, inside = places_of(columns, rows, channel, channels, width, height)
    tl.store(planes + at, sums, mask=inside)
    at, inside = places_of_coverage(columns, rows, part, channels, width, height)
    tl.store(planes + at, coverage, mask=inside)


@triton.jit
def blend_backward(
    records,
    starts,
    ellipses,
    values,
    planes,
    slopes,
    moments,
    by_values,
    channels,
    parts,
    width,
    height,
    tiles_x,
    IN_ORDER: tl.constexpr,
    PART: tl.constexpr,
):
    """Add to the ``moments`` [M, MOMENTS] and the gradients by values [M, K], from those of the planes (``slopes``).

    In order, it walks as ``blend`` did: what lies behind an ellipse counts through the finished picture's part of dL
    without what is in front (see ``compositing_backward``).
    """
    tile, part = tl.program_id(0) // parts, tl.program_id(0) % parts
    channel = part * PART + tl.arange(0, PART)
    left, top, x, y = place(tile, tiles_x)
    columns, rows = pixel_columns_rows(left, top)
    at, inside = places_of(columns, rows, channel, channels, width, height)
    slope = tl.load(slopes + at, mask=inside, other=0)
    at_coverage, covering = places_of_coverage(columns, rows, part, channels, width, height)
    slope_coverage = tl.load(slopes + at_coverage, mask=covering, other=0)
    behind = tl.zeros((TILE, TILE), tl.float32)
    if IN_ORDER:
        behind += tl.sum(slope * tl.load(planes + at, mask=inside, other=0), axis=2)
        behind += slope_coverage * tl.load(planes + at_coverage, mask=covering, other=0)
    transmittance = fresh_transmittance(left, top, width, height)
    lane = tl.arange(0, MOMENTS)
    k, end = tl.load(starts + tile), tl.load(starts + tile + 1)
    while k < end:
        m = tl.load(ellipses + k).to(tl.int64)
        dx, dy, log_weight = log2_alpha(load_record(records, m), left, top, x, y)
        drawn, alpha, weight = weigh(log_weight, transmittance, IN_ORDER)
        if tl.max(drawn.to(tl.int32)) > 0:
            value = tl.load(values + m * channels + channel, mask=channel < channels, other=0)
            along = slope_coverage + tl.sum(slope * value[None, None, :], axis=2)
            g = weight * along
            if IN_ORDER:
                behind -= g
                transmittance -= weight
                g = tl.where(drawn & (log_weight < LOG2_ALPHA_MAX), g - alpha * behind / (1 - alpha), 0.0)
            tl.atomic_add(moments + m * MOMENTS + lane, six_in(lane, six_sums(g, dx, dy)), mask=lane < 6, sem="relaxed")
            by_value = tl.sum(tl.sum(slope * weight[:, :, None], axis=0), axis=0)
            tl.atomic_add(by_values + m * channels + channel, by_value, mask=channel < channels, sem="relaxed")
        k += 1


@triton.jit
def pull_back(ellipses, moments, gradients, m, BLOCK: tl.constexpr):
    """Write the gradients [M, 6] by the ellipses that their ``moments`` mean."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < m
    _, _, uu, uv, vv, weight, determinant = load_ellipse(ellipses, i, inside)
    q_uu, q_uv, q_vv = vv / determinant, -uv / determinant, uu / determinant
    at = moments + i * MOMENTS
    s, sx = tl.load(at, mask=inside, other=0), tl.load(at + 1, mask=inside, other=0)
    sxx, sy = tl.load(at + 2, mask=inside, other=0), tl.load(at + 3, mask=inside, other=0)
    sxy, syy = tl.load(at + 4, mask=inside, other=0), tl.load(at + 5, mask=inside, other=0)
    # ½ Q M Q, an off-diagonal entry counted for both places where it stands.
    a_u, b_u = q_uu * sxx + q_uv * sxy, q_uu * sxy + q_uv * syy
    a_v, b_v = q_uv * sxx + q_vv * sxy, q_uv * sxy + q_vv * syy
    to = gradients + i.to(tl.int64) * 6
    tl.store(to, (q_uu * sx + q_uv * sy).to(tl.float32), mask=inside)
    tl.store(to + 1, (q_uv * sx + q_vv * sy).to(tl.float32), mask=inside)
    tl.store(to + 2, (0.5 * (a_u * q_uu + b_u * q_uv)).to(tl.float32), mask=inside)
    tl.store(to + 3, (a_u * q_uv + b_u * q_vv).to(tl.float32), mask=inside)
    tl.store(to + 4, (0.5 * (a_v * q_uv + b_v * q_vv)).to(tl.float32), mask=inside)
    tl.store(to + 5, s / tl.maximum(weight, ALPHA_MIN), mask=inside)
