"""Ellipses blended into the pixels of slices, with explicit SIMD values, and their backward passes.

Pictures lie in one flat array of planes: sums of weight times value for each of K channels, then what covers the pixel.
Rows are ``LANES`` pixels longer than the slice at least, so that a vector may begin at any of its pixels. Eight lanes
serve every processor: few rows of a Gaussian of a slice are longer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.constants import ALPHA_MIN, TRANSMITTANCE_MIN
from tomosplat.render.cpu.layout import (
    EXTENT_X,
    EXTENT_Y,
    F32,
    FAST,
    LOG2_ALPHA_MAX,
    LOG2_ALPHA_MIN,
    LOG2_E,
    LOG_OPACITY,
    MEAN_X,
    MEAN_Y,
    OPTIONS,
    QUAD_XX,
    QUAD_XY,
    QUAD_YY,
    RECORD,
    f32,
    uint,
)
from tomosplat.render.cpu.vectors import (
    exp2,
    fma,
    full_like,
    lane_sum,
    load,
    minimum,
    store,
    vector,
    zero_unless,
)

LANES = 8
#: What the kernels take to set the width of their vectors.
LANE_NUMBERS = tuple(float(i) for i in range(LANES))
#: Sums over the pixels of an ellipse of s = dL/dlog(weight) times powers of the offset: s, sx, sxx, sy, sxy, syy.
MOMENTS = 6
_VECTOR: dict[str, Any] = {**OPTIONS, "fastmath": FAST}
_INLINE: dict[str, Any] = {**_VECTOR, "forceinline": True}


@njit(**OPTIONS)
def prepare(first: int, last: int, ellipses: F32, records: F32) -> int:
    """Write the records (see ``layout``) of ellipses first..last; returns the first that is none, or −1."""
    for m in range(first, last):
        uu, uv, vv = np.float64(ellipses[m, 2]), np.float64(ellipses[m, 3]), np.float64(ellipses[m, 4])
        weight = np.float64(ellipses[m, 5])
        determinant = uu * vv - uv * uv
        finite = math.isfinite(ellipses[m, 0] + ellipses[m, 1] + uu + vv + weight)
        if not (uu > 0 and determinant > 0 and weight >= 0 and finite):
            return m
        r = uint(m) * RECORD
        records[r + MEAN_X], records[r + MEAN_Y] = ellipses[m, 0], ellipses[m, 1]
        records[r + QUAD_XX] = -0.5 * LOG2_E * vv / determinant
        records[r + QUAD_XY] = LOG2_E * uv / determinant
        records[r + QUAD_YY] = -0.5 * LOG2_E * uu / determinant
        if weight <= ALPHA_MIN:
            records[r + EXTENT_X] = records[r + EXTENT_Y] = f32(-1)
            continue
        records[r + LOG_OPACITY] = math.log2(weight)
        level = 2 * math.log(weight / ALPHA_MIN)
        records[r + EXTENT_X], records[r + EXTENT_Y] = math.sqrt(level * uu), math.sqrt(level * vv)
    return -1


@njit(**_INLINE)
def _span(center: float, extent: float, first: int, last: int) -> Any:
    """First and one past the last of the whole numbers first..last − 1 within center ± extent."""
    low = np.ceil(min(max(center - extent, f32(first)), f32(last)))
    high = np.floor(max(min(center + extent, f32(last - 1)), f32(first - 1)))
    return np.int64(low), np.int64(high) + 1


@njit(**_VECTOR)
def add(
    first_row: int,
    last_row: int,
    first: int,
    last: int,
    base: int,
    stride: int,
    width: int,
    lanes: tuple[float, ...],
    records: F32,
    values: F32,
    planes: F32,
    plane: int,
) -> None:
    """Add the ellipses first..last to the rows first_row..last_row of a picture.

    Args:
        first_row: First row.
        last_row: One past the last.
        first: First ellipse.
        last: One past the last.
        base: Where the picture begins in each plane.
        stride: Length of its rows.
        width: Its columns.
        lanes: ``LANE_NUMBERS``.
        records: [M * 16], see ``layout``.
        values: [M, K].
        planes: [(K + 1) * plane], zeros at first.
        plane: Length of a plane.
    """
    lane, channels = vector(lanes), values.shape[1]
    for m in range(first, last):
        r = uint(m) * RECORD
        left, right = _span(records[r + MEAN_X], records[r + EXTENT_X], 0, width)
        top, bottom = _span(records[r + MEAN_Y], records[r + EXTENT_Y], first_row, last_row)
        quad_xx = full_like(lane, records[r + QUAD_XX])
        for y in range(top, bottom):
            dy = f32(y) - records[r + MEAN_Y]
            slope = full_like(lane, records[r + QUAD_XY] * dy)
            constant = full_like(lane, records[r + LOG_OPACITY] + records[r + QUAD_YY] * dy * dy)
            row = base + y * stride
            for x in range(left, right, LANES):
                dx = lane + (f32(x) - records[r + MEAN_X])
                log_weight = fma(dx, fma(quad_xx, dx, slope), constant)
                weight = zero_unless(log_weight > LOG2_ALPHA_MIN, exp2(log_weight))
                at = uint(row + x)
                for k in range(channels):
                    store(planes, at, fma(weight, full_like(lane, values[m, k]), load(planes, at, lane)))
                    at += uint(plane)
                store(planes, at, load(planes, at, lane) + weight)


@njit(**_VECTOR)
def add_backward(
    first: int,
    last: int,
    base: int,
    stride: int,
    height: int,
    width: int,
    lanes: tuple[float, ...],
    records: F32,
    values: F32,
    gradients: F32,
    plane: int,
    moments: F32,
    by_values: F32,
) -> None:
    """Write the ``MOMENTS`` [M, 6] and the gradients by values [M, K] of ellipses first..last of a picture.

    ``gradients`` are those of the planes; all else as ``add``.
    """
    lane, channels = vector(lanes), values.shape[1]
    zero = full_like(lane, f32(0))
    sums = np.empty(channels * LANES, np.float32)
    for m in range(first, last):
        r = uint(m) * RECORD
        left, right = _span(records[r + MEAN_X], records[r + EXTENT_X], 0, width)
        top, bottom = _span(records[r + MEAN_Y], records[r + EXTENT_Y], 0, height)
        quad_xx = full_like(lane, records[r + QUAD_XX])
        s, sx, sxx, sy, sxy, syy = zero, zero, zero, zero, zero, zero
        for k in range(channels):
            store(sums, uint(k * LANES), zero)
        for y in range(top, bottom):
            dy = f32(y) - records[r + MEAN_Y]
            slope = full_like(lane, records[r + QUAD_XY] * dy)
            constant = full_like(lane, records[r + LOG_OPACITY] + records[r + QUAD_YY] * dy * dy)
            row = base + y * stride
            for x in range(left, right, LANES):
                dx = lane + (f32(x) - records[r + MEAN_X])
                log_weight = fma(dx, fma(quad_xx, dx, slope), constant)
                weight = zero_unless(log_weight > LOG2_ALPHA_MIN, exp2(log_weight))
                at = uint(row + x)
                slopes = load(gradients, at + uint(channels * plane), lane)
                for k in range(channels):
                    gradient = load(gradients, at, lane)
                    slopes = fma(gradient, full_like(lane, values[m, k]), slopes)
                    of_channel = uint(k * LANES)
                    store(sums, of_channel, fma(gradient, weight, load(sums, of_channel, lane)))
                    at += uint(plane)
                part = slopes * weight
                part_x = part * dx
                s, sx, sxx = s + part, sx + part_x, fma(part_x, dx, sxx)
                sy, sxy, syy = sy + part * dy, sxy + part_x * dy, syy + part * (dy * dy)
        moments[m, 0], moments[m, 1], moments[m, 2] = lane_sum(s), lane_sum(sx), lane_sum(sxx)
        moments[m, 3], moments[m, 4], moments[m, 5] = lane_sum(sy), lane_sum(sxy), lane_sum(syy)
        for k in range(channels):
            by_values[m, k] = lane_sum(load(sums, uint(k * LANES), lane))


@njit(**_VECTOR)
def composite(
    first_row: int,
    last_row: int,
    first: int,
    last: int,
    base: int,
    stride: int,
    width: int,
    lanes: tuple[float, ...],
    records: F32,
    values: F32,
    planes: F32,
    plane: int,
) -> None:
    """Blend the ellipses first..last over one another, the first in front; arguments as ``add``."""
    lane, channels = vector(lanes), values.shape[1]
    one, most = full_like(lane, f32(1)), full_like(lane, LOG2_ALPHA_MAX)
    for m in range(first, last):
        r = uint(m) * RECORD
        left, right = _span(records[r + MEAN_X], records[r + EXTENT_X], 0, width)
        top, bottom = _span(records[r + MEAN_Y], records[r + EXTENT_Y], first_row, last_row)
        quad_xx = full_like(lane, records[r + QUAD_XX])
        for y in range(top, bottom):
            dy = f32(y) - records[r + MEAN_Y]
            slope = full_like(lane, records[r + QUAD_XY] * dy)
            constant = full_like(lane, records[r + LOG_OPACITY] + records[r + QUAD_YY] * dy * dy)
            row = base + y * stride
            for x in range(left, right, LANES):
                dx = lane + (f32(x) - records[r + MEAN_X])
                log_alpha = fma(dx, fma(quad_xx, dx, slope), constant)
                at = uint(row + x)
                covered = uint(channels * plane) + at
                transmittance = one - load(planes, covered, lane)
                drawn = (log_alpha > LOG2_ALPHA_MIN) & (transmittance > f32(TRANSMITTANCE_MIN))
                weight = zero_unless(drawn, exp2(minimum(log_alpha, most)) * transmittance)
                for k in range(channels):
                    store(planes, at, fma(weight, full_like(lane, values[m, k]), load(planes, at, lane)))
                    at += uint(plane)
                store(planes, covered, load(planes, covered, lane) + weight)


@njit(**_VECTOR)
def composite_backward(
    first_row: int,
    last_row: int,
    first: int,
    last: int,
    base: int,
    stride: int,
    width: int,
    lanes: tuple[float, ...],
    records: F32,
    values: F32,
    planes: F32,
    gradients: F32,
    plane: int,
    scratch: F32,
    moments: F32,
    by_values: F32,
) -> None:
    """Add the ``MOMENTS`` and the gradients by values that some rows of a picture contribute.

    Walks front to back as ``composite`` did: what is behind an ellipse is the finished picture without what is in
    front. ``scratch`` [2 * plane], zeros at first, holds the part of dL that is in front, and what covers the pixel.
    """
    lane, channels = vector(lanes), values.shape[1]
    zero, one, most = full_like(lane, f32(0)), full_like(lane, f32(1)), full_like(lane, LOG2_ALPHA_MAX)
    sums = np.empty(channels * LANES, np.float32)
    for m in range(first, last):
        r = uint(m) * RECORD
        left, right = _span(records[r + MEAN_X], records[r + EXTENT_X], 0, width)
        top, bottom = _span(records[r + MEAN_Y], records[r + EXTENT_Y], first_row, last_row)
        quad_xx = full_like(lane, records[r + QUAD_XX])
        s, sx, sxx, sy, sxy, syy = zero, zero, zero, zero, zero, zero
        for k in range(channels):
            store(sums, uint(k * LANES), zero)
        for y in range(top, bottom):
            dy = f32(y) - records[r + MEAN_Y]
            slope = full_like(lane, records[r + QUAD_XY] * dy)
            constant = full_like(lane, records[r + LOG_OPACITY] + records[r + QUAD_YY] * dy * dy)
            row = base + y * stride
            for x in range(left, right, LANES):
                dx = lane + (f32(x) - records[r + MEAN_X])
                log_alpha = fma(dx, fma(quad_xx, dx, slope), constant)
                at = uint(row + x)
                behind, covered = at, at + uint(plane)
                transmittance = one - load(scratch, covered, lane)
                drawn = (log_alpha > LOG2_ALPHA_MIN) & (transmittance > f32(TRANSMITTANCE_MIN))
                alpha = zero_unless(drawn, exp2(minimum(log_alpha, most)))
                weight = alpha * transmittance
                slopes = load(gradients, at + uint(channels * plane), lane)
                whole = slopes * load(planes, at + uint(channels * plane), lane)
                for k in range(channels):
                    gradient = load(gradients, at, lane)
                    slopes = fma(gradient, full_like(lane, values[m, k]), slopes)
                    whole = fma(gradient, load(planes, at, lane), whole)
                    of_channel = uint(k * LANES)
                    store(sums, of_channel, fma(gradient, weight, load(sums, of_channel, lane)))
                    at += uint(plane)
                in_front = fma(weight, slopes, load(scratch, behind, lane))
                store(scratch, behind, in_front)
                store(scratch, covered, load(scratch, covered, lane) + weight)
                rest = alpha * (whole - in_front) / (one - alpha)
                part = zero_unless(log_alpha < LOG2_ALPHA_MAX, zero_unless(drawn, weight * slopes - rest))
                part_x = part * dx
                s, sx, sxx = s + part, sx + part_x, fma(part_x, dx, sxx)
                sy, sxy, syy = sy + part * dy, sxy + part_x * dy, syy + part * (dy * dy)
        moments[m, 0] += lane_sum(s)
        moments[m, 1] += lane_sum(sx)
        moments[m, 2] += lane_sum(sxx)
        moments[m, 3] += lane_sum(sy)
        moments[m, 4] += lane_sum(sxy)
        moments[m, 5] += lane_sum(syy)
        for k in range(channels):
            by_values[m, k] += lane_sum(load(sums, uint(k * LANES), lane))


@njit(**OPTIONS)
def pull_back(first: int, last: int, ellipses: F32, moments: F32, gradients: F32) -> None:
    """Write the gradients [M, 6] by the ellipses first..last that their ``MOMENTS`` mean."""
    for m in range(first, last):
        uu, uv, vv = np.float64(ellipses[m, 2]), np.float64(ellipses[m, 3]), np.float64(ellipses[m, 4])
        determinant = uu * vv - uv * uv
        q_uu, q_uv, q_vv = vv / determinant, -uv / determinant, uu / determinant
        s, sx, sxx, sy, sxy, syy = moments[m]
        gradients[m, 0], gradients[m, 1] = q_uu * sx + q_uv * sy, q_uv * sx + q_vv * sy
        # ½ Q M Q, an off-diagonal entry counted for both places where it stands.
        a_u, b_u = q_uu * sxx + q_uv * sxy, q_uu * sxy + q_uv * syy
        a_v, b_v = q_uv * sxx + q_vv * sxy, q_uv * sxy + q_vv * syy
        gradients[m, 2] = 0.5 * (a_u * q_uu + b_u * q_uv)
        gradients[m, 3] = a_u * q_uv + b_u * q_vv
        gradients[m, 4] = 0.5 * (a_v * q_uv + b_v * q_vv)
        gradients[m, 5] = s / max(np.float64(ellipses[m, 5]), ALPHA_MIN)
