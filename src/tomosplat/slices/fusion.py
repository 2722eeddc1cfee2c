"""Several stacks of one body as one volume: each filled along its own axis, and corrected by the others in its gaps.

What a stack knows worst, half way between its slices, another one knows well, whose slices run through there. How far
it is to be believed (it was taken at another time, with another coil and thickness) is found by leaving slices out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tomosplat.errors import InputError
from tomosplat.geometry import FloatArray, SlicePlane
from tomosplat.report import Report
from tomosplat.slices.fill import Quality, fill
from tomosplat.slices.stack import SliceStack

#: Slices left out of each stack, at most.
_LEFT_OUT = 8
#: Distance in mm over which brightness is matched, and by which factors at most.
_SHADING, _RATIOS = 4.0, (0.25, 4.0)
#: Distance in mm over which stacks that are fitted as one are made equally bright.
_COIL = 15.0
#: The most places between two slices that a stack is filled at.
_FINEST = 12


@dataclass(frozen=True, eq=False)
class _Filled:
    """A stack filled along its axis.

    Attributes:
        stack: The given slices.
        values: [M, H, W] at ``positions``.
        positions: [M] evenly spaced in every gap.
    """

    stack: SliceStack
    values: NDArray[np.float32]
    positions: FloatArray

    def at(self, points_mm: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values at points [..., 3], and whether the points lie within the stack."""
        inverse = np.linalg.inv(self.stack.affine)
        u, v, place = (points_mm @ inverse[:3, :3].T + inverse[:3, 3]).reshape(-1, 3).T
        height, width = self.stack.shape
        edge = 1e-6
        inside = (u >= -edge) & (u <= width - 1 + edge) & (v >= -edge) & (v <= height - 1 + edge)
        inside &= (place >= self.positions[0] - edge) & (place <= self.positions[-1] + edge)
        number = np.interp(place, self.positions, np.arange(len(self.positions)))
        values = np.zeros(len(u), np.float32)
        where = np.stack([number, v, u])[:, inside]
        values[inside] = ndimage.map_coordinates(self.values, where, order=1, mode="nearest")
        return values.reshape(points_mm.shape[:-1]), inside.reshape(points_mm.shape[:-1])

    def uncertainty(self, points_mm: FloatArray) -> FloatArray:
        """0 on a slice, 1 half way between two, [...]."""
        inverse = np.linalg.inv(self.stack.affine)
        place = points_mm @ inverse[2, :3] + inverse[2, 3]
        given = self.stack.positions
        way = np.interp(place, given, np.arange(len(given))) % 1
        doubt: FloatArray = 4 * way * (1 - way)
        return doubt


