"""Backward pass of ``projection.project``: gradients of the 6D parameters from those of the records.

The chain, in the notation of ``projection``: with offset d from the camera, v = d / |d|, x = v − means_dir,
s = d + G x and p = R s, a record holds the image point of p, the inverse Q of V = M Σ Mᵀ + 0.3 I with M = J R, log2 of
o exp(−λ xᵀ P x), and the colour along s. Conditioning and projection are computed again rather than stored.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.layout import GRADIENT, SH0, SH1
from tomosplat.render.gpu.projection import (
    jacobian_rows,
    load_channel,
    load_row,
    load_symmetric,
    load_three,
    load_value,
    offset_from_camera,
    projected_covariance,
    rotate,
    shift,
    symmetric_times,
    unclipped_colour,
    view,
)


@triton.jit
def add_value(gradient, i, number: tl.constexpr, value, mask, COUNT: tl.constexpr):
    """Add to value ``number`` of row i of a gradient [N, COUNT]; no other lane or program writes there."""
    at = gradient + i * COUNT + number
    tl.store(at, tl.load(at, mask=mask, other=0) + value, mask=mask)


@triton.jit
def add_three(gradient, i, first: tl.constexpr, x, y, z, mask, COUNT: tl.constexpr):
    """Add to three values side by side."""
    add_value(gradient, i, first, x, mask, COUNT)
    add_value(gradient, i, first + 1, y, mask, COUNT)
    add_value(gradient, i, first + 2, z, mask, COUNT)


@triton.jit
def channel_backward(sh, g_sh, i, channel: tl.constexpr, u, g, n, mask):
    """Add the gradient of one channel's coefficients; return that of the unit direction u."""
    coefficients = load_channel(sh, i, channel, n, mask, False)
    g = tl.where(unclipped_colour(coefficients, u[0], u[1], u[2]) > 0, g, 0.0)
    add_value(g_sh, i, channel, g * SH0, mask, 12)
    add_value(g_sh, i, 3 + channel, -u[1] * g * SH1, mask, 12)
    add_value(g_sh, i, 6 + channel, u[2] * g * SH1, mask, 12)
    add_value(g_sh, i, 9 + channel, -u[0] * g * SH1, mask, 12)
    return -g * coefficients[3] * SH1, -g * coefficients[1] * SH1, g * coefficients[2] * SH1


@triton.jit
def image_backward(s, g_covs, i, camera, p, g_x, g_xx, g_y, g_xy, g_yy, mask):
    """Add the gradient of the covariances s; return that of the point p in camera axes."""
    a, b = jacobian_rows(camera, p[0], p[1], p[2])
    xx, xy, yy, determinant, _ = projected_covariance(s, a, b)
    inverse = 1 / determinant
    qxx, qxy, qyy = (yy * inverse).to(tl.float32), (-xy * inverse).to(tl.float32), (xx * inverse).to(tl.float32)

    # The exponent is −½ δᵀ Q δ with δ = pixel − centre, so dL/dQ = −½ Σ g δδᵀ, and dL/dV = −Q dL/dQ Q.
    left_xx, left_xy = qxx * g_xx + qxy * g_xy, qxx * g_xy + qxy * g_yy
    left_yx, left_yy = qxy * g_xx + qyy * g_xy, qxy * g_xy + qyy * g_yy
    vxx = 0.5 * (left_xx * qxx + left_xy * qxy)
    vxy = 0.5 * (left_xx * qxy + left_xy * qyy)
    vyy = 0.5 * (left_yx * qxy + left_yy * qyy)

    # V = M Σ Mᵀ with rows a, b of M: dL/dΣ = Mᵀ dL/dV M, dL/dM = 2 dL/dV M Σ.
    rx, ry, rz = vxx * a[0] + vxy * b[0], vxx * a[1] + vxy * b[1], vxx * a[2] + vxy * b[2]
    tx, ty, tz = vxy * a[0] + vyy * b[0], vxy * a[1] + vyy * b[1], vxy * a[2] + vyy * b[2]
    off_xy = a[0] * ry + b[0] * ty + a[1] * rx + b[1] * tx
    off_xz = a[0] * rz + b[0] * tz + a[2] * rx + b[2] * tx
    off_yz = a[1] * rz + b[1] * tz + a[2] * ry + b[2] * ty
    add_three(g_covs, i, 0, a[0] * rx + b[0] * tx, off_xy, off_xz, mask, 6)
    add_three(g_covs, i, 3, a[1] * ry + b[1] * ty, off_yz, a[2] * rz + b[2] * tz, mask, 6)
    hx, hy, hz = symmetric_times(s, rx, ry, rz)
    kx, ky, kz = symmetric_times(s, tx, ty, tz)

    # M = (f/z) (rotation row − (x/z held in the frustum) · third row), and centre = f x/z + c.
    fx, fy = tl.load(camera + 12).to(tl.float32), tl.load(camera + 13).to(tl.float32)
    nearness = 1 / p[2]
    u, v = p[0] * nearness, p[1] * nearness
    low_x, high_x = tl.load(camera + 16).to(tl.float32), tl.load(camera + 17).to(tl.float32)
    low_y, high_y = tl.load(camera + 18).to(tl.float32), tl.load(camera + 19).to(tl.float32)
    _, _, along_h = rotate(camera, hx, hy, hz)
    _, _, along_k = rotate(camera, kx, ky, kz)
    g_u = fx * (qxx * g_x + qxy * g_y) - tl.where((u > low_x) & (u < high_x), 2 * fx * nearness * along_h, 0.0)
    g_v = fy * (qxy * g_x + qyy * g_y) - tl.where((v > low_y) & (v < high_y), 2 * fy * nearness * along_k, 0.0)
    focal = 2 * (hx * a[0] + hy * a[1] + hz * a[2] + kx * b[0] + ky * b[1] + kz * b[2])
    return g_u * nearness, g_v * nearness, -nearness * (g_u * u + g_v * v + focal)


