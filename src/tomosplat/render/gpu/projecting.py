"""Highest and mean value along rays; a label counts for its nearest voxels (as on the CPU)."""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.marching import value_in
from tomosplat.render.gpu.rays import RAYS, begin_rays, brick_of, cell_on, interval, next_interval


@triton.jit
def nearest_voxel(cell, n_j, n_k):
    """Index of the voxel that is nearest to a place in a cell."""
    i, j = tl.where(cell[3] >= 0.5, cell[0] + 1, cell[0]), tl.where(cell[4] >= 0.5, cell[1] + 1, cell[1])
    return (i * n_j + j) * n_k + tl.where(cell[5] >= 0.5, cell[2] + 1, cell[2])


@triton.jit
def find_along(
    values,
    shown,
    bricks,
    highest,
    view,
    found,
    depth,
    n_planes,
    n_i,
    n_j,
    n_k,
    width,
    height,
    tiles_x,
    step,
    seed,
    JITTER: tl.constexpr,
    MEAN: tl.constexpr,
    SKIP: tl.constexpr,
    BRICK: tl.constexpr,
):
    """Write the highest or mean value ``found`` [H, W], and ``depth`` [H, W] of the highest; NaN where nothing was met.

    ``shown`` [I, J, K] uint8 tells which voxels count, ``bricks`` how many bricks around each are empty too (0: not
    empty), ``highest`` the highest value that a sample in it can have.
    """
    inside, pixel, ray = begin_rays(view, n_planes, width, height, tiles_x, n_i, n_j, n_k, step, seed, JITTER)
    start, direction, _, length, near, cosine, first = ray
    best, place = tl.full((RAYS,), -float("inf"), tl.float32), tl.zeros((RAYS,), tl.float32)
    total, travelled = tl.zeros((RAYS,), tl.float32), tl.zeros((RAYS,), tl.float32)
    number = tl.zeros((RAYS,), tl.int32)
    going = inside & (length > 0)
    while tl.max(going.to(tl.int32)) > 0:
        begin, end = interval(first, length, step, number)
        middle = 0.5 * (begin + end)
        cell = cell_on(start, direction, middle, n_i, n_j, n_k)
        seen, after = going, number + 1
        if SKIP:
            brick = brick_of(cell, n_j, n_k, BRICK)
            empty = tl.load(bricks + brick, mask=going, other=1).to(tl.int32)
            if not MEAN:
                # A brick with nothing higher is as good as empty.
                top = tl.load(highest + brick, mask=going, other=0)
                empty = tl.where((empty == 0) & (top <= best), 1, empty)
            seen = going & (empty == 0)
            after = next_interval(start, direction, length, first, step, number, cell, empty, BRICK)
        seen = seen & (tl.load(shown + nearest_voxel(cell, n_j, n_k), mask=seen, other=0) != 0)
        if tl.max(seen.to(tl.int32)) > 0:
            value, way = value_in(values, cell, n_j, n_k, seen), tl.where(seen, end - begin, 0.0)
            total += value * way
            travelled += way
            better = seen & (value > best)
            best, place = tl.where(better, value, best), tl.where(better, middle, place)
        number = after
        going = going & (first + (number - 1) * step < length)
    met = travelled > 0
    if MEAN:
        best = total / tl.where(met, travelled, 1.0)
    tl.store(found + pixel, tl.where(met, best, float("nan")), mask=inside)
    tl.store(depth + pixel, tl.where(met, (near + place) * cosine, float("nan")), mask=inside)
