"""Gaussians given that they lie in a plane: 3D Gaussians → ellipses in the pixels of a slice, and gradients back.

The maths is that of ``cpu.slice_conditioning``, in float64 too. What a slice shows of each Gaussian is found first;
only pairs of a slice and a Gaussian that is seen there are computed, one per lane.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.layout import ALPHA_MIN, LN_2


@triton.jit
def load_plane(from_world, plane_number):
    """The three rows of four float64 of a slice, for each lane its own or one for all (see ``SlicePlane``)."""
    at = from_world + plane_number * 12
    return (
        (tl.load(at), tl.load(at + 1), tl.load(at + 2), tl.load(at + 3)),
        (tl.load(at + 4), tl.load(at + 5), tl.load(at + 6), tl.load(at + 7)),
        (tl.load(at + 8), tl.load(at + 9), tl.load(at + 10), tl.load(at + 11)),
    )


@triton.jit
def load_wide(values, at, mask):
    """A value of each lane in float64."""
    return tl.load(values + at, mask=mask, other=0).to(tl.float64)


@triton.jit
def height_in(a, row):
    """Coordinate of a point along one row of a plane."""
    return row[0] * a[0] + row[1] * a[1] + row[2] * a[2] + row[3]


@triton.jit
def symmetric_times_row(s, row):
    """Product of a symmetric matrix xx, xy, xz, yy, yz, zz with a row."""
    return (
        s[0] * row[0] + s[1] * row[1] + s[2] * row[2],
        s[1] * row[0] + s[3] * row[1] + s[4] * row[2],
        s[2] * row[0] + s[4] * row[1] + s[5] * row[2],
    )


@triton.jit
def row_times(row, t):
    """Product of a row with a vector."""
    return row[0] * t[0] + row[1] * t[1] + row[2] * t[2]


@triton.jit
def to_plane(plane, means, covs, i, mask):
    """Mean u, v, height, and covariance uu, uv, uh, vv, vh, hh in the coordinates of the plane."""
    mean = load_wide(means, i * 3, mask), load_wide(means, i * 3 + 1, mask), load_wide(means, i * 3 + 2, mask)
    cov = (
        load_wide(covs, i * 6, mask),
        load_wide(covs, i * 6 + 1, mask),
        load_wide(covs, i * 6 + 2, mask),
        load_wide(covs, i * 6 + 3, mask),
        load_wide(covs, i * 6 + 4, mask),
        load_wide(covs, i * 6 + 5, mask),
    )
    of_u, of_v = symmetric_times_row(cov, plane[0]), symmetric_times_row(cov, plane[1])
    of_h = symmetric_times_row(cov, plane[2])
    return (
        (height_in(mean, plane[0]), height_in(mean, plane[1]), height_in(mean, plane[2])),
        (
            row_times(plane[0], of_u),
            row_times(plane[1], of_u),
            row_times(plane[2], of_u),
            row_times(plane[1], of_v),
            row_times(plane[2], of_v),
            row_times(plane[2], of_h),
        ),
    )


@triton.jit
def falloff(y, s):
    """What the distance to the plane leaves of a Gaussian's opacity."""
    return tl.exp((-0.5 * y[2] * y[2] / s[5]).to(tl.float32)).to(tl.float64)


@triton.jit
def ellipse_of(y, s):
    """Centre u, v and covariance uu, uv, vv given height 0, and the gains k."""
    k_u, k_v = s[2] / s[5], s[4] / s[5]
    covariance = s[0] - s[5] * k_u * k_u, s[1] - s[5] * k_u * k_v, s[3] - s[5] * k_v * k_v
    return y[0] - k_u * y[2], y[1] - k_v * y[2], covariance, k_u, k_v


@triton.jit
def find_shown(from_world, sizes, means, covs, opacities, shown, bad, n, blocks, BLOCK: tl.constexpr):
    """Write ``shown`` [S, N] uint8: which Gaussians weigh more than ALPHA_MIN at a pixel of slices of ``sizes`` [S, 2].

    ``bad`` [1] becomes the first Gaussian that cannot be sliced, if it was larger.
    """
    plane_number = tl.program_id(0) // blocks
    i = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    height, width = tl.load(sizes + plane_number * 2), tl.load(sizes + plane_number * 2 + 1)
    y, s = to_plane(load_plane(from_world, plane_number), means, covs, i, inside)
    opacity = load_wide(opacities, i, inside)
    # Not "<= 0": NaN must not pass.
    sound = (s[5] > 0) & (opacity >= 0) & (tl.abs(y[0] + y[1] + y[2] + s[5] + opacity) < float("inf"))
    thick = tl.where(sound, s[5], 1.0)
    s = s[0], s[1], s[2], s[3], s[4], thick
    weight = tl.where(sound, opacity, 0.0) * falloff(y, s)
    weighs = sound & (weight > ALPHA_MIN)
    u, v, covariance, _, _ = ellipse_of(y, s)
    uu, uv, vv = covariance
    sound = sound & (~weighs | ((uu > 0) & (uu * vv - uv * uv > 0) & (uu + vv < float("inf"))))
    first_bad = tl.min(tl.where(inside & ~sound, i, n))
    if first_bad < n:
        tl.atomic_min(bad, first_bad)
    seen = inside & sound & weighs
    level = 2 * LN_2 * tl.log2((tl.where(seen, weight, 1.0) / ALPHA_MIN).to(tl.float32)).to(tl.float64)
    r_u, r_v = tl.sqrt(level * tl.where(seen, uu, 1.0)), tl.sqrt(level * tl.where(seen, vv, 1.0))
    seen = seen & (u + r_u >= 0) & (u - r_u <= width - 1) & (v + r_v >= 0) & (v - r_v <= height - 1)
    tl.store(shown + plane_number.to(tl.int64) * n + i, seen.to(tl.uint8), mask=inside)


