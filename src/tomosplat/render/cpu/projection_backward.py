"""Backward pass of ``projection.project``: gradients of the 6D parameters from those of the records.

The chain, in the notation of ``projection``: with offset d from the camera, v = d / |d|, x = v − means_dir,
s = d + G x and p = R s, a record holds the image point of p, the inverse Q of V = M Σ Mᵀ + 0.3 I with M = J R, log2 of
o exp(−λ xᵀ P x), and the colour along s. Conditioning and projection are computed again rather than stored.
"""

from __future__ import annotations

import math

from numba import njit

from tomosplat.geometry import SH_C0, SH_C1
from tomosplat.render.cpu.layout import (
    F32,
    F64,
    FAST,
    GRADIENT,
    OPTIONS,
    SUM_BLUE,
    SUM_G,
    SUM_GREEN,
    SUM_GX,
    SUM_GXX,
    SUM_GXY,
    SUM_GY,
    SUM_GYY,
    SUM_RED,
    Scalar,
    f32,
    uint,
)
from tomosplat.render.cpu.projection import (
    jacobian_rows,
    projected_covariance,
    rotate,
    shifted_offset,
    symmetric_times,
    unclipped_colour,
    view,
)

_C0, _C1 = f32(SH_C0), f32(SH_C1)


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def total(gradients: F32, at: Scalar) -> Scalar:
    """Sum over the threads."""
    result = f32(0)
    for thread in range(gradients.shape[0]):
        result += gradients[thread, at]
    return result


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def put(out: F32, i: int, values: Scalar, accumulate: bool) -> None:
    """Write, or add, a tuple to row i."""
    row = out[i]
    for j in range(len(values)):
        row[j] = row[j] + values[j] if accumulate else values[j]


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def colour_backward(
    i: int, sh: F32, x: Scalar, y: Scalar, z: Scalar, g_rgb: Scalar, accumulate: bool, g_sh: F32
) -> Scalar:
    """Write the gradient of sh; return that of the unit direction (x, y, z)."""
    gx, gy, gz = f32(0), f32(0), f32(0)
    for channel in range(3):
        g = g_rgb[channel] if unclipped_colour(sh, i, channel, x, y, z) > f32(0) else f32(0)
        gx -= _C1 * g * sh[i, 3, channel]
        gy -= _C1 * g * sh[i, 1, channel]
        gz += _C1 * g * sh[i, 2, channel]
        coefficients = (_C0 * g, -_C1 * y * g, _C1 * z * g, -_C1 * x * g)
        put(g_sh[i].T, channel, coefficients, accumulate)
    return gx, gy, gz


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def image_backward(
    i: int, covs: F32, camera: F64, px: Scalar, py: Scalar, pz: Scalar, sums: Scalar, accumulate: bool, g_covs: F32
) -> Scalar:
    """Write the gradient of covs; return that of the point (px, py, pz) in camera axes."""
    _, g_x, g_xx, g_y, g_xy, g_yy = sums
    ax, ay, az, bx, by, bz = jacobian_rows(camera, px, py, pz)
    xx, xy, yy, determinant, _ = projected_covariance(covs, i, ax, ay, az, bx, by, bz)
    qxx, qxy, qyy = f32(yy / determinant), f32(-xy / determinant), f32(xx / determinant)

    # The exponent is −½ δᵀ Q δ with δ = pixel − centre, so dL/dQ = −½ Σ g δδᵀ, and dL/dV = −Q dL/dQ Q.
    left_xx, left_xy = qxx * g_xx + qxy * g_xy, qxx * g_xy + qxy * g_yy
    left_yx, left_yy = qxy * g_xx + qyy * g_xy, qxy * g_xy + qyy * g_yy
    vxx = f32(0.5) * (left_xx * qxx + left_xy * qxy)
    vxy = f32(0.5) * (left_xx * qxy + left_xy * qyy)
    vyy = f32(0.5) * (left_yx * qxy + left_yy * qyy)

    # V = M Σ Mᵀ with rows a, b of M: dL/dΣ = Mᵀ dL/dV M, dL/dM = 2 dL/dV M Σ.
    rx, ry, rz = vxx * ax + vxy * bx, vxx * ay + vxy * by, vxx * az + vxy * bz
    tx, ty, tz = vxy * ax + vyy * bx, vxy * ay + vyy * by, vxy * az + vyy * bz
    off_diagonal = (
        ax * ry + bx * ty + ay * rx + by * tx,
        ax * rz + bx * tz + az * rx + bz * tx,
        ay * rz + by * tz + az * ry + bz * ty,
    )
    diagonal = (ax * rx + bx * tx, ay * ry + by * ty, az * rz + bz * tz)
    put(
        g_covs,
        i,
        (diagonal[0], off_diagonal[0], off_diagonal[1], diagonal[1], off_diagonal[2], diagonal[2]),
        accumulate,
    )
    hx, hy, hz = symmetric_times(covs, i, rx, ry, rz)
    kx, ky, kz = symmetric_times(covs, i, tx, ty, tz)

    # M = (f/z) (rotation row − (x/z held in the frustum) · third row), and centre = f x/z + c.
    fx, fy, inverse = f32(camera[12]), f32(camera[13]), f32(1) / pz
    u, v = px * inverse, py * inverse
    g_u = fx * (qxx * g_x + qxy * g_y)
    g_v = fy * (qxy * g_x + qyy * g_y)
    if f32(camera[16]) < u < f32(camera[17]):
        _, _, along = rotate(camera, hx, hy, hz)
        g_u -= f32(2) * fx * inverse * along
    if f32(camera[18]) < v < f32(camera[19]):
        _, _, along = rotate(camera, kx, ky, kz)
        g_v -= f32(2) * fy * inverse * along
    focal = f32(2) * (hx * ax + hy * ay + hz * az + kx * bx + ky * by + kz * bz)
    return g_u * inverse, g_v * inverse, -inverse * (g_u * u + g_v * v + focal)


