"""Projection kernel: 6D Gaussians → one record per Gaussian (see ``layout``), conditioned on the view direction.

A 6D Gaussian is sliced at its own view direction (Gao et al., 6D Gaussian Splatting, eq. 5 to 8), its covariance is
projected with the Jacobian of the perspective at its mean (Zwicker et al., EWA Splatting, eq. 26 to 31). One program
projects BLOCK Gaussians, one per lane. The functions of one block are used again by the backward pass.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.layout import (
    COVARIANCE_ROUNDING,
    EXTENT_X,
    EXTENT_Y,
    LEVEL,
    LOG2_ALPHA_MIN,
    LOG2_E,
    LOW_PASS_PX2,
    NEAR_MM,
    RECORD,
    SH0,
    SH1,
    SHEAR,
    SPREAD,
    TILE,
    VARIANCE_Y,
)


@triton.jit
def load_value(values, i, number: tl.constexpr, n, mask, COUNT: tl.constexpr, PLANES: tl.constexpr):
    """Value ``number`` of the COUNT that each Gaussian has, from rows [N, COUNT] or from planes [COUNT, N]."""
    at = number * n + i if PLANES else i * COUNT + number
    return tl.load(values + at, mask=mask, other=0).to(tl.float32)


@triton.jit
def load_three(values, i, first: tl.constexpr, n, mask, COUNT: tl.constexpr, PLANES: tl.constexpr):
    """Three values of each Gaussian, beginning with value ``first`` of its COUNT."""
    return (
        load_value(values, i, first, n, mask, COUNT, PLANES),
        load_value(values, i, first + 1, n, mask, COUNT, PLANES),
        load_value(values, i, first + 2, n, mask, COUNT, PLANES),
    )


@triton.jit
def load_symmetric(values, i, n, mask, PLANES: tl.constexpr):
    """The six entries xx, xy, xz, yy, yz, zz."""
    xx, xy, xz = load_three(values, i, 0, n, mask, 6, PLANES)
    yy, yz, zz = load_three(values, i, 3, n, mask, 6, PLANES)
    return xx, xy, xz, yy, yz, zz


@triton.jit
def symmetric_times(s, x, y, z):
    """Product of a symmetric matrix (six entries) with a vector."""
    return s[0] * x + s[1] * y + s[2] * z, s[1] * x + s[3] * y + s[4] * z, s[2] * x + s[4] * y + s[5] * z


@triton.jit
def load_row(camera, first: tl.constexpr):
    """Three numbers of a camera (see ``camera_row``), in float32."""
    return (
        tl.load(camera + first).to(tl.float32),
        tl.load(camera + first + 1).to(tl.float32),
        tl.load(camera + first + 2).to(tl.float32),
    )


@triton.jit
def rotate(camera, x, y, z):
    """World axes → camera axes."""
    a, b, c = load_row(camera, 0), load_row(camera, 3), load_row(camera, 6)
    return a[0] * x + a[1] * y + a[2] * z, b[0] * x + b[1] * y + b[2] * z, c[0] * x + c[1] * y + c[2] * z


@triton.jit
def offset_from_camera(means, i, n, mask, camera, PLANES: tl.constexpr):
    """Means relative to the camera, in world axes; subtracted in float64, for the difference cancels."""
    x, y, z = load_three(means, i, 0, n, mask, 3, PLANES)
    return (
        (x.to(tl.float64) - tl.load(camera + 9)).to(tl.float32),
        (y.to(tl.float64) - tl.load(camera + 10)).to(tl.float32),
        (z.to(tl.float64) - tl.load(camera + 11)).to(tl.float32),
    )


@triton.jit
def view(offset, direction):
    """Distance from the camera, unit direction v from it, and x = v − direction; x = 0 where the camera is."""
    distance = tl.sqrt(offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2])
    away = distance > 0
    inverse = 1 / tl.where(away, distance, 1.0)
    vx = tl.where(away, offset[0] * inverse, direction[0])
    vy = tl.where(away, offset[1] * inverse, direction[1])
    vz = tl.where(away, offset[2] * inverse, direction[2])
    return distance, (vx, vy, vz), (vx - direction[0], vy - direction[1], vz - direction[2])


@triton.jit
def shift(offset, gains, i, n, mask, x, PLANES: tl.constexpr):
    """Conditional mean relative to the camera, in world axes: offset + G x."""
    a = load_three(gains, i, 0, n, mask, 9, PLANES)
    b = load_three(gains, i, 3, n, mask, 9, PLANES)
    c = load_three(gains, i, 6, n, mask, 9, PLANES)
    return (
        offset[0] + a[0] * x[0] + a[1] * x[1] + a[2] * x[2],
        offset[1] + b[0] * x[0] + b[1] * x[1] + b[2] * x[2],
        offset[2] + c[0] * x[0] + c[1] * x[1] + c[2] * x[2],
    )


@triton.jit
def jacobian_rows(camera, px, py, pz):
    """Rows of J R: how the image point moves with the world point, x/z and y/z held within the frustum's margin."""
    a, b, c = load_row(camera, 0), load_row(camera, 3), load_row(camera, 6)
    u = tl.minimum(tl.maximum(px / pz, tl.load(camera + 16).to(tl.float32)), tl.load(camera + 17).to(tl.float32))
    v = tl.minimum(tl.maximum(py / pz, tl.load(camera + 18).to(tl.float32)), tl.load(camera + 19).to(tl.float32))
    fx, fy = tl.load(camera + 12).to(tl.float32) / pz, tl.load(camera + 13).to(tl.float32) / pz
    return (
        (fx * (a[0] - u * c[0]), fx * (a[1] - u * c[1]), fx * (a[2] - u * c[2])),
        (fy * (b[0] - v * c[0]), fy * (b[1] - v * c[1]), fy * (b[2] - v * c[2])),
    )