@triton.jit
def condition(from_world, slices, indices, means, covs, opacities, ellipses, m, BLOCK: tl.constexpr):
    """Write ellipses [M, 6] (centre u, v; covariance uu, uv, vv; weight) of M pairs of a slice and a Gaussian."""
    pair = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pair < m
    plane_number, i = tl.load(slices + pair, mask=inside, other=0), tl.load(indices + pair, mask=inside, other=0)
    y, s = to_plane(load_plane(from_world, plane_number), means, covs, i, inside)
    u, v, covariance, _, _ = ellipse_of(y, s)
    at = ellipses + pair.to(tl.int64) * 6
    tl.store(at, u.to(tl.float32), mask=inside)
    tl.store(at + 1, v.to(tl.float32), mask=inside)
    tl.store(at + 2, covariance[0].to(tl.float32), mask=inside)
    tl.store(at + 3, covariance[1].to(tl.float32), mask=inside)
    tl.store(at + 4, covariance[2].to(tl.float32), mask=inside)
    tl.store(at + 5, (load_wide(opacities, i, inside) * falloff(y, s)).to(tl.float32), mask=inside)


@triton.jit
def add_wide(gradient, at, value, mask):
    """Add to a float32 gradient; other lanes and programs may add there too."""
    tl.atomic_add(gradient + at, value.to(tl.float32), mask=mask, sem="relaxed")


@triton.jit
def condition_backward(
    from_world,
    slices,
    indices,
    gradients,
    means,
    covs,
    opacities,
    by_means,
    by_covs,
    by_opacities,
    m,
    BLOCK: tl.constexpr,
):
    """Add the ``gradients`` [M, 6] of ellipses to those of the Gaussians: ``condition`` backwards."""
    pair = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pair < m
    plane_number, i = tl.load(slices + pair, mask=inside, other=0), tl.load(indices + pair, mask=inside, other=0)
    plane = load_plane(from_world, plane_number)
    y, s = to_plane(plane, means, covs, i, inside)
    _, _, _, k_u, k_v = ellipse_of(y, s)
    b, thick = y[2], s[5]
    shape = falloff(y, s)
    row = pair.to(tl.int64) * 6
    g_u, g_v = load_wide(gradients, row, inside), load_wide(gradients, row + 1, inside)
    # Matrix of the gradient by the covariance in the plane: an off-diagonal entry stands there twice.
    g_uu, g_uv = load_wide(gradients, row + 2, inside), 0.5 * load_wide(gradients, row + 3, inside)
    g_vv, g_weight = load_wide(gradients, row + 4, inside), load_wide(gradients, row + 5, inside)
    g_log = g_weight * load_wide(opacities, i, inside) * shape
    t_u, t_v = g_uu * k_u + g_uv * k_v, g_uv * k_u + g_vv * k_v
    by_k_u, by_k_v = -b * g_u - 2 * thick * t_u, -b * g_v - 2 * thick * t_v
    g_uh, g_vh = 0.5 * by_k_u / thick, 0.5 * by_k_v / thick
    g_hh = -(k_u * t_u + k_v * t_v) + 0.5 * g_log * b * b / (thick * thick) - (by_k_u * k_u + by_k_v * k_v) / thick
    g_b = -(g_u * k_u + g_v * k_v) - g_log * b / thick
    g_rows = (g_uu, g_uv, g_uh), (g_uv, g_vv, g_vh), (g_uh, g_vh, g_hh)
    for c in tl.static_range(3):
        by_mean = g_u * plane[0][c] + g_v * plane[1][c] + g_b * plane[2][c]
        add_wide(by_means, i * 3 + c, by_mean, inside)
        # Column c of the gradient by the covariance in the plane, times the plane's matrix.
        column = plane[0][c], plane[1][c], plane[2][c]
        turned = row_times(g_rows[0], column), row_times(g_rows[1], column), row_times(g_rows[2], column)
        for r in tl.static_range(c + 1):
            by_entry = plane[0][r] * turned[0] + plane[1][r] * turned[1] + plane[2][r] * turned[2]
            if r != c:
                by_entry = 2 * by_entry
            # Of xx, xy, xz, yy, yz, zz: r, c with r ≤ c.
            add_wide(by_covs, i * 6 + (r * 3 - r * (r + 1) // 2 + c), by_entry, inside)
    add_wide(by_opacities, i, g_weight * shape, inside)
