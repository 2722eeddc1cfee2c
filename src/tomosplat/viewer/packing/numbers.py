"""How numbers become few bits and come back; each pair holds to docs/viewer-format.md."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import UnitsError

FloatArray = NDArray[np.float64]

#: A pivot this small beside the trace of its matrix is rounding of float32, not extent.
_ROUNDING = 1e-6
#: Exponents of i8 numbers count eighths of an octave from here.
_BIAS, _STEPS = 128, 8
_RGB9E5_MAX = 511 / 512 * 2.0**16


def cholesky(entries: FloatArray, name: str) -> FloatArray:
    """Lower factors [N, 6] of symmetric positive semi-definite matrices [N, 6]; a column goes with its pivot.

    Raises:
        UnitsError: A matrix is not positive semi-definite.
    """
    xx, xy, xz, yy, yz, zz = np.ascontiguousarray(entries.T)
    least = _ROUNDING * np.abs(xx + yy + zz)

    def root(pivot: FloatArray) -> FloatArray:
        if bool((pivot < -least).any()):
            n_bad = int((pivot < -least).sum())
            raise UnitsError(f"{name} of {n_bad} Gaussians are not positive semi-definite; drop these Gaussians")
        return np.sqrt(np.where(pivot > least, pivot, 0))

    def over(value: FloatArray, diagonal: FloatArray) -> FloatArray:
        return np.divide(value, diagonal, out=np.zeros_like(value), where=diagonal > 0)

    a = root(xx)
    b, c = over(xy, a), over(xz, a)
    d = root(yy - b * b)
    e = over(yz - b * c, d)
    f = root(zz - c * c - e * e)
    return np.stack([a, b, c, d, e, f], axis=1)


def uncholesky(factors: FloatArray) -> FloatArray:
    """The matrices [N, 6] of lower factors [N, 6]."""
    a, b, c, d, e, f = factors.T
    return np.stack([a * a, a * b, a * c, b * b + d * d, b * c + d * e, c * c + e * e + f * f], axis=1)


def to_int8(values: FloatArray, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Exponents [N] and mantissas [N, K] of rows [N, K] that share one exponent each.

    Raises:
        UnitsError: A value is above 2^15.8.
    """
    largest = np.abs(values).max(axis=1, initial=0)
    with np.errstate(divide="ignore"):
        exponents = np.ceil(_STEPS * np.log2(largest)) + _BIAS
    if bool((exponents > 255).any()):
        raise UnitsError(f"{name} reaches {largest.max():g}, more than the page's format holds ({2**15.8:.0f})")
    exponents = np.where(exponents < 1, 0, exponents)
    scales = np.where(exponents > 0, 127 / 2 ** ((exponents - _BIAS) / _STEPS), 0)
    return exponents.astype(np.uint8), np.rint(values * scales[:, None]).astype(np.int8)


def from_int8(exponents: NDArray[np.uint8], mantissas: NDArray[np.int8]) -> FloatArray:
    """Rows [N, K] of ``to_int8``."""
    scales = np.where(exponents > 0, 2 ** ((exponents.astype(np.float64) - _BIAS) / _STEPS) / 127, 0)
    values: FloatArray = mantissas.astype(np.float64) * scales[:, None]
    return values


def to_float16(values: FloatArray, name: str) -> NDArray[np.float16]:
    """Half floats.

    Raises:
        UnitsError: A value is above 65504.
    """
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise UnitsError(f"{name} reaches {np.abs(values).max():g}, more than a half float holds (65504)")
    return values.astype(np.float16)


def to_uint16(values: FloatArray, low: Any, high: Any) -> NDArray[np.uint16]:
    """65536 even steps from ``low`` to ``high``; 0 where both are the same."""
    span = np.subtract(high, low)
    steps = np.divide(65535, span, out=np.zeros_like(span, dtype=np.float64), where=span > 0)
    stored: NDArray[np.uint16] = np.rint((values - low) * steps).astype(np.uint16)
    return stored