@triton.jit
def rotate_back(camera, x, y, z):
    """Camera axes → world axes."""
    a, b, c = load_row(camera, 0), load_row(camera, 3), load_row(camera, 6)
    return a[0] * x + b[0] * y + c[0] * z, a[1] * x + b[1] * y + c[1] * z, a[2] * x + b[2] * y + c[2] * z


@triton.jit
def across(u, gx, gy, gz, length):
    """Gradient of a vector of this length from that of its unit vector u."""
    along = gx * u[0] + gy * u[1] + gz * u[2]
    return (gx - along * u[0]) / length, (gy - along * u[1]) / length, (gz - along * u[2]) / length


@triton.jit
def project_backward(
    means,
    means_dir,
    covs,
    gains,
    precisions_dir,
    opacities,
    sh,
    camera,
    gradients,
    g_means,
    g_means_dir,
    g_covs,
    g_gains,
    g_precisions_dir,
    g_opacities,
    g_sh,
    n,
    direction_weight,
    BLOCK: tl.constexpr,
):
    """Add the gradients of one camera's records, ``gradients`` [N, GRADIENT], to those of the parameters.

    Off-diagonal entries of symmetric matrices count both places where they stand.
    """
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    g, g_x, g_xx = load_three(gradients, i, 0, n, inside, GRADIENT, False)
    g_y, g_xy, g_yy = load_three(gradients, i, 3, n, inside, GRADIENT, False)
    g_red, g_green, g_blue = load_three(gradients, i, 6, n, inside, GRADIENT, False)
    size = tl.abs(g) + tl.abs(g_x) + tl.abs(g_xx) + tl.abs(g_y) + tl.abs(g_xy) + tl.abs(g_yy)
    # What no pixel shows is neither read nor written. NaN is not 0.
    seen = inside & ~((size == 0) & (g_red == 0) & (g_green == 0) & (g_blue == 0))

    offset = offset_from_camera(means, i, n, seen, camera, False)
    distance, v, x = view(offset, load_three(means_dir, i, 0, n, seen, 3, False))
    s = shift(offset, gains, i, n, seen, x, False)
    px, py, pz = rotate(camera, s[0], s[1], s[2])
    p = (px, py, tl.where(seen, pz, 1.0))
    covariance = load_symmetric(covs, i, n, seen, False)
    gpx, gpy, gpz = image_backward(covariance, g_covs, i, camera, p, g_x, g_xx, g_y, g_xy, g_yy, seen)
    length = tl.where(seen, tl.sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]), 1.0)
    u = (s[0] / length, s[1] / length, s[2] / length)
    red_x, red_y, red_z = channel_backward(sh, g_sh, i, 0, u, g_red, n, seen)
    green_x, green_y, green_z = channel_backward(sh, g_sh, i, 1, u, g_green, n, seen)
    blue_x, blue_y, blue_z = channel_backward(sh, g_sh, i, 2, u, g_blue, n, seen)

    # Of s: through p = R s and through the direction of colour, whose length does not matter.
    cx, cy, cz = across(u, red_x + green_x + blue_x, red_y + green_y + blue_y, red_z + green_z + blue_z, length)
    gsx, gsy, gsz = rotate_back(camera, gpx, gpy, gpz)
    gsx, gsy, gsz = gsx + cx, gsy + cy, gsz + cz
    add_three(g_gains, i, 0, gsx * x[0], gsx * x[1], gsx * x[2], seen, 9)
    add_three(g_gains, i, 3, gsy * x[0], gsy * x[1], gsy * x[2], seen, 9)
    add_three(g_gains, i, 6, gsz * x[0], gsz * x[1], gsz * x[2], seen, 9)
    # Of log(opacity), and of m = xᵀ P x through it.
    opacity = load_value(opacities, i, 0, n, seen, 1, False)
    add_value(g_opacities, i, 0, g / tl.where(seen, opacity, 1.0), seen, 1)
    gm = -direction_weight * g
    add_three(g_precisions_dir, i, 0, gm * x[0] * x[0], 2 * gm * x[0] * x[1], 2 * gm * x[0] * x[2], seen, 6)
    add_three(g_precisions_dir, i, 3, gm * x[1] * x[1], 2 * gm * x[1] * x[2], gm * x[2] * x[2], seen, 6)
    # Of x: through the shift G x and through m.
    m = symmetric_times(load_symmetric(precisions_dir, i, n, seen, False), x[0], x[1], x[2])
    row_x, row_y, row_z = (
        load_three(gains, i, 0, n, seen, 9, False),
        load_three(gains, i, 3, n, seen, 9, False),
        load_three(gains, i, 6, n, seen, 9, False),
    )
    gxx = row_x[0] * gsx + row_y[0] * gsy + row_z[0] * gsz + 2 * gm * m[0]
    gxy = row_x[1] * gsx + row_y[1] * gsy + row_z[1] * gsz + 2 * gm * m[1]
    gxz = row_x[2] * gsx + row_y[2] * gsy + row_z[2] * gsz + 2 * gm * m[2]
    add_three(g_means_dir, i, 0, -gxx, -gxy, -gxz, seen, 3)
    dx, dy, dz = across(v, gxx, gxy, gxz, tl.where(seen, distance, 1.0))
    add_three(g_means, i, 0, gsx + dx, gsy + dy, gsz + dz, seen, 3)
