"""Highest and mean value along rays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import BORROWING, INLINE, Scan
from tomosplat.render.raymarching.rays import Ray, View, brick_of, cell_of, interval, leap, part_between, ray_of
from tomosplat.render.raymarching.sampling import Cell, value_in
from tomosplat.render.raymarching.tiles import tile_bounds


@njit(**INLINE)
def _is_shown(scan: Scan, cell: Cell) -> Scalar:
    """Whether the nearest voxel has a label that is shown."""
    _, n_j, n_k = scan.shape
    i = cell.i + 1 if cell.fx >= 0.5 else cell.i
    j = cell.j + 1 if cell.fy >= 0.5 else cell.j
    k = cell.k + 1 if cell.fz >= 0.5 else cell.k
    return scan.row_of_label[uint(scan.labels[uint((i * n_j + j) * n_k + k)])] > 0


@njit(**BORROWING)
def project(
    start: int,
    stop: int,
    view: View,
    scan: Scan,
    highest: F32,
    mean: bool,
    depths: F32,
    values: F32,
    depth: F32,
) -> None:
    """Draw tiles start..stop into values [H, W] and, for the highest value, depth [H, W], both NaN before.

    ``highest`` is the highest value that any sample in each of ``scan.bricks`` can have, ``depths`` [tiles, 2] how deep
    visible bricks lie (see ``tile_depths``).
    """
    height, width = depth.shape
    for tile in range(start, stop):
        if depths[tile, 0] > depths[tile, 1]:
            continue
        top, bottom, left, right = tile_bounds(tile, height, width)
        for row in range(top, bottom):
            for column in range(left, right):
                ray = ray_of(view, column, row)
                best, place, total, travelled = _march(ray, view.step, scan, highest, mean, depths[tile])
                if travelled > f32(0):
                    values[row, column] = total / travelled if mean else best
                    depth[row, column] = (ray.near + place) * ray.cosine


@njit(**INLINE)
def _march(ray: Ray, step: Scalar, scan: Scan, highest: F32, mean: bool, depths: F32) -> Any:
    """Highest value on a ray and where it lies, sum of values times lengths, and sum of these lengths."""
    best, place, total, travelled = f32(-np.inf), f32(0), f32(0), f32(0)
    number, stop = part_between(ray, depths)
    while True:
        begin, end = interval(ray, step, number)
        if begin >= stop:
            break
        middle = f32(0.5) * (begin + end)
        cell = cell_of(ray, scan.shape, middle)
        brick = brick_of(cell)
        empty = scan.bricks[brick]
        if not mean and empty == 0 and highest[brick] <= best:
            empty = np.uint8(1)
        if empty > 0:
            number = leap(ray, step, number, brick, empty)
            continue
        number += 1
        table = scan.rows[brick]
        if table == 0 or (table < 0 and not _is_shown(scan, cell)):
            continue
        value = value_in(scan, cell)
        total += value * (end - begin)
        travelled += end - begin
        if value > best:
            best, place = value, middle
    return best, place, total, travelled
