"""Slices in the gaps between given ones, for a fit to be held to there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tomosplat.geometry import FloatArray, SlicePlane
from tomosplat.report import Report
from tomosplat.slices.fill import Quality, fill
from tomosplat.slices.fusion import fuse
from tomosplat.slices.interpolation import linear
from tomosplat.slices.stack import SliceStack

#: Slices in a gap are about as far apart as pixels are, but no more than so many.
_MOST_PER_GAP = 7
#: Weight of the loss of a cross-faded slice (MedGS: 0.5 beside the 2.0 of a frame).
CROSSFADE_WEIGHT = 0.25


def filled_between(stack: SliceStack, report: Report, quality: Quality) -> tuple[SliceStack, float]:
    """What ``fill`` makes of the gaps, with its labels, and the weight of its loss."""
    at = positions_between(stack)
    filled = fill(stack, at, report, quality)
    return replace(stack, values=filled.values, positions=at, labels=filled.labels), 1.0


def fused_between(stacks: Sequence[SliceStack], report: Report, quality: Quality) -> tuple[list[SliceStack], float]:
    """What all stacks of one body make of the gaps of each, without labels, and how far the first believes the rest."""
    fusion = fuse(stacks, report, quality)
    found = []
    for number, stack in enumerate(stacks):
        at = positions_between(stack)
        planes = (SlicePlane(affine, *stack.shape) for affine in stack.planes_at(at))
        values = np.concatenate([fusion.at(plane.pixel_centers()[None], number)[0] for plane in planes])
        found.append(replace(stack, values=values, positions=at, labels=None))
    return found, fusion.shares[0]


def crossfaded_between(stack: SliceStack) -> tuple[SliceStack, float]:
    """What linear interpolation makes of them (IBFR of MedGS), without labels."""
    at = positions_between(stack)
    values = linear(stack.values, stack.positions, at)
    return replace(stack, values=values, positions=at, labels=None), CROSSFADE_WEIGHT


def positions_between(stack: SliceStack) -> FloatArray:
    """Where slices in the gaps are worth having, [M]."""
    across = np.diff(stack.positions) * stack.spacing[2] / stack.spacing[:2].min()
    n = int(np.clip(np.round(np.median(across)), 2, _MOST_PER_GAP + 1))
    every = stack.between(n)
    inside: FloatArray = every[np.arange(len(every)) % n != 0]
    return inside
