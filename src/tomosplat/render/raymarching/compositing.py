"""Emission and absorption along rays, front to back."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, f32
from tomosplat.render.raymarching.kernels import ENTRY, Scan, Tables
from tomosplat.render.raymarching.rays import View, brick_of, leap, ray_of
from tomosplat.render.raymarching.sampling import classify, coordinate, gradient_at, value_at, visible_between
from tomosplat.render.raymarching.shading import Light, shade
from tomosplat.render.raymarching.tiles import pixel_of

#: A ray ends when less than this share of the light passes: no 8-bit picture shows it.
TRANSMITTANCE_MIN = 1 / 512
_ENOUGH = f32(TRANSMITTANCE_MIN)


@njit(**ENTRY)
def composite(
    start: int,
    stop: int,
    view: View,
    scan: Scan,
    tables: Tables,
    light: Light,
    preintegrated: bool,
    rgba: F32,
    depth: F32,
) -> None:
    """Draw pixels start..stop (see ``tiles``) into rgba [H, W, 4] and depth [H, W].

    Interval n of a ray, of length Δ, has extinction σ and premultiplied emission σc, adds
    T (1 − exp(−σΔ)) · σc/σ and leaves T exp(−σΔ). Intervals end where the scan does, so a homogeneous medium comes
    out the same at any step.
    """
    height, width = depth.shape
    step = view.step
    any_row = tables.n_visible[tables.n_visible.shape[0] - 1]
    for pixel in range(start, stop):
        row, column = pixel_of(pixel, height, width)
        if row >= height or column >= width:
            continue
        ray = ray_of(view, scan.shape, column, row)
        red, green, blue, distance, passing = f32(0), f32(0), f32(0), f32(0), f32(1)
        number, carried = 0, -1
        back = f32(0)
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
            if empty > 0:
                number = leap(ray, step, number, brick, empty)
                continue
            if preintegrated:
                front = back
                if carried != number:
                    front = coordinate(
                        tables,
                        value_at(
                            scan,
                            ray.start[0] + begin * ray.direction[0],
                            ray.start[1] + begin * ray.direction[1],
                            ray.start[2] + begin * ray.direction[2],
                        ),
                    )
                back = coordinate(
                    tables,
                    value_at(
                        scan,
                        ray.start[0] + end * ray.direction[0],
                        ray.start[1] + end * ray.direction[1],
                        ray.start[2] + end * ray.direction[2],
                    ),
                )
            else:
                front = coordinate(tables, value_at(scan, x, y, z))
                back = front
            number += 1
            carried = number
            if not visible_between(any_row, min(front, back), max(front, back)):
                continue
            emitted = classify(scan, tables, x, y, z, front, back, preintegrated)
            sigma = emitted[3]
            if sigma <= f32(0):
                continue
            kept = math.exp(-sigma * (end - begin))
            share = passing * (f32(1) - kept) / sigma
            lit, highlight = f32(1), f32(0)
            if light.on:
                lit, highlight = shade(light, ray.world, gradient_at(scan, x, y, z))
                highlight *= sigma
            red += share * min(emitted[0] * lit + highlight, sigma)
            green += share * min(emitted[1] * lit + highlight, sigma)
            blue += share * min(emitted[2] * lit + highlight, sigma)
            distance += share * sigma * middle
            passing *= kept
            if passing < _ENOUGH:
                break
        alpha = f32(1) - passing
        rgba[row, column, 0] = red
        rgba[row, column, 1] = green
        rgba[row, column, 2] = blue
        rgba[row, column, 3] = alpha
        depth[row, column] = (ray.near + distance / alpha) * ray.cosine if alpha > f32(0) else f32(np.nan)
