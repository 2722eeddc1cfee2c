"""Samples of a ray side by side: sixteen at a time, where they are and what a table says of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.dvr.kernels import Ray, Sampling
from tomosplat.render.cpu.layout import F32, I32, LOG2_E, f32, uint
from tomosplat.render.cpu.vectors import load, maximum, minimum, prefetch, store, zero_unless
from tomosplat.render.raymarching.kernels import BRICK, INLINE
from tomosplat.render.raymarching.lanes import (
    WIDTH,
    cells_on_axis,
    count_up,
    exp2,
    load_fours,
    store_index,
    truncate,
    wide,
)
from tomosplat.render.raymarching.sampling import lane

_PER_BRICK = f32(1 / int(BRICK))
#: Up to here the opacity of a sample is a series, for 1 − exp(−x) would lose digits.
_THIN = f32(0.2)
_SECOND, _THIRD, _FOURTH, _FIFTH = (f32(1 / n) for n in range(2, 6))
#: 2 to this power is as good as 0.
_LOWEST = f32(-120)


class Lanes(NamedTuple):
    """What kernels know of sixteen samples, in the order of the ray.

    ``voxels`` is the first voxel of the cell around each, ``bricks`` the brick around it, ``fractions``, flat [3, 16],
    where in the cell it is. ``first`` and ``second`` are its coordinates in a table, ``entries`` the lower entry around
    them and ``ways``, flat [2, 16], how far it is from there along the second and the first axis. ``numbers``, flat
    [16, 4], is what the table says, ``steps`` the part of Δt that is shown, and ``opacities`` what follows of both.
    """

    voxels: I32
    bricks: I32
    fractions: F32
    first: F32
    second: F32
    entries: I32
    ways: F32
    numbers: F32
    steps: F32
    opacities: F32
    ahead: I32


def new_lanes() -> Lanes:
    """Room for sixteen samples."""
    whole, broken = np.zeros((4, WIDTH), np.int32), np.zeros((4, WIDTH), np.float32)
    return Lanes(
        voxels=whole[0],
        bricks=whole[1],
        fractions=np.zeros(3 * WIDTH, np.float32),
        first=broken[0],
        second=broken[1],
        entries=whole[2],
        ways=np.zeros(2 * WIDTH, np.float32),
        numbers=np.zeros(4 * WIDTH, np.float32),
        steps=broken[2],
        opacities=broken[3],
        ahead=whole[3],
    )


@njit(**INLINE)
def _axis(ray: Ray, shape: tuple[int, int, int], t: Any, axis: int) -> Any:
    """On one axis: lower voxel of the cell, and where in the cell."""
    return cells_on_axis(t * lane(ray.direction, axis) + lane(ray.start, axis), shape[axis])


@njit(**INLINE)
def find_cells(lanes: Lanes, ray: Ray, m: int, sampling: Sampling, bricked: bool) -> None:
    """Cells of the samples from m on, and their bricks if somebody asks."""
    _, n_j, n_k = sampling.shape
    t = (count_up() + (f32(m) + ray.offset)) * sampling.step
    i, fx = _axis(ray, sampling.shape, t, 0)
    j, fy = _axis(ray, sampling.shape, t, 1)
    k, fz = _axis(ray, sampling.shape, t, 2)
    store_index(lanes.voxels, i, j, k, n_j * n_k, n_k, 1)
    store(lanes.fractions, uint(0), fx)
    store(lanes.fractions, uint(WIDTH), fy)
    store(lanes.fractions, uint(2 * WIDTH), fz)
    if bricked:
        n_b, n_c = (n_j + int(BRICK) - 1) // int(BRICK), (n_k + int(BRICK) - 1) // int(BRICK)
        store_index(
            lanes.bricks,
            truncate(i * _PER_BRICK),
            truncate(j * _PER_BRICK),
            truncate(k * _PER_BRICK),
            n_b * n_c,
            n_c,
            1,
        )


@njit(**INLINE)
def prefetch_cells(lanes: Lanes, values: F32, ray: Ray, m: int, sampling: Sampling) -> None:
    """Have the voxels of the samples from m on brought to the cache."""
    n_j, n_k = sampling.shape[1], sampling.shape[2]
    t = (count_up() + (f32(m) + ray.offset)) * sampling.step
    i, _ = _axis(ray, sampling.shape, t, 0)
    j, _ = _axis(ray, sampling.shape, t, 1)
    k, _ = _axis(ray, sampling.shape, t, 2)
    store_index(lanes.ahead, i, j, k, n_j * n_k, n_k, 1)
    for n in range(uint(min(WIDTH, ray.n_samples - m)) if m < ray.n_samples else uint(0)):
        at = int(lanes.ahead[n])
        prefetch(values, uint(at))
        prefetch(values, uint(at + n_k))
        prefetch(values, uint(at + n_j * n_k))
        prefetch(values, uint(at + (n_j + 1) * n_k))


@njit(**INLINE)
def find_entries(lanes: Lanes, n_first: int, n_second: int) -> None:
    """Entries of a table [n_first, n_second] from coordinates."""
    u = load(lanes.second, uint(0), wide(f32(0)))
    low = truncate(minimum(u, wide(f32(n_second - 2))))
    store(lanes.ways, uint(0), u - low)
    row = wide(f32(0))
    if n_first != 1:
        v = load(lanes.first, uint(0), wide(f32(0)))
        row = truncate(minimum(v, wide(f32(n_first - 2))))
        store(lanes.ways, uint(WIDTH), v - row)
    store_index(lanes.entries, row, low, low, n_second, 1, 0)


@njit(**INLINE)
def find_opacities(lanes: Lanes) -> None:
    """1 − exp(−x) of the optical depths x of all samples."""
    _, _, _, absorption = load_fours(lanes.numbers, wide(f32(0)))
    x = absorption * load(lanes.steps, uint(0), wide(f32(0)))
    one = wide(f32(1))
    rest = one - x * _FOURTH * (one - x * _FIFTH)
    series = x * (one - x * _SECOND * (one - x * _THIRD * rest))
    whole = one - exp2(maximum(x * (-LOG2_E), wide(_LOWEST)))
    store(lanes.opacities, uint(0), zero_unless(x < wide(_THIN), series - whole) + whole)