def from_uint16(stored: NDArray[np.uint16], low: Any, high: Any) -> FloatArray:
    """Values of ``to_uint16``."""
    values: FloatArray = np.asarray(low) + stored / 65535 * np.subtract(high, low)
    return values


def to_octahedral(directions: FloatArray) -> NDArray[np.int16]:
    """Unit vectors [N, 3] as two numbers [N, 2] on the octahedron unfolded to a square (Cigolle et al. 2014)."""
    on_octahedron = directions / np.abs(directions).sum(axis=1, keepdims=True)
    folded = np.where(on_octahedron[:, 2:] >= 0, on_octahedron[:, :2], _fold(on_octahedron[:, :2]))
    stored: NDArray[np.int16] = np.rint(folded * 32767).astype(np.int16)
    return stored


def from_octahedral(stored: NDArray[np.int16]) -> FloatArray:
    """Unit vectors [N, 3] of ``to_octahedral``."""
    folded = stored / 32767
    z = 1 - np.abs(folded).sum(axis=1, keepdims=True)
    flat = np.where(z >= 0, folded, _fold(folded))
    vectors = np.concatenate([flat, z], axis=1)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _fold(flat: FloatArray) -> FloatArray:
    """Turn the lower half's triangles out over the square's corners, or back."""
    folded: FloatArray = (1 - np.abs(flat[:, ::-1])) * np.where(flat >= 0, 1.0, -1.0)
    return folded


def to_error_byte(errors: FloatArray, name: str) -> NDArray[np.uint8]:
    """254 even steps of the square root over 0..1, from 1 on; 0 where the error is NaN, unknown.

    Raises:
        UnitsError: An error is outside of 0..1.
    """
    known = ~np.isnan(errors)
    if bool(((errors[known] < 0) | (errors[known] > 1)).any()):
        raise UnitsError(f"{name} must lie in 0..1, found {np.nanmin(errors):g} to {np.nanmax(errors):g}")
    return np.where(known, 1 + np.rint(254 * np.sqrt(np.where(known, errors, 0))), 0).astype(np.uint8)


def from_error_byte(stored: NDArray[np.uint8]) -> FloatArray:
    """Errors of ``to_error_byte``."""
    errors: FloatArray = np.where(stored > 0, ((stored - 1.0) / 254) ** 2, np.nan)
    return errors


def to_rgb9e5(rgb: FloatArray, name: str) -> NDArray[np.uint32]:
    """Shared-exponent colours [N] of [N, 3] (OpenGL 4.6, 8.5.2).

    Raises:
        UnitsError: A value is negative or above 65408.
    """
    if rgb.min(initial=0) < 0 or rgb.max(initial=0) > _RGB9E5_MAX:
        raise UnitsError(f"{name} must lie in 0..{_RGB9E5_MAX:.0f}, found {rgb.min():g} to {rgb.max():g}")
    largest = rgb.max(axis=1, initial=0)
    exponent = np.maximum(-16, np.frexp(np.maximum(largest, 2.0**-17))[1] - 1) + 16
    # Rounding may carry into a tenth bit.
    exponent += np.rint(largest / 2.0 ** (exponent - 24)) > 511
    mantissas = np.rint(rgb / 2.0 ** (exponent - 24)[:, None]).astype(np.uint32)
    red, green, blue = mantissas.T
    packed: NDArray[np.uint32] = red | green << 9 | blue << 18 | exponent.astype(np.uint32) << 27
    return packed


def from_rgb9e5(packed: NDArray[np.uint32]) -> FloatArray:
    """Colours [N, 3] of ``to_rgb9e5``."""
    mantissas = np.stack([packed & 511, packed >> 9 & 511, packed >> 18 & 511], axis=1)
    colors: FloatArray = mantissas * 2.0 ** ((packed >> 27).astype(np.float64) - 24)[:, None]
    return colors
