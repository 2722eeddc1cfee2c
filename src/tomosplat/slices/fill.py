"""The default method: plain interpolation plus what motion and a line network know, weighted by leaving slices out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import FloatArray
from tomosplat.networks import LineNetwork
from tomosplat.report import Progress, Report
from tomosplat.slices.flow import Shifts, blend_along_motion, find_motion
from tomosplat.slices.interpolation import Slices, gaps_of, linear, pchip
from tomosplat.slices.labels import carry_labels
from tomosplat.slices.line_learning import Gap, four_around, residuals, teach
from tomosplat.slices.stack import SliceStack

Quality = Literal["draft", "default", "high"]

#: Steps that the line network is taught for; none: motion alone.
STEPS = {"draft": 0, "default": 500, "high": 1500}
#: Gaps of up to so many slice spacings are narrow: there cubic pieces are better than linear ones, and distances of
#: labels better than votes. Measured at 2 and 4 (docs/results/slices).
NARROW = 2.5
#: Slices left out, at most, to find the weights; and the weights of motion and network where none can be.
_LEFT_OUT, _USUAL_WEIGHTS = 12, (0.7, 0.7)
#: Percentiles of the given slices that become 0 and 1.
_RANGE = (0.5, 99.5)


@dataclass(frozen=True)
class Filled:
    """Slices between the given ones.

    Attributes:
        values: [M, H, W], in the unit of the given slices.
        labels: [M, H, W] uint8; None where none were given.
        facts: How they were made; JSON-serialisable.
    """

    values: Slices
    labels: NDArray[np.uint8] | None
    facts: dict[str, Any]


def fill(stack: SliceStack, at: FloatArray, report: Report, quality: Quality = "default") -> Filled:
    """Make slices at places between the given ones; at a given slice, that slice.

    P = base + α (carried − base) + β (network − linear). ``base`` is linear, or pchip in narrow gaps; α and β are the
    least-squares weights for given slices that are left out, each seen from the gap of twice the size around it.

    Args:
        stack: The given slices.
        at: [M] places between the first and the last.
        report: Takes times.
        quality: "draft": motion alone, α = 1. "high": the network is taught for longer.

    Raises:
        ShapeError: A place lies outside the slices.
    """
    low, high = np.percentile(stack.values, _RANGE)
    if high <= low:
        low, high = stack.values.min(), stack.values.max()
    scale = np.float32(high - low)
    scaled = (stack.values - np.float32(low)) / scale
    seen = np.clip(scaled, 0, 1)
    with report.stage("find motion between slices") as progress:
        shifts = find_motion(seen, progress)
    values, facts = _combined(stack, seen, scaled, at, shifts, report, STEPS[quality])
    labels = None
    if stack.labels is not None:
        with report.stage("carry labels"):
            labels = carry_labels(stack.labels, stack.positions, at, shifts, narrow=NARROW)
    return Filled(values * scale + np.float32(low), labels, facts)


def base_between(slices: Slices, positions: FloatArray, at: FloatArray) -> Slices:
    """Pchip in narrow gaps, linear elsewhere."""
    before, _ = gaps_of(positions, at)
    result = linear(slices, positions, at)
    narrow = np.diff(positions)[before] < NARROW
    if narrow.any():
        result[narrow] = pchip(slices, positions, at[narrow])
    return result


def carried_between(slices: Slices, positions: FloatArray, at: FloatArray, shifts: Shifts, base: Slices) -> Slices:
    """``blend_along_motion`` in cubic pieces in narrow gaps, linearly elsewhere."""
    before, _ = gaps_of(positions, at)
    narrow = np.diff(positions)[before] < NARROW
    result = base.copy()
    for cubic, chosen in ((True, narrow), (False, ~narrow)):
        if chosen.any():
            result[chosen] = blend_along_motion(slices, positions, at[chosen], shifts, base[chosen], cubic=cubic)
    return result


def _combined(
    stack: SliceStack, seen: Slices, scaled: Slices, at: FloatArray, shifts: Shifts, report: Report, n_steps: int
) -> tuple[Slices, dict[str, Any]]:
    positions = stack.positions
    base = base_between(scaled, positions, at)
    with report.stage("carry slices along the motion"):
        carried = carried_between(scaled, positions, at, shifts, base)
    if n_steps == 0:
        return carried, {"weights": []}
    result = base.copy()
    before, way = gaps_of(positions, at)
    widths = np.round(np.diff(positions)[before], 6)
    weights = []
    for width in np.unique(widths):
        chosen = np.flatnonzero((widths == width) & (way > 0) & (way < 1))
        if not len(chosen):
            continue
        gap = Gap.of(way[chosen], width * stack.spacing[2], stack.spacing[2], (stack.spacing[1], stack.spacing[0]))
        network = None
        if gap is not None:
            with report.stage("teach the line network") as progress:
                network = teach(seen, gap, n_steps, progress)
        with report.stage("leave slices out"):
            alpha, beta, n_left_out = _weights(seen, positions, float(width), gap, network)
        weights.append({"gap": float(width), "motion": alpha, "network": beta, "slices_left_out": n_left_out})
        result[chosen] += np.float32(alpha) * (carried[chosen] - base[chosen])
        if gap is not None and network is not None:
            with report.stage("apply the line network") as progress:
                _add_network(result, chosen, before, way, seen, positions, gap, network, beta, progress)
    return result, {"weights": weights}


def _add_network(
    result: Slices,
    chosen: NDArray[np.int64],
    before: NDArray[np.int64],
    way: FloatArray,
    seen: Slices,
    positions: FloatArray,
    gap: Gap,
    network: LineNetwork,
    beta: float,
    progress: Progress,
) -> None:
    """Add the network's share at the places ``chosen``, gap by gap."""
    gaps = np.unique(before[chosen])
    for done, number in enumerate(gaps):
        found = residuals(network, seen=four_around(seen, positions, int(number)))
        for place in chosen[before[chosen] == number]:
            result[place] += np.float32(beta) * found[gap.places.index(round(way[place] * gap.samples))]
        progress(done + 1, len(gaps))


