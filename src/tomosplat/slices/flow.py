"""Slices carried along the motion between their neighbours, trusted only where that motion explains the change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import FloatArray
from tomosplat.report import Progress
from tomosplat.slices.demons_kernels import blur
from tomosplat.slices.interpolation import Slices, gaps_of
from tomosplat.slices.motion import Picture, Shift, gaussian_weights, motion_at, shifts_of_gaps, warped
from tomosplat.threads import n_threads, run

#: Standard deviation in pixels over which differences are averaged before they are trusted, and what counts as none.
_TRUST_BLUR, _NO_CHANGE = 1.5, 1e-3

Shifts = Sequence[tuple[Shift, Shift]]


def find_motion(slices: Slices, progress: Progress | None = None) -> list[tuple[Shift, Shift]]:
    """Motion of both ways in every gap of slices [N, H, W] of a range of about 0..1."""
    return shifts_of_gaps(list(pairwise(slices)), progress)


def blend_along_motion(
    slices: Slices,
    positions: FloatArray,
    at: FloatArray,
    shifts: Shifts,
    base: Slices,
    *,
    cubic: bool = False,
    gated: bool = True,
) -> Slices:
    """Cross-fade of both neighbours, each carried along the motion to where it is asked for.

    Where the carried neighbours differ no less than the neighbours themselves, ``base`` is kept: the share of the
    motion is 1 − E / E₀ within 0..1, with E and E₀ the blurred absolute difference of both with and without motion.

    Args:
        slices: [N, H, W].
        positions: [N].
        at: [M] places within them.
        shifts: Motion in each gap, from ``find_motion``.
        base: [M, H, W] what holds without motion.
        cubic: Carry in Catmull-Rom pieces instead of bilinearly: sharper, and noisier.
        gated: Keep ``base`` where motion explains nothing.

    Returns:
        [M, H, W].
    """
    before, way = gaps_of(positions, at)

    def carried(number: int) -> Picture:
        a, b, t = slices[before[number]], slices[before[number] + 1], float(way[number])
        motion = motion_at(shifts[before[number]], t)
        from_a = warped(a, np.float32(-t) * motion, cubic)
        from_b = warped(b, np.float32(1 - t) * motion, cubic)
        mean: Picture = np.float32(1 - t) * from_a + np.float32(t) * from_b
        if not gated:
            return mean
        trust = motion_share(a, b, from_a, from_b)
        result: Picture = base[number] + trust * (mean - base[number])
        return result

    jobs = [(n,) for n in range(len(at))]
    batch = 4 * n_threads()
    parts = [part for start in range(0, len(jobs), batch) for part in run(carried, jobs[start : start + batch])]
    return np.stack(parts) if parts else base


def motion_share(a: Picture, b: Picture, from_a: Picture, from_b: Picture) -> Picture:
    """How far motion explains the change from ``a`` to ``b``, 0..1, [H, W]."""
    weights = gaussian_weights(_TRUST_BLUR)
    left, before = np.abs(from_a - from_b), np.abs(a - b)
    scratch = np.empty_like(left)
    blur(left, weights, scratch, left)
    blur(before, weights, scratch, before)
    share: NDArray[np.float32] = np.clip(1 - left / (before + np.float32(_NO_CHANGE)), 0, 1)
    return share
