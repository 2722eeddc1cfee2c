"""SSIM over 11×11 Gaussian windows: kernels for one picture, values and derivatives.

Pictures are rows [H, W·K] of interleaved channels, so that all channels are blurred in one vectorised sweep: the
neighbour of a pixel is K numbers on. A statistic is blurred down the columns, then along the row; only windows that lie
wholly inside the picture count, as in the paper and scikit-image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: Pixels along a window, and the standard deviation of its weights (Wang et al. 2004, sec. III.B).
WINDOW = 11
_SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2

_offsets = np.arange(WINDOW) - WINDOW // 2
_unscaled = np.exp(-(_offsets**2) / (2 * _SIGMA**2))
#: Weights along one axis; they add up to 1.
WEIGHTS = _unscaled / _unscaled.sum()

_FAST = {"contract", "nsz", "arcp"}  # not the rest: NaN must stay NaN
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": _FAST}


@njit(**_OPTIONS)
def measure(first, last, x, y, step, luminance, weights, counts, derivatives):  # type: ignore[no-untyped-def]
    """Sum over the windows of rows ``first`` to ``last`` of SSIM, or of its contrast-structure part alone.

    Args:
        first: First row of windows; window (r, c) covers pixels r..r+10, c..c+10.
        last: One past the last row.
        x: [H, W·K] picture.
        y: [H, W·K] what it is compared with.
        step: K.
        luminance: Whether the luminance factor (2μxμy + C1) / (μx² + μy² + C1) counts.
        weights: [11] of the window.
        counts: [rows of windows, (W−10)·K] weight of each window, or one row [1, ...] for all of them.
        derivatives: [3, rows of windows, (W−10)·K], written: the weighted value by mean x, mean x² and mean xy of its
            window. Left alone if it has no rows.
    """
    width = x.shape[1]
    n = width - (WINDOW - 1) * step
    c1, c2 = weights.dtype.type(C1), weights.dtype.type(C2)
    zero, one, two = weights.dtype.type(0), weights.dtype.type(1), weights.dtype.type(2)
    down = np.empty((5, width), weights.dtype)
    mean = np.empty((5, n), weights.dtype)
    values = np.empty(n, weights.dtype)
    total = 0.0
    for r in range(first, last):
        down[:] = 0
        for k in range(WINDOW):
            w, a, b = weights[k], x[r + k], y[r + k]
            for i in range(width):
                wa, wb = w * a[i], w * b[i]
                down[0, i] += wa
                down[1, i] += wb
                down[2, i] += wa * a[i]
                down[3, i] += wb * b[i]
                down[4, i] += wa * b[i]
        for q in range(5):
            _along(down[q], weights, step, mean[q])
        count = counts[min(r, counts.shape[0] - 1)]
        for i in range(n):
            mx, my = mean[0, i], mean[1, i]
            light, light_by = two * mx * my + c1, mx * mx + my * my + c1
            shape = two * (mean[4, i] - mx * my) + c2
            shape_by = mean[2, i] - mx * mx + mean[3, i] - my * my + c2
            contrast = shape / shape_by
            ratio, ratio_by_mean = one, zero
            if luminance:
                ratio = light / light_by
                ratio_by_mean = two * (my - ratio * mx) / light_by
            factor = count[i] * ratio
            values[i] = contrast * factor
            # The statistics are used up; their places take the derivatives.
            mean[0, i] = factor * two * (mx * contrast - my) / shape_by + count[i] * contrast * ratio_by_mean
            mean[2, i] = -factor * contrast / shape_by
            mean[4, i] = factor * two / shape_by
        row = 0.0
        for i in range(n):
            row += values[i]
        total += row
        if derivatives.shape[1]:
            derivatives[0, r] = mean[0]
            derivatives[1, r] = mean[2]
            derivatives[2, r] = mean[4]
    return total


@njit(**_OPTIONS)
def pull_back(first, last, x, y, step, weights, scale, derivatives, gradient):  # type: ignore[no-untyped-def]
    """Write ``scale`` × gradient [H, W·K] with respect to pixels of rows ``first`` to ``last``.

    A window's statistics are weighted sums of its pixels, so each pixel collects the derivatives of all windows that
    hold it with the same weights.
    """
    n_rows, n = derivatives.shape[1], derivatives.shape[2]
    width = x.shape[1]
    margin = (WINDOW - 1) * step
    down = np.zeros((3, n + 2 * margin), weights.dtype)  # zeros on both sides: there are no windows
    out = np.empty((3, width), weights.dtype)
    two = weights.dtype.type(2)
    for r in range(first, last):
        down[:, margin : margin + n] = 0
        for k in range(WINDOW):
            row = r - k
            if 0 <= row < n_rows:
                for q in range(3):
                    _add(derivatives[q, row], weights[k], down[q, margin : margin + n])
        for q in range(3):
            _along(down[q], weights, step, out[q])
        for i in range(width):
            gradient[r, i] = scale * (out[0, i] + two * x[r, i] * out[1, i] + y[r, i] * out[2, i])


@njit(**_OPTIONS)
def _along(values, weights, step, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ weights[k] values[i + k·step]; the weights are symmetric, so this also serves the way back."""
    n = out.shape[0]
    out[:] = 0
    for k in range(WINDOW):
        _add(values[k * step : k * step + n], weights[k], out)


@njit(**_OPTIONS)
def _add(values, weight, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        out[i] += weight * values[i]