def _weights(
    seen: Slices, positions: FloatArray, width: float, gap: Gap | None, network: LineNetwork | None
) -> tuple[float, float, int]:
    """Least-squares weights of motion and network for slices left out, and how many those were.

    A slice counts where it lies in the middle between two others, ``width`` from both, and is not of one value.
    """
    inner = np.arange(1, len(seen) - 1)
    steps = np.diff(positions)
    fits = np.isclose(steps[inner - 1], width) & np.isclose(steps[inner], width)
    fits &= np.ptp(seen[inner], axis=(1, 2)) > 0
    inner = inner[fits]
    if not len(inner):
        usual_alpha, usual_beta = _USUAL_WEIGHTS
        return usual_alpha if network else 1.0, usual_beta if network else 0.0, 0
    inner = inner[np.unique(np.linspace(0, len(inner) - 1, _LEFT_OUT).round().astype(int))]
    products, right = np.zeros((2, 2)), np.zeros(2)
    for number in inner:
        known = np.delete(np.arange(len(seen)), number)
        others, places = seen[known], positions[known]
        near = slice(max(number - 3, 0), number + 3)  # what pchip and the network look at
        base, moved, learned = _left_out(others[near], places[near], float(positions[number]), gap, network, width)
        parts = np.stack([(moved - base).ravel(), learned.ravel()]).astype(np.float64)
        products += parts @ parts.T
        right += parts @ (seen[number] - base).astype(np.float64).ravel()
    # Motion is harder to find across the doubled gap than across the one to be filled, so its weight comes out too
    # small: it is moved half way to the usual one. The network was taught for both.
    usual = np.asarray(_USUAL_WEIGHTS)
    if network is None:
        alpha, beta = right[0] / max(products[0, 0], 1e-12), 0.0
    else:
        tiny = 1e-6 * np.trace(products) + 1e-12  # where one of both says nothing, the usual weight holds
        alpha, beta = np.linalg.solve(products + tiny * np.eye(2), right + tiny * usual)
    alpha = (np.clip(alpha, 0, 1) + usual[0]) / 2
    return float(alpha), float(np.clip(beta, 0, 1)), len(inner)


def _left_out(
    slices: Slices, positions: FloatArray, place: float, gap: Gap | None, network: LineNetwork | None, width: float
) -> tuple[Slices, Slices, Slices]:
    """Base, carried slice and the network's residual at ``place`` from slices around it that lack it."""
    number = int(np.searchsorted(positions, place)) - 1
    at = np.array([place])
    pair = np.ascontiguousarray(slices[number : number + 2])
    ends = positions[number : number + 2]
    narrow = width < NARROW
    base = (pchip if narrow else linear)(slices, positions, at)
    carried = blend_along_motion(pair, ends, at, find_motion(pair), base, cubic=narrow)
    if network is None or gap is None:
        return base, carried, np.zeros_like(base)
    found = residuals(network, seen=four_around(slices, positions, number), doubled=True)
    return base, carried, (found[gap.middle] + linear(pair, ends, at)[0] - base[0])[None]
