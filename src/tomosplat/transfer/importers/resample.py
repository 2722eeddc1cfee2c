"""Functions that are not piecewise linear in our sense, sampled finely enough to look the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer.transfer_function import OPACITY_LENGTH_MM, TransferFunction

FloatArray = NDArray[np.float64]

#: Pieces that the space between two control points is cut into.
_PIECES = 32


def sample_function(
    knots: FloatArray,
    color: Callable[[FloatArray], FloatArray],
    opacity: Callable[[FloatArray], FloatArray],
    unit_distance_mm: float,
) -> TransferFunction:
    """Sample separate colour and opacity functions between their control points.

    Args:
        knots: [M] values of all control points, in any order.
        color: Maps values [N] to red, green, blue [N, 3] in 0..1.
        opacity: Maps values [N] to opacity [N] in 0..1, per ``unit_distance_mm``.
        unit_distance_mm: The travel that ``opacity`` is meant for; 1 − (1 − α)^(1.5 / d) is opacity per 1.5 mm.
    """
    if not (np.isfinite(unit_distance_mm) and unit_distance_mm > 0):
        raise TransferFunctionError(f"the opacity unit distance must be a length over 0 mm, got {unit_distance_mm}")
    edges = np.unique(knots)
    steps = np.linspace(0, 1, _PIECES, endpoint=False)
    between = edges[:-1, None] + steps * np.diff(edges)[:, None]
    values = np.unique(np.append(between.ravel(), edges))
    alpha = 1 - (1 - opacity(values)) ** (OPACITY_LENGTH_MM / unit_distance_mm)
    return TransferFunction(np.column_stack([values, color(values), alpha]))


def control_points(numbers: FloatArray, width: int, what: str) -> FloatArray:
    """Reshape a flat list into rows [M, width], value first; equal values are moved apart by one bit (a step).

    Raises:
        TransferFunctionError: The list is empty, of an odd length, not finite, not sorted by value, or holds
            something outside 0..1 beside the values.
    """
    if numbers.size == 0 or numbers.size % width:
        raise TransferFunctionError(f"{what}: expected groups of {width} numbers, found {numbers.size}")
    rows = numbers.reshape(-1, width).copy()
    if not np.all(np.isfinite(rows)) or np.any(np.diff(rows[:, 0]) < 0):
        raise TransferFunctionError(f"{what}: control points must be finite and sorted by value")
    low, high = rows[:, 1:].min(), rows[:, 1:].max()
    if low < 0 or high > 1:
        raise TransferFunctionError(f"{what}: expected 0..1 beside the values, found {low:g} to {high:g}")
    for previous, row in pairwise(rows):
        row[0] = max(row[0], np.nextafter(previous[0], np.inf))
    return rows
