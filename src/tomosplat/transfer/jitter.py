"""Transfer functions drawn at random around others, so that a network does not learn one by heart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError
from tomosplat.transfer.transfer_function import TransferFunction, TransferFunctions


@dataclass(frozen=True)
class JitterRanges:
    """How far a group's function may move; each number is drawn uniformly, once per group unless said otherwise.

    Attributes:
        shift: All positions move by at most this, in units of value (HU for CT).
        stretch: Distances between positions grow or shrink by at most this factor, about the middle of the points.
        color: Each channel of every point moves by at most this (sRGB, 0..1).
        tint: Each channel is multiplied by a factor between 1 − tint and 1 + tint.
        opacity: Opacities are multiplied by a factor between 1 / opacity and opacity, uniform in its logarithm; 0
            stays 0, so what is invisible stays so.

    Raises:
        InputError: A range is negative, or a factor would turn the order of points.
    """

    shift: float = 25.0
    stretch: float = 1.15
    color: float = 0.04
    tint: float = 0.25
    opacity: float = 2.0

    def __post_init__(self) -> None:
        if min(self.shift, self.color) < 0 or not 0 <= self.tint <= 1 or min(self.stretch, self.opacity) < 1:
            raise InputError(
                "jitter needs shift and color of at least 0, tint in 0..1, stretch and opacity of at least 1; "
                f"got {self}"
            )


_DEFAULTS = JitterRanges()


def jittered(
    functions: TransferFunctions, rng: np.random.Generator, ranges: JitterRanges = _DEFAULTS
) -> TransferFunctions:
    """Draw transfer functions around given ones; the same state of ``rng`` gives the same.

    Colours and opacities end at 0 and 1. First and last point of each function keep their positions, and no other
    leaves the span between them.
    """
    drawn = {group: _jittered(function, rng, ranges) for group, function in sorted(functions.functions.items())}
    return replace(functions, functions=drawn, name=f"{functions.name}, jittered")


def _jittered(function: TransferFunction, rng: np.random.Generator, ranges: JitterRanges) -> TransferFunction:
    points = function.points.copy()
    points[:, 0] = _moved(points[:, 0], rng, ranges)
    tint = rng.uniform(1 - ranges.tint, 1 + ranges.tint, 3)
    shade = rng.uniform(-ranges.color, ranges.color, (len(points), 3))
    points[:, 1:4] = np.clip(points[:, 1:4] * tint + shade, 0, 1)
    points[:, 4] = np.minimum(points[:, 4] * _factor(rng, ranges.opacity), 1)
    return TransferFunction(points)


def _moved(at: NDArray[np.float64], rng: np.random.Generator, ranges: JitterRanges) -> NDArray[np.float64]:
    inner = at[1:-1]
    shift, stretch = rng.uniform(-ranges.shift, ranges.shift), _factor(rng, ranges.stretch)
    middle = inner.mean() if inner.size else 0.0
    moved = at.copy()
    moved[1:-1] = np.clip(middle + (inner - middle) * stretch + shift, at[0], at[-1])
    return moved


def _factor(rng: np.random.Generator, most: float) -> float:
    """Between 1 / most and most."""
    return float(most ** rng.uniform(-1, 1))
