"""Slices in the gaps between given ones, for the fit to be held to there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tomosplat.report import Progress, Report
from tomosplat.slices.flow import blend_along_motion, find_motion
from tomosplat.slices.stack import SliceStack, TrackedFrames

#: Slices in a gap are about as far apart as pixels are, but no more than so many.
_MOST_PER_GAP = 7
#: Weight of the loss of a cross-faded slice (MedGS: 0.5 beside the 2.0 of a frame).
_CROSSFADE_WEIGHT = 0.25
_MOTION_WEIGHT = 0.5


def slices_between(
    stacks: Sequence[SliceStack | TrackedFrames], gap: str, progress: Progress, report: Report
) -> list[tuple[SliceStack | TrackedFrames, float]]:
    """Slices in the gaps of each stack and the weights of their losses; none for sweeps, whose gaps have no two sides."""
    found: list[tuple[SliceStack | TrackedFrames, float]] = []
    for stack in stacks:
        if gap == "none" or isinstance(stack, TrackedFrames):
            continue
        low, high = np.percentile(stack.values, (0.5, 99.5))
        scale = np.float32(max(high - low, 1e-6))
        unit = ((stack.values - np.float32(low)) / scale).astype(np.float32)
        at = _positions(stack)
        before = np.clip(np.searchsorted(stack.positions, at, side="right") - 1, 0, len(stack) - 2)
        share = ((at - stack.positions[before]) / np.diff(stack.positions)[before])[:, None, None].astype(np.float32)
        linear = (1 - share) * unit[before] + share * unit[before + 1]
        values = linear
        if gap == "motion":
            values = blend_along_motion(unit, stack.positions, at, find_motion(unit, progress), linear)
        weight = _CROSSFADE_WEIGHT if gap == "crossfade" else _MOTION_WEIGHT
        values = (values * scale + np.float32(low)).astype(np.float32)
        found.append((replace(stack, values=values, positions=at, labels=None), weight))
    report.facts["slices_in_gaps"] = sum(len(stack) for stack, _ in found)
    return found


def _positions(stack: SliceStack) -> np.ndarray:
    """Where slices in the gaps are worth having."""
    across = np.diff(stack.positions) * stack.spacing[2] / stack.spacing[:2].min()
    n = int(np.clip(np.round(np.median(across)), 2, _MOST_PER_GAP + 1))
    every = stack.between(n)
    inside: np.ndarray = every[np.arange(len(every)) % n != 0]
    return inside
