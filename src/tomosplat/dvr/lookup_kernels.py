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
    Sampling,
    ask_ahead,
    brick_at,
    last_cell,
    leap,
    place_of,
    ray_at,
    trilinear_scalar,
    zeros_four,
)
from tomosplat.render.cpu.layout import F32, U8, Scalar, f32, uint
from tomosplat.render.cpu.vectors import load, store, vector
from tomosplat.render.raymarching.exponential import opacity_of
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.sampling import lane, lerp, split
from tomosplat.render.raymarching.tiles import EDGE, tile_bounds

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


class Entry(NamedTuple):
    """Where a sample stands in a table: an entry, and how far it is on the way to the next."""

    at: Scalar
    fraction: Scalar
    across: Scalar  # of the way to the next row


@njit(**INLINE)
def _entry_of(table: Table, scan: Scan, at: int, n_k: int, n_jk: int, fx: Scalar, fy: Scalar, fz: Scalar) -> Entry:
    u = trilinear_scalar(scan.second, at, n_k, n_jk, fx, fy, fz)
    low = min(int(u), table.n_second - 2)
    if table.n_first == 1:
        return Entry(low, u - f32(low), f32(0))
    v = trilinear_scalar(scan.first, at, n_k, n_jk, fx, fy, fz)
    row = min(int(v), table.n_first - 2)
    return Entry(row * table.n_second + low, u - f32(low), v - f32(row))


@njit(**INLINE)
def _numbers(table: Table, at: Scalar) -> Any:
    return load(table.entries, uint(4 * at), zeros_four())


@njit(**INLINE)
def _classify(table: Table, entry: Entry) -> Any:
    """Emission and absorption, a vector of four."""
    here = lerp(_numbers(table, entry.at), _numbers(table, entry.at + 1), entry.fraction)
    if table.n_first == 1:
        return here
    there = entry.at + table.n_second
    return lerp(here, lerp(_numbers(table, there), _numbers(table, there + 1), entry.fraction), entry.across)


@njit(**INLINE)
def _add(gradient: F32, at: Scalar, amount: Any) -> None:
    place = uint(4 * at)
    store(gradient, place, load(gradient, place, zeros_four()) + amount)


@njit(**INLINE)
def _spread(table: Table, gradient: F32, entry: Entry, amount: Any) -> None:
    """Add to the entries that a sample was interpolated from."""
    here = amount * (f32(1) - entry.across)
    _add(gradient, entry.at, here * (f32(1) - entry.fraction))
    _add(gradient, entry.at + 1, here * entry.fraction)
    if table.n_first != 1:
        there = entry.at + table.n_second
        _add(gradient, there, (amount - here) * (f32(1) - entry.fraction))
        _add(gradient, there + 1, (amount - here) * entry.fraction)


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


@njit(**KERNEL)
def march_table(start: int, stop: int, beams: Beams, sampling: Sampling, scan: Scan, table: Table, image: F32) -> None:
    """Draw tiles start..stop into image, flat [C, H, W, 4], which holds zeros."""
    n_j, n_k = sampling.shape[1], sampling.shape[2]
    n_jk = n_j * n_k
    per_picture = ((beams.height + EDGE - 1) // EDGE) * ((beams.width + EDGE - 1) // EDGE)
    for tile in range(start, stop):
        top, bottom, left, right = tile_bounds(tile % per_picture, beams.height, beams.width)
        for row in range(top, bottom):
            for column in range(left, right):
                r = (tile // per_picture * beams.height + row) * beams.width + column
                ray = ray_at(beams, r, sampling.step)
                passing, color = f32(1), zeros_four()
                m = 0
                while m < ray.n_samples and passing >= PASSING_MIN:
                    ask_ahead(scan.second, ray, m, sampling, 1)
                    i, j, k, fx, fy, fz = split(place_of(ray, m, sampling.step), last_cell(sampling.shape))
                    brick = brick_at(scan.bricks, sampling, i, j, k)
                    if brick == EMPTY:
                        m = leap(ray, m, sampling, i, j, k)
                        continue
                    at = (i * n_j + j) * n_k + k
                    numbers = _classify(table, _entry_of(table, scan, at, n_k, n_jk, fx, fy, fz))
                    step = sampling.step
                    if brick == MIXED:
                        step *= _share_shown(scan.shown, at, n_k, n_jk, fx, fy, fz)
                    opacity = opacity_of(lane(numbers, 3) * step)
                    color = color + numbers * (passing * (opacity if sampling.associated else step))
                    passing -= passing * opacity
                    m += 1
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
    gradient: F32,
) -> None:
    """Add up the gradient of the table's entries, flat [G, M, 4], over tiles start..stop."""
    n_j, n_k = sampling.shape[1], sampling.shape[2]
    n_jk = n_j * n_k
    per_picture = ((beams.height + EDGE - 1) // EDGE) * ((beams.width + EDGE - 1) // EDGE)
    for tile in range(start, stop):
        top, bottom, left, right = tile_bounds(tile % per_picture, beams.height, beams.width)
        for row in range(top, bottom):
            for column in range(left, right):
                r = (tile // per_picture * beams.height + row) * beams.width + column
                ray = ray_at(beams, r, sampling.step)
                final, v = load(image, uint(4 * r), zeros_four()), load(image_gradient, uint(4 * r), zeros_four())
                red, green, blue = lane(v, 0), lane(v, 1), lane(v, 2)
                behind = red * lane(final, 0) + green * lane(final, 1) + blue * lane(final, 2)
                behind -= lane(v, 3) * (f32(1) - lane(final, 3))
                passing = f32(1)
                m = 0
                while m < ray.n_samples and passing >= PASSING_MIN:
                    ask_ahead(scan.second, ray, m, sampling, 1)
                    i, j, k, fx, fy, fz = split(place_of(ray, m, sampling.step), last_cell(sampling.shape))
                    brick = brick_at(scan.bricks, sampling, i, j, k)
                    if brick == EMPTY:
                        m = leap(ray, m, sampling, i, j, k)
                        continue
                    at = (i * n_j + j) * n_k + k
                    entry = _entry_of(table, scan, at, n_k, n_jk, fx, fy, fz)
                    numbers = _classify(table, entry)
                    step = sampling.step
                    if brick == MIXED:
                        step *= _share_shown(scan.shown, at, n_k, n_jk, fx, fy, fz)
                    opacity = opacity_of(lane(numbers, 3) * step)
                    along = red * lane(numbers, 0) + green * lane(numbers, 1) + blue * lane(numbers, 2)
                    weight = passing * (opacity if sampling.associated else step)
                    behind -= weight * along
                    passing -= passing * opacity
                    more = passing * along if sampling.associated else f32(0)
                    by_absorption = step * (more - behind)
                    amount = vector((weight * red, weight * green, weight * blue, by_absorption))
                    _spread(table, gradient, entry, amount)
                    m += 1