@dataclass(frozen=True, eq=False)
class Fusion:
    """One body from several stacks.

    Attributes:
        filled: Each stack, filled.
        shares: How far the others are believed half way between a stack's slices, 0..1, for each.
    """

    filled: tuple[_Filled, ...]
    shares: tuple[float, ...]

    def at(self, planes_mm: FloatArray, reference: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values as stack ``reference`` would show them, and where any stack reaches.

        Where the reference does not reach, the mean of those that do is shown.

        Args:
            planes_mm: [N, H, W, 3] points, evenly spaced along rows and columns.
            reference: Which stack.

        Returns:
            [N, H, W] each.
        """
        found = [filled.at(planes_mm) for filled in self.filled]
        own, inside = found.pop(reference)
        others, covered = _as_seen_by(own, inside, found, planes_mm)
        doubt = self.filled[reference].uncertainty(planes_mm).astype(np.float32)
        corrected = own + np.where(covered, doubt * np.float32(self.shares[reference]) * (others - own), 0)
        return np.where(inside, corrected, others), inside | covered


def fuse(stacks: Sequence[SliceStack], report: Report, quality: Quality = "default") -> Fusion:
    """Fill each stack and find how far the others are to be believed in its gaps.

    Args:
        stacks: Two or more that overlap in the body.
        report: Takes times.
        quality: Of filling.

    Raises:
        InputError: There are fewer than two stacks.
    """
    if len(stacks) < 2:
        raise InputError(f"fusing needs at least two stacks, got {len(stacks)}; fill one stack by itself")
    filled = tuple(_filled(stack, report, quality) for stack in stacks)
    with report.stage("compare the stacks with each other"):
        shares = tuple(_share(number, filled, report) for number in range(len(stacks)))
    return Fusion(filled, shares)


def steps_per_gap(stack: SliceStack) -> int:
    """In how many steps a gap is filled so that slices come to lie as near as pixels do."""
    gap = float(np.diff(stack.positions).max()) * stack.spacing[2]
    return int(np.clip(math.ceil(gap / stack.spacing[:2].min()), 1, _FINEST))


def _filled(stack: SliceStack, report: Report, quality: Quality) -> _Filled:
    positions = stack.between(steps_per_gap(stack))
    return _Filled(stack, fill(stack, positions, report, quality).values, positions)


def _share(number: int, filled: Sequence[_Filled], report: Report) -> float:
    """How far the others are believed half way between the slices of a stack: least squares over slices left out."""
    stack = filled[number].stack
    inner = np.arange(1, len(stack) - 1)
    if not len(inner):
        return 0.0
    chosen = inner[np.unique(np.linspace(0, len(inner) - 1, _LEFT_OUT).round().astype(int))]
    quiet = Report()
    alone = np.stack(
        [
            fill(stack.subset(np.delete(np.arange(len(stack)), n)), stack.positions[[n]], quiet, "draft").values[0]
            for n in chosen
        ]
    )
    planes = np.stack([plane_points(stack, int(n)) for n in chosen])
    found = [other.at(planes) for index, other in enumerate(filled) if index != number]
    others, covered = _as_seen_by(alone, np.ones(alone.shape, bool), found, planes)
    if not covered.any():
        return 0.0
    change = (others - alone)[covered].astype(np.float64)
    wanted = (stack.values[chosen] - alone)[covered].astype(np.float64)
    share = float(np.clip((change @ wanted) / max(change @ change, 1e-12), 0, 1))
    report.history.append(f"stack {number}: the others are believed by {share:.2f} half way between its slices")
    return share


def plane_points(stack: SliceStack, number: int) -> FloatArray:
    """Places of the pixels of a slice, [H, W, 3] mm."""
    return SlicePlane(stack.planes[number], *stack.shape).pixel_centers()


def matched(stacks: Sequence[SliceStack]) -> list[SliceStack]:
    """Stacks as bright as the first where they meet, and by how much they differ there in all elsewhere.

    Every coil and sequence has a brightness of its own, which changes slowly through the body: each slice is multiplied
    by the ratio of means over ``_COIL`` mm.
    """
    first = _Filled(stacks[0], stacks[0].values, stacks[0].positions)
    return [stacks[0], *(replace(stack, values=_as_bright_as(first, stack)) for stack in stacks[1:])]


def _as_bright_as(first: _Filled, stack: SliceStack) -> NDArray[np.float32]:
    wanted, inside = first.at(np.stack([plane_points(stack, number) for number in range(len(stack))]))
    if not inside.any():
        return stack.values
    share = float(wanted[inside].mean()) / max(float(stack.values[inside].mean()), 1e-12)
    # Where they do not meet, and where nothing is, this little counts.
    little = np.float32(0.01 * stack.values[inside].mean())
    sigma = (0, _COIL / stack.spacing[1], _COIL / stack.spacing[0])
    mean_wanted, mean_own = (ndimage.gaussian_filter(v * inside, sigma) for v in (wanted, stack.values))
    ratio = (mean_wanted + np.float32(share) * little) / (mean_own + little)
    bright: NDArray[np.float32] = (stack.values * ratio).astype(np.float32)
    return bright


def _as_seen_by(
    own: NDArray[np.float32],
    inside: NDArray[np.bool_],
    others: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]],
    planes_mm: FloatArray,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean of the other stacks' values on planes [N, H, W], each with its local brightness made that of ``own``.

    Coils see brightness differently from place to place; only what is finer than ``_SHADING`` is taken from the others.
    """
    pixel = max(float(np.linalg.norm(planes_mm[0, 0, 1] - planes_mm[0, 0, 0])), 1e-6)
    sigma = _SHADING / pixel
    total, count = np.zeros_like(own), np.zeros_like(own)
    for values, reached in others:
        both = (reached & inside).astype(np.float32)
        mean_own, mean_other = (ndimage.gaussian_filter(v * both, (0, sigma, sigma)) for v in (own, values))
        ratio = np.clip((mean_own + 1e-6) / (mean_other + 1e-6), *_RATIOS)
        total += np.where(reached, values * np.where(both > 0, ratio, 1), 0)
        count += reached
    mean: NDArray[np.float32] = (total / np.maximum(count, 1)).astype(np.float32)
    return mean, count > 0
