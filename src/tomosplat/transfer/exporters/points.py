"""Transfer functions at the places that programs need which interpolate colour and opacity on their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer.transfer_function import MAX_OPACITY, OPACITY_LENGTH_MM, TransferFunction, TransferFunctions

FloatArray = NDArray[np.float64]
#: Between two points, colours follow a curve: so many straight pieces stand for it.
_PIECES = 8


def only_function(functions: TransferFunctions) -> TransferFunction:
    """The function that all groups have.

    Raises:
        TransferFunctionError: Groups have different ones, which a file for others cannot hold.
    """
    first, *others = functions.functions.values()
    if any(not np.array_equal(first.points, other.points) for other in others):
        raise TransferFunctionError(
            f"{functions.name!r} has another function for each group of organs; other programs know one for all"
        )
    return first


def sampled_points(function: TransferFunction, unit_distance_mm: float) -> FloatArray:
    """Rows of value, red, green, blue and opacity per ``unit_distance_mm``, at the function's points and between."""
    at = function.points[:, 0]
    # Of two points with one value the first is asked for a hair before: there the function steps.
    at = np.where(np.append(np.diff(at) == 0, False), np.nextafter(at, -np.inf), at)
    places = np.unique(np.concatenate([at, *(at[:-1] + np.diff(at) * n / _PIECES for n in range(1, _PIECES))]))
    rgba = function(places)
    opacity = 1 - (1 - np.minimum(rgba[:, 3], MAX_OPACITY)) ** (unit_distance_mm / OPACITY_LENGTH_MM)
    return np.column_stack([places, rgba[:, :3], opacity])
