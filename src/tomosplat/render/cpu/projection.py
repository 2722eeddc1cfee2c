"""Projection kernel: 6D Gaussians → one record per Gaussian (see ``layout``), conditioned on the view direction.

A 6D Gaussian is sliced at its own view direction (Gao et al., 6D Gaussian Splatting, eq. 5 to 8), its covariance is
projected with the Jacobian of the perspective at its mean (Zwicker et al., EWA Splatting, eq. 26 to 31). The
functions of one Gaussian are used again by the backward pass.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tomosplat.geometry import SH_C0, SH_C1
from tomosplat.render.constants import COVARIANCE_ROUNDING, LOW_PASS_PX2, NEAR_MM
from tomosplat.render.cpu.layout import (
    BLUE,
    DEPTH,
    EXTENT_X,
    EXTENT_Y,
    F32,
    F64,
    FAST,
    GREEN,
    I32,
    LEVEL,
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
    RED,
    SHEAR,
    SPREAD,
    TILE,
    U8,
    VARIANCE_Y,
    Scalar,
    f32,
    uint,
)

_C0, _C1 = f32(SH_C0), f32(SH_C1)
_LOW_PASS, _NEAR, _ROUNDING = f32(LOW_PASS_PX2), f32(NEAR_MM), f32(COVARIANCE_ROUNDING)


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def symmetric_times(s: F32, i: int, x: float, y: float, z: float) -> Scalar:
    """Product of the symmetric matrix in row i of s [N, 6] with a vector."""
    return (
        s[i, 0] * x + s[i, 1] * y + s[i, 2] * z,
        s[i, 1] * x + s[i, 3] * y + s[i, 4] * z,
        s[i, 2] * x + s[i, 4] * y + s[i, 5] * z,
    )


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def view(i: int, means: F32, means_dir: F32, camera: F64) -> Scalar:
    """Distance from the camera, unit direction v from it, and x = v − means_dir."""
    dx = f32(means[i, 0] - camera[9])
    dy = f32(means[i, 1] - camera[10])
    dz = f32(means[i, 2] - camera[11])
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    if distance == f32(0):
        return distance, means_dir[i, 0], means_dir[i, 1], means_dir[i, 2], f32(0), f32(0), f32(0)
    inverse = f32(1) / distance
    vx, vy, vz = dx * inverse, dy * inverse, dz * inverse
    return distance, vx, vy, vz, vx - means_dir[i, 0], vy - means_dir[i, 1], vz - means_dir[i, 2]


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def shifted_offset(i: int, means: F32, gains: F32, camera: F64, x: float, y: float, z: float) -> Scalar:
    """Conditional mean relative to the camera, in world axes."""
    return (
        f32(means[i, 0] - camera[9]) + gains[i, 0, 0] * x + gains[i, 0, 1] * y + gains[i, 0, 2] * z,
        f32(means[i, 1] - camera[10]) + gains[i, 1, 0] * x + gains[i, 1, 1] * y + gains[i, 1, 2] * z,
        f32(means[i, 2] - camera[11]) + gains[i, 2, 0] * x + gains[i, 2, 1] * y + gains[i, 2, 2] * z,
    )


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def rotate(camera: F64, x: float, y: float, z: float) -> Scalar:
    """World axes → camera axes."""
    return (
        f32(camera[0]) * x + f32(camera[1]) * y + f32(camera[2]) * z,
        f32(camera[3]) * x + f32(camera[4]) * y + f32(camera[5]) * z,
        f32(camera[6]) * x + f32(camera[7]) * y + f32(camera[8]) * z,
    )


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def jacobian_rows(camera: F64, px: float, py: float, pz: float) -> Scalar:
    """Rows of J R: how the image point moves with the world point, x/z and y/z held within the frustum's margin."""
    u = min(max(px / pz, f32(camera[16])), f32(camera[17]))
    v = min(max(py / pz, f32(camera[18])), f32(camera[19]))
    fx, fy = f32(camera[12]) / pz, f32(camera[13]) / pz
    return (
        fx * (f32(camera[0]) - u * f32(camera[6])),
        fx * (f32(camera[1]) - u * f32(camera[7])),
        fx * (f32(camera[2]) - u * f32(camera[8])),
        fy * (f32(camera[3]) - v * f32(camera[6])),
        fy * (f32(camera[4]) - v * f32(camera[7])),
        fy * (f32(camera[5]) - v * f32(camera[8])),
    )


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def projected_covariance(covs: F32, i: int, ax: float, ay: float, az: float, bx: float, by: float, bz: float) -> Scalar:
    """Low-passed 2D covariance (xx, xy, yy), its determinant, and whether ``covs`` is positive semi-definite.

    What is returned is always positive definite: the clamps change nothing for a positive semi-definite covariance but
    undo what rounding does to needles, and more than rounding can do is told.
    """
    ex, ey, ez = symmetric_times(covs, i, ax, ay, az)
    xx = ax * ex + ay * ey + az * ez
    xy = bx * ex + by * ey + bz * ez
    ex, ey, ez = symmetric_times(covs, i, bx, by, bz)
    yy = bx * ex + by * ey + bz * ez
    rounding = _ROUNDING * (covs[i, 0] + covs[i, 3] + covs[i, 5])
    rounding_xx = rounding * (ax * ax + ay * ay + az * az)
    rounding_yy = rounding * (bx * bx + by * by + bz * bz)
    valid = min(covs[i, 0], covs[i, 3], covs[i, 5]) >= f32(0) and xx >= -rounding_xx and yy >= -rounding_yy
    # Comparisons, not min and max, so that NaN stays what it is.
    xx = f32(0) if xx < f32(0) else xx
    yy = f32(0) if yy < f32(0) else yy
    largest = math.sqrt(xx) * math.sqrt(yy)
    valid = valid and abs(xy) <= largest + math.sqrt(rounding_xx) * math.sqrt(rounding_yy)
    xy = largest if xy > largest else xy
    xy = -largest if xy < -largest else xy
    # Float64, for the difference cancels.
    difference = np.float64(xx) * np.float64(yy) - np.float64(xy) * np.float64(xy)
    determinant = max(difference, 0.0) + LOW_PASS_PX2 * (np.float64(xx) + np.float64(yy)) + LOW_PASS_PX2 * LOW_PASS_PX2
    return xx + _LOW_PASS, xy, yy + _LOW_PASS, determinant, valid


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def unclipped_colour(sh: F32, i: int, channel: int, x: float, y: float, z: float) -> Scalar:
    """0.5 + Σ sh Y at unit direction (x, y, z)."""
    linear = z * sh[i, 2, channel] - y * sh[i, 1, channel] - x * sh[i, 3, channel]
    return f32(0.5) + _C0 * sh[i, 0, channel] + _C1 * linear


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def tile_span(center: float, extent: float, n_tiles: int) -> Scalar:
    """First and last tile that centre ± extent touches; first > last where none. Safe for any extent."""
    limit = f32(n_tiles)
    first = np.floor(max(f32(0), (center - extent) / f32(TILE)))
    last = np.floor(min(limit - f32(1), (center + extent) / f32(TILE)))
    return np.int64(min(first, limit)), np.int64(max(last, f32(-1)))


