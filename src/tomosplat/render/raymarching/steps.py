"""Steps of a ray side by side: where they are, and in which packed brick."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, I32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import maximum, minimum, store
from tomosplat.render.raymarching.kernels import BRICK, INLINE, Scan
from tomosplat.render.raymarching.lanes import WIDTH, cells_on_axis, count_up, store_index, truncate, wide
from tomosplat.render.raymarching.packing import PER_I, PER_J, PER_K
from tomosplat.render.raymarching.rays import Ray, brick_of, cell_of, leap
from tomosplat.render.raymarching.sampling import lane

_PER_BRICK = f32(1 / int(BRICK))


class Steps(NamedTuple):
    """WIDTH steps in the order of the ray: where they begin and end, in mm, and what is at their middles.

    ``bricks`` is the place of the brick among all, ``slots`` that among the packed ones, -1 where nothing is visible;
    ``offsets`` tells where the cell's first voxel is in the packed brick, ``fractions``, flat [3, WIDTH], where in the
    cell the middle is. What follows is for :mod:`compositing`: ``numbers`` and ``scales``, flat [WIDTH, 4], are
    interpolated numbers of the packed bricks and their scales, ``coordinates`` and ``entries`` where values stand in
    the tables and in ``Tables.added`` (negative where that does not hold), ``lit`` and ``white`` the light.
    """

    begins: F32
    ends: F32
    bricks: I32
    slots: I32
    offsets: I32
    fractions: F32
    numbers: F32
    scales: F32
    coordinates: F32
    entries: I32
    lit: F32
    white: F32


def new_steps() -> Steps:
    """Room for steps."""
    places, whole = np.zeros((5, WIDTH), np.float32), np.zeros((4, WIDTH), np.int32)
    return Steps(
        begins=places[0],
        ends=places[1],
        bricks=whole[0],
        slots=whole[1],
        offsets=whole[2],
        fractions=np.zeros(3 * WIDTH, np.float32),
        numbers=np.zeros(4 * WIDTH, np.float32),
        scales=np.zeros(4 * WIDTH, np.float32),
        coordinates=places[2],
        entries=whole[3],
        lit=places[3],
        white=places[4],
    )


@njit(**INLINE)
def _cells(ray: Ray, shape: tuple[int, int, int], s: Any, axis: int) -> Any:
    """On one axis: brick, voxel in the brick, and where in the cell."""
    voxel, fraction = cells_on_axis(s * lane(ray.direction, axis) + lane(ray.start, axis), shape[axis])
    brick = truncate(voxel * _PER_BRICK)
    return brick, voxel - brick * f32(BRICK), fraction


@njit(**INLINE)
def take(steps: Steps, scan: Scan, ray: Ray, step: Scalar, number: Scalar, stop: Scalar) -> Any:
    """Take the next steps from ``number`` on, up to ``stop``, among which something may be visible.

    Returns:
        Whether there are any, and the number of the step behind them.
    """
    n_j, n_k = scan.bricks.shape[1], scan.bricks.shape[2]
    while ray.first + f32(number - 1) * step < stop:
        numbers = count_up() + f32(number)
        begins = maximum((numbers - f32(1)) * step + ray.first, wide(f32(0)))
        ends = minimum(numbers * step + ray.first, wide(ray.length))
        middles = (begins + ends) * f32(0.5)
        a, i, fx = _cells(ray, scan.shape, middles, 0)
        b, j, fy = _cells(ray, scan.shape, middles, 1)
        c, k, fz = _cells(ray, scan.shape, middles, 2)
        store_index(steps.bricks, a, b, c, n_j * n_k, n_k, 1)
        store(steps.begins, uint(0), begins)
        seen: Scalar = False
        for m in range(uint(WIDTH)):
            slot = scan.slots[uint(steps.bricks[m])]
            slot = slot if steps.begins[m] < stop else np.int32(-1)
            steps.slots[m] = slot
            seen |= slot >= 0
        if seen:
            store(steps.ends, uint(0), ends)
            store_index(steps.offsets, i, j, k, PER_I, PER_J, PER_K)
            store(steps.fractions, uint(0), fx)
            store(steps.fractions, uint(WIDTH), fy)
            store(steps.fractions, uint(2 * WIDTH), fz)
            return True, number + WIDTH
        number += WIDTH - 1
        middle = f32(0.5) * (steps.begins[uint(WIDTH - 1)] + lane(ends, WIDTH - 1))
        brick = brick_of(cell_of(ray, scan.shape, middle))
        number = leap(ray, step, number, brick, scan.bricks[brick])
    return False, number
