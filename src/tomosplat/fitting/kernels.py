"""One pass over the rows each way: raw rows → scene, and gradients of the scene → Adam's step of the rows.

The same map as ``parameters.to_scene`` and its derivative, written out: autograd would pass over tables of this size
some forty times. Columns stand in the order of ``parameters.columns``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_MEANS, _COV, _OPACITY, _SH, _DIRECTION, _PRECISION, _GAINS, _WIDTH = 0, 3, 9, 10, 22, 25, 31, 40
BETA1, BETA2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-15)

_FAST = {"contract", "nsz", "arcp"}  # not the rest: NaN must be seen
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": _FAST}
_INLINE: dict[str, Any] = _OPTIONS | {"inline": "always"}


@njit(**_OPTIONS)
def activate(first, last, rows, means, means_dir, covs, gains, precisions_dir, opacities, sh):  # type: ignore[no-untyped-def]
    """Write what the rows ``first`` to ``last`` mean; of rows without angular columns, the positional part alone."""
    angular = rows.shape[1] == _WIDTH
    for n in range(first, last):
        row = rows[n]
        for c in range(3):
            means[n, c] = row[_MEANS + c]
        _product(row, _COV, covs[n])
        opacities[n] = np.float32(1) / (np.float32(1) + math.exp(-row[_OPACITY]))
        for c in range(12):
            sh[n, c // 3, c % 3] = row[_SH + c]
        if angular:
            inverse = np.float32(1) / _length(row)
            for c in range(3):
                means_dir[n, c] = row[_DIRECTION + c] * inverse
            _product(row, _PRECISION, precisions_dir[n])
            for c in range(9):
                gains[n, c // 3, c % 3] = row[_GAINS + c]


@njit(**_OPTIONS)
def step(first, last, rows, gradients, momentum, energy, counts, rates):  # type: ignore[no-untyped-def]
    """Adam (Kingma and Ba 2015) on the rows ``first`` to ``last`` that have a gradient; the others stay as they are.

    Args:
        first: First row.
        last: One past the last row.
        rows: [N, P], updated.
        gradients: By means, means_dir, covs, gains, precisions_dir, opacities and sh.
        momentum: [N, P] mean gradient, updated.
        energy: [N, P] mean squared gradient, updated.
        counts: [N] int32 steps taken so far, updated: rows are seen unequally often.
        rates: [P] learning rates.

    Returns:
        The flat index of the first entry whose gradient or new value is not finite, or −1; its row is not updated.
    """
    width = rows.shape[1]
    gradient = np.empty(width, np.float32)
    bad = -1
    for n in range(first, last):
        if not _pull_back(n, rows[n], gradients, gradient):
            continue
        wrong = -1
        for c in range(width):
            if not math.isfinite(gradient[c]):
                wrong = n * width + c
                break
        if wrong >= 0:
            bad = wrong if bad < 0 else bad
            continue
        counts[n] += 1
        unbias1 = np.float32(1) / (np.float32(1) - BETA1 ** np.float32(counts[n]))
        unbias2 = np.float32(1) / (np.float32(1) - BETA2 ** np.float32(counts[n]))
        for c in range(width):
            g = gradient[c]
            m = momentum[n, c] = BETA1 * momentum[n, c] + (np.float32(1) - BETA1) * g
            v = energy[n, c] = BETA2 * energy[n, c] + (np.float32(1) - BETA2) * g * g
            rows[n, c] -= rates[c] * m * unbias1 / (math.sqrt(v * unbias2) + EPSILON)
    return bad


@njit(**_OPTIONS)
def _pull_back(n, row, gradients, out):  # type: ignore[no-untyped-def]
    """Write the gradient of row n; say whether any of it differs from 0."""
    means, means_dir, covs, gains, precisions_dir, opacities, sh = gradients
    for c in range(3):
        out[_MEANS + c] = means[n, c]
    _product_back(row, _COV, covs[n], out)
    opacity = np.float32(1) / (np.float32(1) + math.exp(-row[_OPACITY]))
    out[_OPACITY] = opacities[n] * opacity * (np.float32(1) - opacity)
    for c in range(12):
        out[_SH + c] = sh[n, c // 3, c % 3]
    if len(row) == _WIDTH:
        inverse = np.float32(1) / _length(row)
        along = np.float32(0)
        for c in range(3):
            along += means_dir[n, c] * row[_DIRECTION + c] * inverse
        for c in range(3):
            out[_DIRECTION + c] = (means_dir[n, c] - along * row[_DIRECTION + c] * inverse) * inverse
        _product_back(row, _PRECISION, precisions_dir[n], out)
        for c in range(9):
            out[_GAINS + c] = gains[n, c // 3, c % 3]
    touched = False
    for c in range(len(row)):
        touched = touched or out[c] != 0
    return touched


@njit(**_INLINE)
def _length(row):  # type: ignore[no-untyped-def]
    x, y, z = row[_DIRECTION], row[_DIRECTION + 1], row[_DIRECTION + 2]
    return math.sqrt(x * x + y * y + z * z)


@njit(**_INLINE)
def _product(row, at, out):  # type: ignore[no-untyped-def]
    """L Lᵀ of the six columns from ``at`` on (see ``parameters``)."""
    x, y, z = math.exp(row[at]), math.exp(row[at + 1]), math.exp(row[at + 2])
    yx, zx, zy = row[at + 3], row[at + 4], row[at + 5]
    out[0], out[1], out[2] = x * x, x * y * yx, x * z * zx
    out[3], out[4] = y * y * (yx * yx + np.float32(1)), y * z * (yx * zx + zy)
    out[5] = z * z * (zx * zx + zy * zy + np.float32(1))


@njit(**_INLINE)
def _product_back(row, at, g, out):  # type: ignore[no-untyped-def]
    two = np.float32(2)
    x, y, z = math.exp(row[at]), math.exp(row[at + 1]), math.exp(row[at + 2])
    yx, zx, zy = row[at + 3], row[at + 4], row[at + 5]
    xy, xz, yz = x * y * yx * g[1], x * z * zx * g[2], y * z * (yx * zx + zy) * g[4]
    out[at] = two * x * x * g[0] + xy + xz
    out[at + 1] = xy + two * y * y * (yx * yx + np.float32(1)) * g[3] + yz
    out[at + 2] = xz + yz + two * z * z * (zx * zx + zy * zy + np.float32(1)) * g[5]
    out[at + 3] = x * y * g[1] + two * y * y * yx * g[3] + y * z * zx * g[4]
    out[at + 4] = x * z * g[2] + y * z * yx * g[4] + two * z * z * zx * g[5]
    out[at + 5] = y * z * g[4] + two * z * z * zy * g[5]