@njit(fastmath=FAST, **OPTIONS)
def project(
    start: int,
    stop: int,
    means: F32,
    means_dir: F32,
    covs: F32,
    gains: F32,
    precisions_dir: F32,
    opacities: F32,
    sh: F32,
    labels: U8,
    visible: U8,
    direction_weight: float,
    camera: F64,
    tiles_x: int,
    tiles_y: int,
    records: F32,
    tile_counts: I32,
) -> int:
    """Write records and the number of tiles in each box (0: not drawn); return the first bad Gaussian or −1."""
    bad = -1
    for i in range(start, stop):
        tile_counts[i] = 0
        if visible[labels[i]] == 0:
            continue
        _, _, _, _, x, y, z = view(i, means, means_dir, camera)
        mx, my, mz = symmetric_times(precisions_dir, i, x, y, z)
        # log2 of the opacity given direction; NaN where the opacity is negative.
        log_opacity = math.log2(opacities[i]) - f32(direction_weight) * LOG2_E * (x * mx + y * my + z * mz)
        sx, sy, sz = shifted_offset(i, means, gains, camera, x, y, z)
        px, py, pz = rotate(camera, sx, sy, sz)
        if log_opacity < LOG2_ALPHA_MIN or pz < _NEAR:
            continue
        ax, ay, az, bx, by, bz = jacobian_rows(camera, px, py, pz)
        xx, xy, yy, determinant, valid = projected_covariance(covs, i, ax, ay, az, bx, by, bz)
        center_x = f32(camera[12]) * (px / pz) + f32(camera[14])
        center_y = f32(camera[13]) * (py / pz) + f32(camera[15])
        level = f32(2) / LOG2_E * (log_opacity - LOG2_ALPHA_MIN)
        extent_x, extent_y = math.sqrt(level * xx), math.sqrt(level * yy)
        scale = f32(1) / math.sqrt(sx * sx + sy * sy + sz * sz)
        ux, uy, uz = sx * scale, sy * scale, sz * scale
        red = unclipped_colour(sh, i, 0, ux, uy, uz)
        green = unclipped_colour(sh, i, 1, ux, uy, uz)
        blue = unclipped_colour(sh, i, 2, ux, uy, uz)
        total = center_x + center_y + extent_x + extent_y + xy + pz + red + green + blue
        if not (valid and math.isfinite(total)):
            bad = i if bad < 0 else bad
            continue
        first_x, last_x = tile_span(center_x, extent_x, tiles_x)
        first_y, last_y = tile_span(center_y, extent_y, tiles_y)
        if first_x > last_x or first_y > last_y:
            continue
        tile_counts[i] = (last_x - first_x + 1) * (last_y - first_y + 1)
        r = uint(i) * RECORD
        records[r + MEAN_X] = center_x
        records[r + MEAN_Y] = center_y
        records[r + QUAD_XX] = f32(-0.5) * LOG2_E * f32(yy / determinant)
        records[r + QUAD_XY] = LOG2_E * f32(xy / determinant)
        records[r + QUAD_YY] = f32(-0.5) * LOG2_E * f32(xx / determinant)
        records[r + LOG_OPACITY] = log_opacity
        records[r + RED] = max(red, f32(0))
        records[r + GREEN] = max(green, f32(0))
        records[r + BLUE] = max(blue, f32(0))
        records[r + EXTENT_X] = extent_x
        records[r + EXTENT_Y] = extent_y
        records[r + DEPTH] = pz
        records[r + SHEAR] = xy / yy
        records[r + SPREAD] = f32(determinant / yy)
        records[r + VARIANCE_Y] = yy
        records[r + LEVEL] = level
    return bad
