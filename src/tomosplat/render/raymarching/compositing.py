"""Emission and absorption along rays, front to back."""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import full_like, load, minimum, store, vector
from tomosplat.render.raymarching.classifying import added_by_step, classify, coordinate, nothing, visible_between
from tomosplat.render.raymarching.exponential import opacity_of
from tomosplat.render.raymarching.kernels import BORROWING, INLINE, Scan, Tables
from tomosplat.render.raymarching.packing import packed_in, scales_of
from tomosplat.render.raymarching.rays import Ray, View, cell_of, part_between, ray_of
from tomosplat.render.raymarching.sampling import cell_at, lane, value_in
from tomosplat.render.raymarching.shading import Light, light_on, shade
from tomosplat.render.raymarching.steps import Batch, collect
from tomosplat.render.raymarching.tiles import tile_bounds

#: A ray ends when less than this share of the light passes, so what is missing is below one level of an 8-bit picture.
TRANSMITTANCE_MIN = 1 / 256
_ENOUGH = f32(TRANSMITTANCE_MIN)
#: Extinction in 1/mm that is as good as none.
_LEAST = f32(1e-30)


@njit(**BORROWING)
def composite(
    start: int,
    stop: int,
    view: View,
    scan: Scan,
    tables: Tables,
    light: Light,
    preintegrated: bool,
    depths: F32,
    batch: Batch,
    rgba: F32,
    depth: F32,
) -> None:
    """Draw tiles start..stop into rgba, flat [H, W, 4], and depth [H, W], which hold what an empty ray gives.

    Interval n of a ray, of length Δ, has extinction σ and premultiplied emission σc, adds
    T (1 − exp(−σΔ)) · σc/σ and leaves T exp(−σΔ). Intervals end where the scan does, so a homogeneous medium comes
    out the same at any step. ``depths`` [tiles, 2] says how deep visible bricks lie (see ``tile_depths``).
    """
    height, width = depth.shape
    for tile in range(start, stop):
        if depths[tile, 0] > depths[tile, 1]:
            continue
        top, bottom, left, right = tile_bounds(tile, height, width)
        for row in range(top, bottom):
            for column in range(left, right):
                ray = ray_of(view, column, row)
                colour, distance, passing = _march(
                    ray, view.step, scan, tables, light, preintegrated, depths[tile], batch
                )
                if passing < f32(1):
                    at, alpha = row * width + column, f32(1) - passing
                    store(rgba, uint(4 * at), colour)
                    rgba[uint(4 * at + 3)] = alpha
                    depth[row, column] = (ray.near + distance / alpha) * ray.cosine


@njit(**INLINE)
def _march(
    ray: Ray, step: Scalar, scan: Scan, tables: Tables, light: Light, preintegrated: bool, depths: F32, batch: Batch
) -> Any:
    """Premultiplied colour of a ray, sum of distances times opacities, and the light that passes."""
    number, end = part_between(ray, depths)
    colour, distance, passing = nothing(), f32(0), f32(1)
    while passing >= _ENOUGH:
        n, number = collect(batch, scan, ray, step, number, end)
        if n == 0:
            break
        if light.on and not preintegrated:
            _classify_packed(batch, n, scan, tables, light, ray)
        else:
            _classify(batch, n, scan, tables, light, ray, preintegrated)
        for m in range(uint(n)):
            added = load(batch.added, uint(4) * m, nothing())
            share = passing * lane(added, 3)
            colour = colour + added * passing
            distance += share * f32(0.5) * (batch.begins[m] + batch.ends[m])
            passing -= share
            if passing < _ENOUGH:
                break
    return colour, distance, passing


@njit(**INLINE)
def _light_up(added: Any, lit: Scalar, highlight: Scalar) -> Any:
    """Colour times ``lit`` and white on top, at most as bright as white; opacity stays."""
    opacity = lane(added, 3)
    white = highlight * opacity
    bright = added * vector((lit, lit, lit, f32(1))) + vector((white, white, white, f32(0)))
    return minimum(bright, full_like(added, opacity))


@njit(**INLINE)
def _classify_packed(batch: Batch, n: int, scan: Scan, tables: Tables, light: Light, ray: Ray) -> None:
    """What n steps add by the value at their middles, and the light on them: both from packed bricks."""
    viewer, to_light, per_half = light_on(light, ray.world)
    for m in range(uint(n)):
        begin, end, slot = batch.begins[m], batch.ends[m], batch.slots[m]
        position = ray.start + ray.direction * (f32(0.5) * (begin + end))
        number = packed_in(scan, slot, position)
        scale, middle, steepness = scales_of(scan, slot)
        at = coordinate(tables, lane(number, 0) * scale + middle)
        if batch.rows[m] >= 0 and begin > f32(0) and end < ray.length:
            added = added_by_step(tables, batch.rows[m], at)
        else:
            cell = cell_at(scan.shape, position)
            added = _absorbed(classify(scan, tables, cell, batch.rows[m], at, at, False), end - begin)
        lit, highlight = shade(light, number, steepness, viewer, to_light, per_half)
        store(batch.added, uint(4) * m, _light_up(added, lit, highlight))


@njit(**INLINE)
def _classify(batch: Batch, n: int, scan: Scan, tables: Tables, light: Light, ray: Ray, preintegrated: bool) -> None:
    """What n steps add, by the value at their middles or by all values between their ends."""
    viewer, to_light, per_half = light_on(light, ray.world)
    back = f32(0)
    for m in range(uint(n)):
        begin, end = batch.begins[m], batch.ends[m]
        middle = f32(0.5) * (begin + end)
        if preintegrated:
            front = back if m > 0 and batch.ends[m - uint(1)] == begin else _coordinate_at(scan, tables, ray, begin)
            back = _coordinate_at(scan, tables, ray, end)
        else:
            front = _coordinate_at(scan, tables, ray, middle)
            back = front
        # Labels are worth reading only if some group shows the value; a sum over pairs only if its own does.
        row = batch.rows[m]
        shown_in = row if row >= 0 else tables.n_visible.shape[0] - 1
        added = nothing()
        if visible_between(tables.n_visible, shown_in, min(front, back), max(front, back)):
            cell = cell_of(ray, scan.shape, middle)
            added = _absorbed(classify(scan, tables, cell, row, front, back, preintegrated), end - begin)
            if light.on:
                number = packed_in(scan, batch.slots[m], ray.start + ray.direction * middle)
                steepness = scales_of(scan, batch.slots[m])[2]
                lit, highlight = shade(light, number, steepness, viewer, to_light, per_half)
                added = _light_up(added, lit, highlight)
        store(batch.added, uint(4) * m, added)


@njit(**INLINE)
def _absorbed(emitted: Any, length: Scalar) -> Any:
    """Colour times opacity, and opacity, of a way through what emits σ·rgb and absorbs σ."""
    sigma = lane(emitted, 3)
    return emitted * (opacity_of(sigma * length) / max(sigma, _LEAST))


@njit(**INLINE)
def _coordinate_at(scan: Scan, tables: Tables, ray: Ray, s: Scalar) -> Scalar:
    """Where the value at a place of the ray stands in the tables."""
    return coordinate(tables, value_in(scan, cell_of(ray, scan.shape, s)))
