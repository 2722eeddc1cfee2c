"""Emission and absorption along rays, front to back."""

from __future__ import annotations

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import full_like, minimum, store
from tomosplat.render.raymarching.classifying import classify, coordinate, nothing, visible_between
from tomosplat.render.raymarching.exponential import opacity_of
from tomosplat.render.raymarching.kernels import ENTRY, INLINE, Scan, Tables
from tomosplat.render.raymarching.rays import Ray, View, brick_of, cell_of, interval, leap, ray_of
from tomosplat.render.raymarching.sampling import gradient_in, lane, value_in
from tomosplat.render.raymarching.shading import Light, shade
from tomosplat.render.raymarching.tiles import pixel_of

#: A ray ends when less than this share of the light passes, so what is missing is below one level of an 8-bit picture.
TRANSMITTANCE_MIN = 1 / 256
_ENOUGH = f32(TRANSMITTANCE_MIN)


@njit(**INLINE)
def _coordinate_at(scan: Scan, tables: Tables, ray: Ray, s: Scalar) -> Scalar:
    """Where the value at a place of the ray stands in the tables."""
    return coordinate(tables, value_in(scan, cell_of(ray, scan.shape, s)))


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
    """Draw pixels start..stop (see ``tiles``) into rgba, flat [H, W, 4], and depth [H, W].

    Interval n of a ray, of length Δ, has extinction σ and premultiplied emission σc, adds
    T (1 − exp(−σΔ)) · σc/σ and leaves T exp(−σΔ). Intervals end where the scan does, so a homogeneous medium comes
    out the same at any step.
    """
    height, width = depth.shape
    step = view.step
    any_row = tables.n_visible.shape[0] - 1
    for pixel in range(start, stop):
        row, column = pixel_of(pixel, height, width)
        if row >= height or column >= width:
            continue
        ray = ray_of(view, column, row)
        colour, distance, passing = nothing(), f32(0), f32(1)
        number, carried, back = 0, -1, f32(0)
        while True:
            begin, end = interval(ray, step, number)
            if begin >= ray.length:
                break
            middle = f32(0.5) * (begin + end)
            cell = cell_of(ray, scan.shape, middle)
            brick = brick_of(cell)
            empty = scan.bricks[brick]
            if empty > 0:
                number = leap(ray, step, number, brick, empty)
                continue
            if preintegrated:
                front = back if carried == number else _coordinate_at(scan, tables, ray, begin)
                back = _coordinate_at(scan, tables, ray, end)
            else:
                front = coordinate(tables, value_in(scan, cell))
                back = front
            number += 1
            carried = number
            table = scan.rows[brick]
            # Labels are worth reading only if some group shows the value; a sum over pairs only if its own does.
            if table < 0 or preintegrated:
                shown_in = table if table >= 0 else any_row
                if not visible_between(tables.n_visible, shown_in, min(front, back), max(front, back)):
                    continue
            emitted = classify(scan, tables, cell, table, front, back, preintegrated)
            sigma = lane(emitted, 3)
            if sigma <= f32(0):
                continue
            if light.on:
                lit, highlight = shade(light, ray.world, gradient_in(scan, cell))
                emitted = minimum(emitted * lit + highlight * sigma, full_like(emitted, sigma))
            share = passing * opacity_of(sigma * (end - begin))
            colour = colour + emitted * (share / sigma)
            distance += share * middle
            passing -= share
            if passing < _ENOUGH:
                break
        at = row * width + column
        alpha = f32(1) - passing
        store(rgba, uint(4 * at), colour)
        rgba[uint(4 * at + 3)] = alpha
        depth[row, column] = (ray.near + distance / alpha) * ray.cosine if alpha > f32(0) else f32(np.nan)
