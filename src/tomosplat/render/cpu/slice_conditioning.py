"""Gaussians given that they lie in a plane: 3D Gaussians → ellipses in the pixels of a slice, and gradients back.

In coordinates y of the plane (column, row, height in mm) a Gaussian of covariance S is, at height 0 (index h),

    k = S_uvh / S_hh,   mean = y_uv − k y_h,   cov = S_uv − S_hh k kᵀ,   weight = opacity exp(−y_h² / 2 S_hh)

which is the 3D Gaussian itself at the pixels of the plane. Computed in float64, one Gaussian at a time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.constants import ALPHA_MIN
from tomosplat.render.cpu.layout import F32, F64, I64, OPTIONS

#: Rows of matrices [3, 3] and of symmetric entries xx, xy, xz, yy, yz, zz.
_CONTRACT: dict[str, Any] = {**OPTIONS, "fastmath": {"contract"}}
_INLINE: dict[str, Any] = {**_CONTRACT, "inline": "always"}


@njit(**_CONTRACT)
def condition(
    first: int,
    last: int,
    from_world: F64,
    height: int,
    width: int,
    means: F32,
    covs: F32,
    opacities: F32,
    indices: I64,
    ellipses: F32,
) -> tuple[int, int]:
    """Write what the Gaussians first..last show of themselves in a slice, from row ``first`` of the outputs on.

    A Gaussian is left out where it weighs less than ALPHA_MIN at every pixel.

    Args:
        first: First Gaussian.
        last: One past the last.
        from_world: [3, 4], see ``SlicePlane.from_world``.
        height: Rows of the slice.
        width: Its columns.
        means: [N, 3] mm.
        covs: [N, 6] mm².
        opacities: [N].
        indices: [N], which Gaussian each ellipse is of.
        ellipses: [N, 6]: centre u, v in px; covariance uu, uv, vv in px²; weight.

    Returns:
        How many were written, and the first Gaussian that cannot be drawn, or −1.
    """
    count = 0
    y, s = np.empty(3), np.empty((3, 3))
    for n in range(first, last):
        _to_plane(from_world, means[n], covs[n], y, s)
        u, v, b, s_hh = y[0], y[1], y[2], s[2, 2]
        weight = opacities[n] * math.exp(-0.5 * b * b / s_hh)
        # Not "<= 0": NaN must not pass.
        if not (s_hh > 0 and opacities[n] >= 0 and math.isfinite(u + v + b + s_hh + opacities[n])):
            return count, n
        if weight <= ALPHA_MIN:
            continue
        k_u, k_v = s[0, 2] / s_hh, s[1, 2] / s_hh
        c_uu, c_uv, c_vv = s[0, 0] - s_hh * k_u * k_u, s[0, 1] - s_hh * k_u * k_v, s[1, 1] - s_hh * k_v * k_v
        if not (c_uu > 0 and c_uu * c_vv - c_uv * c_uv > 0 and math.isfinite(c_uu + c_vv)):
            return count, n
        u, v = u - k_u * b, v - k_v * b
        level = 2 * math.log(weight / ALPHA_MIN)
        r_u, r_v = math.sqrt(level * c_uu), math.sqrt(level * c_vv)
        if u + r_u < 0 or u - r_u > width - 1 or v + r_v < 0 or v - r_v > height - 1:
            continue
        at = first + count
        indices[at] = n
        ellipses[at, 0], ellipses[at, 1] = u, v
        ellipses[at, 2], ellipses[at, 3], ellipses[at, 4] = c_uu, c_uv, c_vv
        ellipses[at, 5] = weight
        count += 1
    return count, -1


@njit(**_CONTRACT)
def condition_backward(
    first: int,
    last: int,
    from_world: F64,
    starts: I64,
    indices: I64,
    gradients: F32,
    means: F32,
    covs: F32,
    opacities: F32,
    by_means: F32,
    by_covs: F32,
    by_opacities: F32,
) -> None:
    """Add the gradients of the ellipses [M, 6] of Gaussians first..last in all slices to those of the Gaussians.

    ``from_world`` is [S, 3, 4]; slice i has the ellipses starts[i]..starts[i + 1], whose ``indices`` ascend.
    """
    y, s = np.empty(3), np.empty((3, 3))
    g_s, turned = np.empty((3, 3)), np.empty((3, 3))
    for i in range(len(starts) - 1):
        matrix = from_world[i]
        begin = starts[i] + np.searchsorted(indices[starts[i] : starts[i + 1]], first)
        for m in range(begin, starts[i + 1]):
            n = indices[m]
            if n >= last:
                break
            _to_plane(matrix, means[n], covs[n], y, s)
            b, s_hh = y[2], s[2, 2]
            k_u, k_v = s[0, 2] / s_hh, s[1, 2] / s_hh
            shape = math.exp(-0.5 * b * b / s_hh)
            g_u, g_v = np.float64(gradients[m, 0]), np.float64(gradients[m, 1])
            # Matrix of the gradient by the covariance in the plane: an off-diagonal entry stands there twice.
            g_uu, g_uv, g_vv = gradients[m, 2], 0.5 * gradients[m, 3], np.float64(gradients[m, 4])
            g_log = gradients[m, 5] * opacities[n] * shape
            t_u, t_v = g_uu * k_u + g_uv * k_v, g_uv * k_u + g_vv * k_v
            by_k_u, by_k_v = -b * g_u - 2 * s_hh * t_u, -b * g_v - 2 * s_hh * t_v
            g_s[0, 0], g_s[1, 1] = g_uu, g_vv
            g_s[0, 1] = g_s[1, 0] = g_uv
            g_s[0, 2] = g_s[2, 0] = 0.5 * by_k_u / s_hh
            g_s[1, 2] = g_s[2, 1] = 0.5 * by_k_v / s_hh
            g_s[2, 2] = (
                -(k_u * t_u + k_v * t_v) + 0.5 * g_log * b * b / (s_hh * s_hh) - (by_k_u * k_u + by_k_v * k_v) / s_hh
            )
            g_b = -(g_u * k_u + g_v * k_v) - g_log * b / s_hh
            for c in range(3):
                by_means[n, c] += g_u * matrix[0, c] + g_v * matrix[1, c] + g_b * matrix[2, c]
                for r in range(3):
                    turned[r, c] = g_s[r, 0] * matrix[0, c] + g_s[r, 1] * matrix[1, c] + g_s[r, 2] * matrix[2, c]
            entry = 0
            for r in range(3):
                for c in range(r, 3):
                    both = 1.0 if r == c else 2.0
                    by_covs[n, entry] += both * (
                        matrix[0, r] * turned[0, c] + matrix[1, r] * turned[1, c] + matrix[2, r] * turned[2, c]
                    )
                    entry += 1
            by_opacities[n] += gradients[m, 5] * shape


@njit(**_INLINE)
def _to_plane(matrix, mean, cov, y, s):  # type: ignore[no-untyped-def]
    """Write a Gaussian's mean y [3] and covariance s [3, 3] in the coordinates of the plane."""
    xx, xy, xz, yy, yz, zz = cov[0], cov[1], cov[2], cov[3], cov[4], cov[5]
    for r in range(3):
        m0, m1, m2 = matrix[r, 0], matrix[r, 1], matrix[r, 2]
        y[r] = m0 * mean[0] + m1 * mean[1] + m2 * mean[2] + matrix[r, 3]
        t0, t1, t2 = m0 * xx + m1 * xy + m2 * xz, m0 * xy + m1 * yy + m2 * yz, m0 * xz + m1 * yz + m2 * zz
        for c in range(r, 3):
            s[r, c] = s[c, r] = t0 * matrix[c, 0] + t1 * matrix[c, 1] + t2 * matrix[c, 2]
