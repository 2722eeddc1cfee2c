"""Kernels of ``lookup``: rays through a volume that tables classify, and the gradient of the tables.

A sample with coordinates in the table has emission c and absorption κ. With T the light that reaches it, it has weight
w = T Δt (or T A where emission is associated) and adds w c. Going front to back again, with v the picture's gradient
and S = v · (colour still to come) − v_alpha T_final,

    dL/dc = w v        dL/dκ = Δt (−S  [+ T (1 − A) v · c])

where S after a sample is S before less w v · c: nothing but the finished picture needs to be kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import njit

from tomosplat.dvr.kernels import (
    KERNEL,
    PASSING_MIN,
    Beams,
    Ray,
    Sampling,
    leap,
    pixel_at,
    ray_at,
    trilinear_scalar,
    zeros_four,
)
from tomosplat.dvr.lanes import Lanes, find_cells, find_entries, find_opacities, prefetch_cells
from tomosplat.render.cpu.layout import F32, U8, Scalar, f32, uint
from tomosplat.render.cpu.vectors import load, store, vector
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.lanes import WIDTH
from tomosplat.render.raymarching.sampling import lane, lerp

#: What a brick is to the walk.
EMPTY, SHOWN, MIXED = 0, 1, 2


class Table(NamedTuple):
    """Emission and absorption, flat [G, M, 4]; G = 1 in one dimension."""

    entries: F32
    n_first: int  # G
    n_second: int  # M


class Scan(NamedTuple):
    """What is classified: where every voxel stands in the table, flat, and which voxels are shown at all.

    ``bricks`` says of each brick whether it is EMPTY, SHOWN as a whole, or MIXED, so that ``shown`` must be asked; it
    is empty itself if all are shown.
    """

    first: F32
    second: F32
    shown: U8
    bricks: U8


@njit(**INLINE)
def _numbers(table: Table, at: Scalar) -> Any:
    return load(table.entries, uint(4 * at), zeros_four())


@njit(**INLINE)
def _classify(table: Table, at: Scalar, way: Scalar, across: Scalar) -> Any:
    """Emission and absorption, a vector of four, on the way from an entry to the next, and across to the next row."""
    here = lerp(_numbers(table, at), _numbers(table, at + 1), way)
    if table.n_first == 1:
        return here
    there = at + table.n_second
    return lerp(here, lerp(_numbers(table, there), _numbers(table, there + 1), way), across)


@njit(**INLINE)
def _add(gradient: F32, at: Scalar, amount: Any) -> None:
    place = uint(4 * at)
    store(gradient, place, load(gradient, place, zeros_four()) + amount)


@njit(**INLINE)
def _spread(table: Table, gradient: F32, at: Scalar, way: Scalar, across: Scalar, amount: Any) -> None:
    """Add to the entries that a sample was interpolated from."""
    if table.n_first != 1:
        there = at + table.n_second
        beyond = amount * across
        amount = amount - beyond
        _add(gradient, there, beyond * (f32(1) - way))
        _add(gradient, there + 1, beyond * way)
    _add(gradient, at, amount * (f32(1) - way))
    _add(gradient, at + 1, amount * way)


@njit(**INLINE)
def _number(shown: U8, at: int) -> Scalar:
    return f32(shown[uint(at)])


@njit(**INLINE)
def _share_shown(shown: U8, at: int, n_k: int, n_jk: int, fx: Scalar, fy: Scalar, fz: Scalar) -> Scalar:
    """How much of a cell's voxels, interpolated, is shown: 0 to 1."""
    a = lerp(_number(shown, at), _number(shown, at + 1), fz)
    b = lerp(_number(shown, at + n_k), _number(shown, at + n_k + 1), fz)
    c = lerp(_number(shown, at + n_jk), _number(shown, at + n_jk + 1), fz)
    d = lerp(_number(shown, at + n_jk + n_k), _number(shown, at + n_jk + n_k + 1), fz)
    return lerp(lerp(a, b, fy), lerp(c, d, fy), fx)


@njit(**INLINE)
def _find_steps(lanes: Lanes, n: int, sampling: Sampling, scan: Scan) -> Scalar:
    """How much of Δt of each of n samples is shown; whether any is."""
    n_k, n_jk = sampling.shape[2], sampling.shape[1] * sampling.shape[2]
    if scan.bricks.size == 0:
        for s in range(uint(WIDTH)):
            lanes.steps[s] = sampling.step
        return True
    some: Scalar = False
    for s in range(uint(n)):
        brick = scan.bricks[uint(lanes.bricks[s])]
        step = sampling.step if brick != EMPTY else f32(0)
        if brick == MIXED:
            fx, fy, fz = lanes.fractions[s], lanes.fractions[s + uint(WIDTH)], lanes.fractions[s + uint(2 * WIDTH)]
            step *= _share_shown(scan.shown, int(lanes.voxels[s]), n_k, n_jk, fx, fy, fz)
        lanes.steps[s] = step
        some |= brick != EMPTY
    return some