@triton.jit
def projected_covariance(s, a, b):
    """Low-passed 2D covariance (xx, xy, yy), its determinant, and whether ``s`` is positive semi-definite.

    What is returned is always positive definite: the clamps change nothing for a positive semi-definite covariance but
    undo what rounding does to needles, and more than rounding can do is told.
    """
    ex, ey, ez = symmetric_times(s, a[0], a[1], a[2])
    xx = a[0] * ex + a[1] * ey + a[2] * ez
    xy = b[0] * ex + b[1] * ey + b[2] * ez
    ex, ey, ez = symmetric_times(s, b[0], b[1], b[2])
    yy = b[0] * ex + b[1] * ey + b[2] * ez
    rounding = (s[0] + s[3] + s[5]) * COVARIANCE_ROUNDING
    rounding_xx = rounding * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
    rounding_yy = rounding * (b[0] * b[0] + b[1] * b[1] + b[2] * b[2])
    valid = (s[0] >= 0) & (s[3] >= 0) & (s[5] >= 0) & (xx >= -rounding_xx) & (yy >= -rounding_yy)
    # Comparisons, not minimum and maximum, so that NaN stays what it is.
    xx = tl.where(xx < 0, 0.0, xx)
    yy = tl.where(yy < 0, 0.0, yy)
    largest = tl.sqrt(xx) * tl.sqrt(yy)
    valid = valid & (tl.abs(xy) <= largest + tl.sqrt(tl.abs(rounding_xx)) * tl.sqrt(tl.abs(rounding_yy)))
    xy = tl.where(xy > largest, largest, xy)
    xy = tl.where(xy < -largest, -largest, xy)
    # Float64, for the difference cancels.
    wide_xx, wide_xy, wide_yy = xx.to(tl.float64), xy.to(tl.float64), yy.to(tl.float64)
    difference = wide_xx * wide_yy - wide_xy * wide_xy
    low_passed = (wide_xx + wide_yy) * LOW_PASS_PX2 + LOW_PASS_PX2 * LOW_PASS_PX2
    determinant = tl.where(difference < 0, 0.0, difference) + low_passed
    return xx + LOW_PASS_PX2, xy, yy + LOW_PASS_PX2, determinant, valid


