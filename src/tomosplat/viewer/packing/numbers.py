"""How numbers become few bits and come back; each pair holds to docs/viewer-format.md."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import UnitsError

FloatArray = NDArray[np.float64]

#: Places in a symmetric 3×3 matrix, or in its lower Cholesky factor, column by column: xx, xy, xz, yy, yz, zz.
_ROWS, _COLS = [0, 1, 2, 1, 2, 2], [0, 0, 0, 1, 1, 2]
#: Exponents of i8 numbers count eighths of an octave from here.
_BIAS, _STEPS = 128, 8
_RGB9E5_MAX = 511 / 512 * 2.0**16


def cholesky(entries: FloatArray, name: str) -> FloatArray:
    """Lower factor [N, 6] of symmetric positive semi-definite matrices [N, 6]; pivots that vanish give empty columns.

    Raises:
        UnitsError: A matrix is not positive semi-definite.
    """
    matrices = np.zeros((len(entries), 3, 3))
    matrices[:, _ROWS, _COLS] = entries
    # A pivot this small beside the matrix is rounding of float32, not extent.
    trace = np.einsum("nii->n", matrices)
    least = np.maximum(trace, 0) * 1e-6
    factor = np.zeros_like(matrices)
    for c in range(3):
        column = matrices[:, c:, c] - np.einsum("nrk,nk->nr", factor[:, c:, :c], factor[:, c, :c])
        if bool((column[:, 0] < -least - 1e-30).any()):
            n_bad = int((column[:, 0] < -least - 1e-30).sum())
            raise UnitsError(f"{name} of {n_bad} Gaussians are not positive semi-definite; drop these Gaussians")
        pivot = np.sqrt(np.maximum(column[:, :1], 0))
        factor[:, c:, c] = np.divide(column, pivot, out=np.zeros_like(column), where=column[:, :1] > least[:, None])
    return factor[:, _ROWS, _COLS]


def uncholesky(factor: FloatArray) -> FloatArray:
    """The matrices [N, 6] of lower factors [N, 6]."""
    full = np.zeros((len(factor), 3, 3))
    full[:, _ROWS, _COLS] = factor
    products: FloatArray = (full @ full.transpose(0, 2, 1))[:, _ROWS, _COLS]
    return products


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