@njit(**INLINE)
def _look_up(lanes: Lanes, n: int, sampling: Sampling, scan: Scan, table: Table) -> None:
    """What the table says of n samples, and their opacities."""
    n_k, n_jk = sampling.shape[2], sampling.shape[1] * sampling.shape[2]
    for s in range(uint(n)):
        if lanes.steps[s] > f32(0):
            fx, fy, fz = lanes.fractions[s], lanes.fractions[s + uint(WIDTH)], lanes.fractions[s + uint(2 * WIDTH)]
            at = int(lanes.voxels[s])
            lanes.second[s] = trilinear_scalar(scan.second, at, n_k, n_jk, fx, fy, fz)
            if table.n_first != 1:
                lanes.first[s] = trilinear_scalar(scan.first, at, n_k, n_jk, fx, fy, fz)
    find_entries(lanes, table.n_first, table.n_second)
    for s in range(uint(n)):
        numbers = _classify(table, int(lanes.entries[s]), lanes.ways[s], lanes.ways[s + uint(WIDTH)])
        store(lanes.numbers, uint(4) * s, numbers)
    find_opacities(lanes)


@njit(**INLINE)
def _beyond(lanes: Lanes, ray: Ray, m: int, n: int, sampling: Sampling) -> Scalar:
    """The first sample that may be shown behind n from m on that are not."""
    n_k, n_jk = sampling.shape[2], sampling.shape[1] * sampling.shape[2]
    voxel = int(lanes.voxels[uint(n - 1)])
    return leap(ray, m + n - 1, sampling, voxel // n_jk, voxel % n_jk // n_k, voxel % n_k)


@njit(**INLINE)
def _take(lanes: Lanes, ray: Ray, m: int, sampling: Sampling, scan: Scan, table: Table) -> Any:
    """Classify samples from m on: how many, none if these are not shown, and the first one behind them."""
    n = min(WIDTH, ray.n_samples - m)
    find_cells(lanes, ray, m, sampling, scan.bricks.size > 0)
    if not _find_steps(lanes, n, sampling, scan):
        return 0, _beyond(lanes, ray, m, n, sampling)
    prefetch_cells(lanes, scan.second, ray, m + WIDTH, sampling)
    _look_up(lanes, n, sampling, scan, table)
    return n, m + n


@njit(**KERNEL)
def march_table(
    start: int,
    stop: int,
    beams: Beams,
    sampling: Sampling,
    scan: Scan,
    table: Table,
    image: F32,
    lanes: Lanes,
) -> None:
    """Draw pixels start..stop (see ``pixel_at``) into image, flat [C, H, W, 4], which holds zeros."""
    for number in range(start, stop):
        r = pixel_at(beams, number)
        if r < 0:
            continue
        ray = ray_at(beams, r, sampling.step)
        passing, color = f32(1), zeros_four()
        m = 0
        while m < ray.n_samples and passing >= PASSING_MIN:
            n, m = _take(lanes, ray, m, sampling, scan, table)
            for s in range(uint(n)):
                opacity = lanes.opacities[s]
                weight = passing * (opacity if sampling.associated else lanes.steps[s])
                color = color + load(lanes.numbers, uint(4) * s, zeros_four()) * weight
                passing -= passing * opacity
                if passing < PASSING_MIN:
                    break
        store(image, uint(4 * r), color)
        image[uint(4 * r + 3)] = f32(1) - passing


@njit(**KERNEL)
def march_table_backward(
    start: int,
    stop: int,
    beams: Beams,
    sampling: Sampling,
    scan: Scan,
    table: Table,
    image: F32,
    image_gradient: F32,
    lanes: Lanes,
    gradient: F32,
) -> None:
    """Add up the gradient of the table's entries, flat [G, M, 4], over pixels start..stop (see ``pixel_at``)."""
    for number in range(start, stop):
        r = pixel_at(beams, number)
        if r < 0:
            continue
        ray = ray_at(beams, r, sampling.step)
        final, v = load(image, uint(4 * r), zeros_four()), load(image_gradient, uint(4 * r), zeros_four())
        red, green, blue = lane(v, 0), lane(v, 1), lane(v, 2)
        by_color = vector((red, green, blue, f32(0)))
        behind = red * lane(final, 0) + green * lane(final, 1) + blue * lane(final, 2)
        behind -= lane(v, 3) * (f32(1) - lane(final, 3))
        passing = f32(1)
        m = 0
        while m < ray.n_samples and passing >= PASSING_MIN:
            n, m = _take(lanes, ray, m, sampling, scan, table)
            for s in range(uint(n)):
                step, opacity = lanes.steps[s], lanes.opacities[s]
                products = load(lanes.numbers, uint(4) * s, zeros_four()) * by_color
                along = lane(products, 0) + lane(products, 1) + lane(products, 2)
                weight = passing * (opacity if sampling.associated else step)
                behind -= weight * along
                passing -= passing * opacity
                more = passing * along if sampling.associated else f32(0)
                amount = by_color * weight + vector((f32(0), f32(0), f32(0), step * (more - behind)))
                way, across = lanes.ways[s], lanes.ways[s + uint(WIDTH)]
                _spread(table, gradient, int(lanes.entries[s]), way, across, amount)
                if passing < PASSING_MIN:
                    break
