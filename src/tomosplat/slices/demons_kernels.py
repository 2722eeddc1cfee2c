"""Kernels of the demons registration of two pictures; they release the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp"},
}


@njit(**_OPTIONS)
def warp_linear(picture, shift, out):  # type: ignore[no-untyped-def]
    """Write picture(x + shift(x)), bilinear, edges continued.

    Args:
        picture: [H, W] float32.
        shift: [2, H, W] float32, rows then columns, in pixels.
        out: [H, W] float32, written.
    """
    height, width = picture.shape
    for y in range(height):
        for x in range(width):
            v = min(max(y + shift[0, y, x], np.float32(0)), np.float32(height - 1))
            u = min(max(x + shift[1, y, x], np.float32(0)), np.float32(width - 1))
            row, column = min(int(v), max(height - 2, 0)), min(int(u), max(width - 2, 0))
            below, right = min(row + 1, height - 1), min(column + 1, width - 1)
            b, a = v - row, u - column
            top = picture[row, column] + a * (picture[row, right] - picture[row, column])
            bottom = picture[below, column] + a * (picture[below, right] - picture[below, column])
            out[y, x] = top + b * (bottom - top)


@njit(**_OPTIONS)
def blur(field, weights, between, out):  # type: ignore[no-untyped-def]
    """Write ``field`` [H, W] blurred along both axes with symmetric ``weights`` [2 r + 1], edges continued.

    ``between`` [H, W] is scratch. ``out`` may be ``field``.
    """
    height, width = field.shape
    reach = len(weights) // 2
    for y in range(height):
        for x in range(width):
            between[y, x] = weights[reach] * field[y, x]
        for k in range(1, reach + 1):
            above, below = max(y - k, 0), min(y + k, height - 1)
            weight = weights[reach + k]
            for x in range(width):
                between[y, x] += weight * (field[above, x] + field[below, x])
    line = np.empty(width + 2 * reach, field.dtype)
    for y in range(height):
        line[reach : reach + width] = between[y]
        line[:reach] = between[y, 0]
        line[reach + width :] = between[y, width - 1]
        for x in range(width):
            out[y, x] = weights[reach] * line[x + reach]
        for k in range(1, reach + 1):
            weight = weights[reach + k]
            for x in range(width):
                out[y, x] += weight * (line[x + reach - k] + line[x + reach + k])


@njit(**_OPTIONS)
def push(fixed, warped, shift, longest):  # type: ignore[no-untyped-def]
    """Add one step of the symmetric demons force to ``shift``, in place; return the mean squared difference.

    Step d J / (|J|² + d² / longest²), where d is the difference and J the mean gradient of both pictures (Vercauteren
    et al. 2009, sec. 2.2); no step is longer than ``longest`` / 2.
    """
    height, width = fixed.shape
    share = np.float32(1) / np.float32(longest * longest)
    half = np.float32(0.25)
    total = 0.0
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            difference = fixed[y, x] - warped[y, x]
            gy = half * (fixed[down, x] - fixed[up, x] + warped[down, x] - warped[up, x])
            gx = half * (fixed[y, right] - fixed[y, left] + warped[y, right] - warped[y, left])
            below = gy * gy + gx * gx + difference * difference * share
            if below > np.float32(1e-9):
                scale = difference / below
                shift[0, y, x] += scale * gy
                shift[1, y, x] += scale * gx
            total += difference * difference
    return total / (height * width)


@njit(**_OPTIONS)
def register(fixed, moving, shift, n_steps, longest, weights):  # type: ignore[no-untyped-def]
    """Refine ``shift`` [2, H, W] in place so that moving(x + shift) looks like fixed(x)."""
    warped, between = np.empty_like(fixed), np.empty_like(fixed)
    for _ in range(n_steps):
        warp_linear(moving, shift, warped)
        push(fixed, warped, shift, longest)
        for axis in range(2):
            blur(shift[axis], weights, between, shift[axis])


@njit(**_OPTIONS)
def warp_cubic(picture, shift, out):  # type: ignore[no-untyped-def]
    """As ``warp_linear`` with Catmull-Rom pieces (Keys 1981, a = −1/2) along both axes."""
    height, width = picture.shape
    half, one, two = np.float32(0.5), np.float32(1), np.float32(2)
    weights = np.empty((2, 4), np.float32)
    for y in range(height):
        for x in range(width):
            v = min(max(y + shift[0, y, x], np.float32(0)), np.float32(height - 1))
            u = min(max(x + shift[1, y, x], np.float32(0)), np.float32(width - 1))
            row, column = int(v), int(u)
            for axis in range(2):
                t = v - row if axis == 0 else u - column
                weights[axis, 0] = half * t * (-one + t * (two - t))
                weights[axis, 1] = half * (two + t * t * (np.float32(3) * t - np.float32(5)))
                weights[axis, 2] = half * t * (one + t * (np.float32(4) - np.float32(3) * t))
                weights[axis, 3] = half * t * t * (t - one)
            total = np.float32(0)
            for j in range(4):
                r = min(max(row + j - 1, 0), height - 1)
                along = np.float32(0)
                for i in range(4):
                    along += weights[1, i] * picture[r, min(max(column + i - 1, 0), width - 1)]
                total += weights[0, j] * along
            out[y, x] = total
