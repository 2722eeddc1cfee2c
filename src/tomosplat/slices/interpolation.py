"""Plain interpolation between slices, pixel by pixel: what every method has to beat.

Functions take given slices [N, H, W] at positions [N] and return slices at ``at`` [M]; positions increase, and ``at``
lies within them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import CubicSpline, PchipInterpolator

from tomosplat.errors import ShapeError
from tomosplat.geometry import FloatArray

Slices = NDArray[np.float32]
Interpolator = Callable[[Slices, FloatArray, FloatArray], Slices]

#: Standard deviation of the blur of ``linear_blurred`` in pixels; what it gains is denoising, not motion.
BLUR = 0.6
#: Numbers that the coefficients of a piecewise polynomial may take at a time.
_CHUNK = 1 << 22


def gaps_of(positions: FloatArray, at: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """For each place the slice before it, [M], and how far it is on the way to the next, 0..1, [M].

    Raises:
        ShapeError: A place lies outside the slices; nothing is extrapolated.
    """
    if len(at) and not (at.min() >= positions[0] - 1e-9 and at.max() <= positions[-1] + 1e-9):
        raise ShapeError(
            f"places between slices must lie within {positions[0]:g}..{positions[-1]:g}, got {at.min():g}..{at.max():g}"
        )
    before = np.clip(np.searchsorted(positions, at, side="right") - 1, 0, len(positions) - 2)
    way: FloatArray = np.clip((at - positions[before]) / np.diff(positions)[before], 0, 1)
    return before, way


def nearest(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """The nearer of the two neighbours; half way, the one before."""
    before, way = gaps_of(positions, at)
    return slices[before + (way > 0.5)]


def linear(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """A cross-fade of the two neighbours."""
    before, way = gaps_of(positions, at)
    t = way.astype(np.float32)[:, None, None]
    return (1 - t) * slices[before] + t * slices[before + 1]


def linear_blurred(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """``linear``, then a Gaussian blur within the slices."""
    faded = linear(slices, positions, at)
    return ndimage.gaussian_filter(faded, (0, BLUR, BLUR), mode="nearest")


def catmull_rom(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """Cubic Hermite pieces with slopes through both neighbours, (s_{i+1} − s_{i−1}) / (p_{i+1} − p_{i−1})."""
    slopes = np.gradient(slices, axis=0) if len(slices) > 2 else np.repeat(slices[1:] - slices[:1], 2, axis=0)
    slopes = slopes / _one_slice(np.gradient(positions), slices)
    before, way = gaps_of(positions, at)
    t = _one_slice(way, slices)
    gap = _one_slice(np.diff(positions)[before], slices)
    start, end = slices[before], slices[before + 1]
    leaving, arriving = gap * slopes[before], gap * slopes[before + 1]
    result: Slices = (
        (1 + 2 * t) * (1 - t) ** 2 * start
        + t * (1 - t) ** 2 * leaving
        + t**2 * (3 - 2 * t) * end
        - t**2 * (1 - t) * arriving
    )
    return result


def spline(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """The interpolating cubic spline (not-a-knot at the ends)."""
    return _in_chunks(lambda values: CubicSpline(positions, values, axis=0)(at), slices, len(at))


def pchip(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """Monotone cubic pieces (Fritsch and Carlson 1980), which overshoot nothing."""
    return _in_chunks(lambda values: PchipInterpolator(positions, values, axis=0)(at), slices, len(at))


#: By the name that tables use; the best of them is what a method is measured against.
PLAIN: Mapping[str, Interpolator] = MappingProxyType(
    {
        "nearest": nearest,
        "linear": linear,
        "catmull-rom": catmull_rom,
        "spline": spline,
        "pchip": pchip,
    }
)


def _one_slice(numbers: FloatArray, slices: Slices) -> Slices:
    return numbers.astype(slices.dtype)[:, None, None]


def _in_chunks(interpolate: Callable[[Slices], FloatArray], slices: Slices, n: int) -> Slices:
    """Columns of pixels a few at a time: SciPy keeps four float64 coefficients for each."""
    flat = slices.reshape(len(slices), -1)
    result = np.empty((n, flat.shape[1]), slices.dtype)
    step = max(1, _CHUNK // (4 * len(slices)))
    for start in range(0, flat.shape[1], step):
        result[:, start : start + step] = interpolate(flat[:, start : start + step])
    return result.reshape(n, *slices.shape[1:])
