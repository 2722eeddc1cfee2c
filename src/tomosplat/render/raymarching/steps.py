"""The steps of a ray that may show something, collected in batches: a processor works best on many alike."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, I32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import maximum, minimum, store, vector
from tomosplat.render.raymarching.kernels import INLINE, Scan
from tomosplat.render.raymarching.rays import Ray, brick_of, cell_of, interval, leap

#: Steps in a batch, and how many are written at once, wanted or not.
BATCH, _RUN = 16, 8


class Batch(NamedTuple):
    """Steps in the order of the ray: where they begin and end, in mm, and the row and slot of their brick.

    ``added``, flat [.., 4], is what each adds: premultiplied colour and opacity.
    """

    begins: F32
    ends: F32
    rows: I32
    slots: I32
    added: F32


def new_batch() -> Batch:
    """Room for a batch."""
    size = BATCH + _RUN
    places, bricks = np.empty((2, size), np.float32), np.empty((2, size), np.int32)
    added = np.empty(4 * size, np.float32)
    return Batch(places[0], places[1], bricks[0], bricks[1], added)


@njit(**INLINE)
def _eight(x: Scalar) -> Any:
    return vector((x, x, x, x, x, x, x, x))


@njit(**INLINE)
def collect(batch: Batch, scan: Scan, ray: Ray, step: Scalar, number: Scalar, stop: Scalar) -> Any:
    """Fill a batch with intervals from ``number`` on, up to ``stop``; return how many, and the next number."""
    n = 0
    lanes = vector((f32(0), f32(1), f32(2), f32(3), f32(4), f32(5), f32(6), f32(7)))
    while n < BATCH:
        begin, end = interval(ray, step, number)
        if begin >= stop:
            break
        brick = brick_of(cell_of(ray, scan.shape, f32(0.5) * (begin + end)))
        empty = scan.bricks[brick]
        if empty > 0:
            number = leap(ray, step, number, brick, empty)
            continue
        # All intervals up to where the ray leaves the brick.
        run = min(leap(ray, step, number, brick, 1) - number, _RUN)
        begins, ends = (lanes + f32(number - 1)) * step + ray.first, (lanes + f32(number)) * step + ray.first
        store(batch.begins, uint(n), maximum(begins, _eight(f32(0))))
        store(batch.ends, uint(n), minimum(ends, _eight(ray.length)))
        row, slot = scan.rows[brick], scan.slots[brick]
        for m in range(uint(_RUN)):
            batch.rows[uint(n) + m], batch.slots[uint(n) + m] = row, slot
        number += run
        n += run
        while batch.begins[uint(n - 1)] >= ray.length:
            n -= 1
    return n, number