@njit(fastmath=FAST, **OPTIONS)
def project_backward(
    start: int,
    stop: int,
    means: F32,
    means_dir: F32,
    covs: F32,
    gains: F32,
    precisions_dir: F32,
    opacities: F32,
    sh: F32,
    direction_weight: float,
    camera: F64,
    gradients: F32,
    accumulate: bool,
    g_means: F32,
    g_means_dir: F32,
    g_covs: F32,
    g_gains: F32,
    g_precisions_dir: F32,
    g_opacities: F32,
    g_sh: F32,
) -> None:
    """Write the gradients of Gaussians start..stop, or add them to those of earlier cameras.

    ``gradients`` [threads, N * GRADIENT] holds what each thread summed; off-diagonal entries of symmetric matrices
    count both places where they stand.
    """
    for i in range(start, stop):
        at = uint(i) * GRADIENT
        sums = (
            total(gradients, at + SUM_G),
            total(gradients, at + SUM_GX),
            total(gradients, at + SUM_GXX),
            total(gradients, at + SUM_GY),
            total(gradients, at + SUM_GXY),
            total(gradients, at + SUM_GYY),
        )
        g_rgb = (
            total(gradients, at + SUM_RED),
            total(gradients, at + SUM_GREEN),
            total(gradients, at + SUM_BLUE),
        )
        if sums == (0, 0, 0, 0, 0, 0) and g_rgb == (0, 0, 0):
            if not accumulate:
                g_means[i], g_means_dir[i], g_covs[i], g_gains[i] = 0, 0, 0, 0
                g_precisions_dir[i], g_opacities[i], g_sh[i] = 0, 0, 0
            continue
        distance, vx, vy, vz, x, y, z = view(i, means, means_dir, camera)
        sx, sy, sz = shifted_offset(i, means, gains, camera, x, y, z)
        px, py, pz = rotate(camera, sx, sy, sz)
        gpx, gpy, gpz = image_backward(i, covs, camera, px, py, pz, sums, accumulate, g_covs)
        scale = f32(1) / math.sqrt(sx * sx + sy * sy + sz * sz)
        ux, uy, uz = sx * scale, sy * scale, sz * scale
        gux, guy, guz = colour_backward(i, sh, ux, uy, uz, g_rgb, accumulate, g_sh)

        # Of s: through p = R s and through the direction of colour, whose length does not matter.
        along = gux * ux + guy * uy + guz * uz
        gsx = f32(camera[0]) * gpx + f32(camera[3]) * gpy + f32(camera[6]) * gpz + scale * (gux - along * ux)
        gsy = f32(camera[1]) * gpx + f32(camera[4]) * gpy + f32(camera[7]) * gpz + scale * (guy - along * uy)
        gsz = f32(camera[2]) * gpx + f32(camera[5]) * gpy + f32(camera[8]) * gpz + scale * (guz - along * uz)
        put(
            g_gains.reshape(-1, 9),
            i,
            (gsx * x, gsx * y, gsx * z, gsy * x, gsy * y, gsy * z, gsz * x, gsz * y, gsz * z),
            accumulate,
        )
        # Of log(opacity), and of m = xᵀ P x through it.
        g_opacity = sums[0] / opacities[i]
        g_opacities[i] = g_opacities[i] + g_opacity if accumulate else g_opacity
        gm = -f32(direction_weight) * sums[0]
        put(
            g_precisions_dir,
            i,
            (gm * x * x, f32(2) * gm * x * y, f32(2) * gm * x * z, gm * y * y, f32(2) * gm * y * z, gm * z * z),
            accumulate,
        )
        # Of x: through the shift G x and through m.
        mx, my, mz = symmetric_times(precisions_dir, i, x, y, z)
        gxx = gains[i, 0, 0] * gsx + gains[i, 1, 0] * gsy + gains[i, 2, 0] * gsz + f32(2) * gm * mx
        gxy = gains[i, 0, 1] * gsx + gains[i, 1, 1] * gsy + gains[i, 2, 1] * gsz + f32(2) * gm * my
        gxz = gains[i, 0, 2] * gsx + gains[i, 1, 2] * gsy + gains[i, 2, 2] * gsz + f32(2) * gm * mz
        put(g_means_dir, i, (-gxx, -gxy, -gxz), accumulate)
        along = gxx * vx + gxy * vy + gxz * vz
        inverse = f32(1) / distance
        put(
            g_means,
            i,
            (
                gsx + inverse * (gxx - along * vx),
                gsy + inverse * (gxy - along * vy),
                gsz + inverse * (gxz - along * vz),
            ),
            accumulate,
        )