@triton.jit
def unclipped_colour(sh, x, y, z):
    """0.5 + Σ sh Y of one channel (four coefficients) at unit direction (x, y, z)."""
    return sh[0] * SH0 + (z * sh[2] - y * sh[1] - x * sh[3]) * SH1 + 0.5


@triton.jit
def load_channel(sh, i, channel: tl.constexpr, n, mask, PLANES: tl.constexpr):
    """The four coefficients of one channel."""
    return (
        load_value(sh, i, channel, n, mask, 12, PLANES),
        load_value(sh, i, 3 + channel, n, mask, 12, PLANES),
        load_value(sh, i, 6 + channel, n, mask, 12, PLANES),
        load_value(sh, i, 9 + channel, n, mask, 12, PLANES),
    )


@triton.jit
def tile_span(center, extent, n_tiles):
    """First and last tile that centre ± extent touches; first > last where none. Safe for any extent."""
    limit = tl.zeros_like(center) + n_tiles
    first = tl.floor(tl.maximum(0.0, (center - extent) * (1 / TILE)))
    last = tl.floor(tl.minimum(limit - 1, (center + extent) * (1 / TILE)))
    return tl.minimum(first, limit).to(tl.int32), tl.maximum(last, -1.0).to(tl.int32)


@triton.jit
def tiles_in_box(center_x, center_y, extent_x, extent_y, drawn, tiles_x, tiles_y):
    """How many tiles the box around each centre touches; 0 for what is not drawn."""
    first_x, last_x = tile_span(tl.where(drawn, center_x, 0.0), tl.where(drawn, extent_x, 0.0), tiles_x)
    first_y, last_y = tile_span(tl.where(drawn, center_y, 0.0), tl.where(drawn, extent_y, 0.0), tiles_y)
    touching = drawn & (first_x <= last_x) & (first_y <= last_y)
    return tl.where(touching, (last_x - first_x + 1) * (last_y - first_y + 1), 0)


@triton.jit
def quadratic_form(xx, xy, yy, determinant):
    """What a record holds of a covariance, xx, xy, yy, whose determinant is float64."""
    # In float64, for the determinant of what fills the screen is too large for float32.
    per_determinant = 1 / determinant * LOG2_E
    quad_xx, quad_yy = -0.5 * (yy * per_determinant).to(tl.float32), -0.5 * (xx * per_determinant).to(tl.float32)
    return quad_xx, (xy * per_determinant).to(tl.float32), quad_yy


@triton.jit
def store_outline(outlines, i, n, extent_x, extent_y, xy, yy, determinant, level, mask):
    """Store what binning needs of a covariance and the ``level`` of its ellipse (see ``layout``)."""
    tl.store(outlines + n * EXTENT_X + i, extent_x, mask=mask)
    tl.store(outlines + n * EXTENT_Y + i, extent_y, mask=mask)
    tl.store(outlines + n * SHEAR + i, xy / yy, mask=mask)
    tl.store(outlines + n * SPREAD + i, (determinant / yy).to(tl.float32), mask=mask)
    tl.store(outlines + n * VARIANCE_Y + i, yy, mask=mask)
    tl.store(outlines + n * LEVEL + i, level, mask=mask)


@triton.jit
def store_four(pointers, a, b, c, d, mask):
    """Store four values of each lane side by side, in one instruction."""
    four = tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), (a.shape[0], 4))
    tl.store(pointers[:, None] + tl.arange(0, 4)[None, :], four, mask=mask[:, None])


