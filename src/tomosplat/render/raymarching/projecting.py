"""Highest and mean value along rays."""

from __future__ import annotations

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import ENTRY, INLINE, Scan
from tomosplat.render.raymarching.rays import View, brick_of, leap, ray_of
from tomosplat.render.raymarching.sampling import cell, value_at
from tomosplat.render.raymarching.tiles import pixel_of


@njit(**INLINE)
def _is_shown(scan: Scan, x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """Whether the nearest voxel has a label that is shown."""
    n_i, n_j, n_k = scan.shape
    i, i1, fx = cell(x, n_i)
    j, j1, fy = cell(y, n_j)
    k, k1, fz = cell(z, n_k)
    i, j, k = i1 if fx >= 0.5 else i, j1 if fy >= 0.5 else j, k1 if fz >= 0.5 else k
    return scan.row_of_label[uint(scan.labels[uint((i * n_j + j) * n_k + k)])] > 0


@njit(**ENTRY)
def project(
    start: int,
    stop: int,
    view: View,
    scan: Scan,
    highest: F32,
    mean: bool,
    values: F32,
    depth: F32,
) -> None:
    """Draw pixels start..stop (see ``tiles``) into values [H, W] and, for the highest value, depth [H, W].

    ``highest`` [..] is the highest value that any sample in a brick can have, flat in the order of ``scan.bricks``.
    """
    height, width = depth.shape
    _, n_j, n_k = scan.bricks.shape
    step = view.step
    for pixel in range(start, stop):
        row, column = pixel_of(pixel, height, width)
        if row >= height or column >= width:
            continue
        ray = ray_of(view, scan.shape, column, row)
        best, place, total, travelled = f32(-np.inf), f32(0), f32(0), f32(0)
        number = 0
        while True:
            begin = ray.first + f32(number - 1) * step if number > 0 else f32(0)
            if begin >= ray.length:
                break
            end = min(ray.first + f32(number) * step, ray.length)
            middle = f32(0.5) * (begin + end)
            x = ray.start[0] + middle * ray.direction[0]
            y = ray.start[1] + middle * ray.direction[1]
            z = ray.start[2] + middle * ray.direction[2]
            brick = brick_of(scan, x, y, z)
            empty = scan.bricks[brick]
            if not mean and empty == 0 and highest[(brick[0] * n_j + brick[1]) * n_k + brick[2]] <= best:
                empty = np.uint8(1)
            if empty > 0:
                number = leap(ray, step, number, brick, empty)
                continue
            number += 1
            if not _is_shown(scan, x, y, z):
                continue
            value = value_at(scan, x, y, z)
            total += value * (end - begin)
            travelled += end - begin
            if value > best:
                best, place = value, middle
        met = travelled > f32(0)
        values[row, column] = (total / travelled if mean else best) if met else f32(np.nan)
        depth[row, column] = (ray.near + place) * ray.cosine if met else f32(np.nan)
