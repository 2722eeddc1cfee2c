"""In-plane motion between neighbouring slices: symmetric demons from coarse to fine, both ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tomosplat.report import Progress
from tomosplat.slices.demons_kernels import register, warp_cubic, warp_linear
from tomosplat.threads import n_threads, run

Picture = NDArray[np.float32]
#: [2, H, W]: rows, then columns, in pixels.
Shift = NDArray[np.float32]

#: Pixels along the edge of a coarse one, and steps on each level.
_LEVELS, _STEPS = (4, 2, 1), 30
#: Longest step in pixels, twice; and blur of the shifts after each step, in pixels.
_LONGEST, _STIFFNESS = 1.0, 1.0
_SMALLEST = 8


def shift_between(fixed: Picture, moving: Picture) -> Shift:
    """Find the shift by which moving(x + shift(x)) looks like fixed(x).

    Demons with the symmetric force of Vercauteren et al. 2009 and a diffusion-like prior (the field is blurred).

    Args:
        fixed: [H, W] float32, of a range of about 0..1.
        moving: The same shape.

    Returns:
        [2, H, W] float32.
    """
    weights = gaussian_weights(_STIFFNESS)
    levels = [level for level in _LEVELS if level == 1 or min(fixed.shape) >= _SMALLEST * level]
    shift: Shift = np.zeros((2, *_shrunk(fixed, levels[0]).shape), np.float32)
    for coarser, level in pairwise([levels[0], *levels]):
        one, other = _shrunk(fixed, level), _shrunk(moving, level)
        if level < coarser:
            shift = _refined(shift, coarser, level, (one.shape[0], one.shape[1]))
        register(one, other, shift, _STEPS, _LONGEST, weights)
    return shift


def shifts_of_gaps(
    pairs: Sequence[tuple[Picture, Picture]], progress: Progress | None = None
) -> list[tuple[Shift, Shift]]:
    """Shifts of both ways for pairs of neighbours (a, b): a(x) ~ b(x + first), b(x) ~ a(x + second)."""
    jobs = [job for a, b in pairs for job in ((a, b), (b, a))]
    shifts: list[Shift] = []
    batch = 2 * n_threads()
    for start in range(0, len(jobs), batch):
        shifts += run(shift_between, jobs[start : start + batch])
        if progress:
            progress(len(shifts), len(jobs))
    return list(zip(shifts[::2], shifts[1::2], strict=True))


def motion_at(shifts: tuple[Shift, Shift], way: float) -> Shift:
    """The motion from the slice before to the one behind, as seen from a place between them.

    A point x there was at x − way·F in the slice before and is at x + (1 − way)·F in the one behind. F is the mean of
    the shifts of both ways, each looked up where the point came from; two rounds of that suffice for motion of a few
    pixels.

    Args:
        shifts: As ``shifts_of_gaps`` gives them.
        way: 0..1.

    Returns:
        [2, H, W].
    """
    t = np.float32(way)
    forth, back = shifts
    motion: Shift = (1 - t) * forth - t * back
    for _ in range(2):
        behind, ahead = -t * motion, (1 - t) * motion
        motion = np.stack([(1 - t) * warped(forth[c], behind) - t * warped(back[c], ahead) for c in range(2)])
    return motion


def warped(picture: Picture, shift: Shift, cubic: bool = False) -> Picture:
    """picture(x + shift(x)), [H, W], bilinear or in Catmull-Rom pieces; edges are continued."""
    out = np.empty_like(picture)
    (warp_cubic if cubic else warp_linear)(picture, shift, out)
    return out


def gaussian_weights(sigma: float) -> NDArray[np.float32]:
    """Weights of a Gaussian blur, out to three standard deviations, adding up to 1."""
    reach = math.ceil(3 * sigma)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    normalised: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return normalised


def _shrunk(picture: Picture, level: int) -> Picture:
    if level == 1:
        return np.ascontiguousarray(picture)
    blurred = ndimage.gaussian_filter(picture, level / 2, mode="nearest")
    return np.ascontiguousarray(blurred[_first(level) :: level, _first(level) :: level])


def _first(level: int) -> int:
    """Which pixel of the finest picture the first one of a level is."""
    return (level - 1) // 2


def _refined(shift: Shift, level: int, finer: int, shape: tuple[int, int]) -> Shift:
    """A shift in pixels of one level, on the grid of a finer one in pixels of that."""
    scale, offset = finer / level, (_first(finer) - _first(level)) / level
    fields = [
        ndimage.affine_transform(field, [scale, scale], offset, shape, order=1, mode="nearest") for field in shift
    ]
    return np.stack(fields) * np.float32(level / finer)