@triton.jit
def project(
    means,
    means_dir,
    covs,
    gains,
    precisions_dir,
    opacities,
    sh,
    labels,
    visible,
    camera,
    records,
    outlines,
    depths,
    tile_counts,
    bad,
    n,
    tiles_x,
    tiles_y,
    direction_weight,
    PLANES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write records, outlines, depths (infinite: not drawn) and the number of tiles in each box; lower ``bad`` [1].

    ``bad`` becomes the first Gaussian that cannot be projected, if it was larger.
    """
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    label = tl.load(labels + i, mask=inside, other=0).to(tl.int32)
    shown = inside & (tl.load(visible + label, mask=inside, other=0) != 0)

    offset = offset_from_camera(means, i, n, shown, camera, PLANES)
    direction = load_three(means_dir, i, 0, n, shown, 3, PLANES)
    _, _, x = view(offset, direction)
    m = symmetric_times(load_symmetric(precisions_dir, i, n, shown, PLANES), x[0], x[1], x[2])
    opacity = load_value(opacities, i, 0, n, shown, 1, PLANES)
    # log2 of the opacity given direction; NaN where the opacity is negative or NaN.
    log_opacity = tl.log2(tl.where(opacity > 0, opacity, 1.0))
    log_opacity = tl.where(opacity > 0, log_opacity, tl.where(opacity == 0, -float("inf"), float("nan")))
    log_opacity -= (x[0] * m[0] + x[1] * m[1] + x[2] * m[2]) * direction_weight * LOG2_E
    sx, sy, sz = shift(offset, gains, i, n, shown, x, PLANES)
    px, py, pz = rotate(camera, sx, sy, sz)
    # Not "drawn where large enough", so that NaN goes on to be refused.
    drawn = shown & ~((log_opacity < LOG2_ALPHA_MIN) | (pz < NEAR_MM))

    pz = tl.where(drawn, pz, 1.0)
    a, b = jacobian_rows(camera, px, py, pz)
    xx, xy, yy, determinant, valid = projected_covariance(load_symmetric(covs, i, n, drawn, PLANES), a, b)
    center_x = tl.load(camera + 12).to(tl.float32) * (px / pz) + tl.load(camera + 14).to(tl.float32)
    center_y = tl.load(camera + 13).to(tl.float32) * (py / pz) + tl.load(camera + 15).to(tl.float32)
    level = (tl.where(drawn, log_opacity, 0.0) - LOG2_ALPHA_MIN) * (2 / LOG2_E)
    extent_x, extent_y = tl.sqrt(level * xx), tl.sqrt(level * yy)
    length = tl.sqrt(sx * sx + sy * sy + sz * sz)
    scale = 1 / tl.where(drawn, length, 1.0)
    ux, uy, uz = sx * scale, sy * scale, sz * scale
    red = unclipped_colour(load_channel(sh, i, 0, n, drawn, PLANES), ux, uy, uz)
    green = unclipped_colour(load_channel(sh, i, 1, n, drawn, PLANES), ux, uy, uz)
    blue = unclipped_colour(load_channel(sh, i, 2, n, drawn, PLANES), ux, uy, uz)
    total = center_x + center_y + extent_x + extent_y + xy + pz + red + green + blue
    sound = valid & (tl.abs(total) < float("inf"))
    first_bad = tl.min(tl.where(drawn & ~sound, i, n))
    if first_bad < n:
        tl.atomic_min(bad, first_bad)
    drawn = drawn & sound

    tiles = tiles_in_box(center_x, center_y, extent_x, extent_y, drawn, tiles_x, tiles_y)
    drawn = drawn & (tiles > 0)
    tl.store(tile_counts + i, tiles, mask=inside)
    tl.store(depths + i, tl.where(drawn, pz, float("inf")), mask=inside)
    record = records + i * RECORD
    quad_xx, quad_xy, quad_yy = quadratic_form(xx, xy, yy, determinant)
    red, green, blue = tl.maximum(red, 0.0), tl.maximum(green, 0.0), tl.maximum(blue, 0.0)
    store_four(record, center_x, center_y, quad_xx, quad_xy, drawn)
    store_four(record + 4, quad_yy, log_opacity, red, green, drawn)
    store_four(record + 8, blue, pz, blue, pz, drawn)
    store_outline(outlines, i, n, extent_x, extent_y, xy, yy, determinant, level, drawn)
