"""Emission and absorption along rays, front to back."""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import full_like, load, minimum, store, vector, zero_unless
from tomosplat.render.raymarching.classifying import added_by_step, classify, coordinate, nothing, visible_between
from tomosplat.render.raymarching.exponential import opacity_of
from tomosplat.render.raymarching.kernels import BORROWING, INLINE, Scan, Tables
from tomosplat.render.raymarching.lanes import WIDTH, held, load_fours, store_index, truncate, wide
from tomosplat.render.raymarching.packing import packed_in
from tomosplat.render.raymarching.rays import Ray, View, brick_of, cell_of, part_between, ray_of
from tomosplat.render.raymarching.sampling import lane, value_in
from tomosplat.render.raymarching.shading import Light, light_on, shade
from tomosplat.render.raymarching.steps import Steps, take
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
    steps: Steps,
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
                    ray, view.step, scan, tables, light, preintegrated, depths[tile], steps
                )
                if passing < f32(1):
                    at, alpha = row * width + column, f32(1) - passing
                    store(rgba, uint(4 * at), colour)
                    rgba[uint(4 * at + 3)] = alpha
                    depth[row, column] = (ray.near + distance / alpha) * ray.cosine


@njit(**INLINE)
def _march(
    ray: Ray, step: Scalar, scan: Scan, tables: Tables, light: Light, preintegrated: bool, depths: F32, steps: Steps
) -> Any:
    """Premultiplied colour of a ray, sum of distances times opacities, and the light that passes."""
    number, stop = part_between(ray, depths)
    colour, distance, passing = nothing(), f32(0), f32(1)
    viewer, to_light, per_half = light_on(light, ray.world)
    while passing >= _ENOUGH:
        any_left, number = take(steps, scan, ray, step, number, stop)
        if not any_left:
            break
        if light.on:
            _interpolate(steps, scan)
            x, y, z, steepness = _place(steps, ray, tables)
            lit, white = shade(light, x, y, z, steepness, viewer, to_light, per_half)
            store(steps.lit, uint(0), lit)
            store(steps.white, uint(0), white)
        back = f32(0)
        for m in range(uint(WIDTH)):
            if steps.slots[m] < 0:
                continue
            begin, end = steps.begins[m], steps.ends[m]
            if light.on and not preintegrated and steps.entries[m] >= 0:
                added = added_by_step(tables, steps.entries[m], steps.fractions[m])
            else:
                front, back = _between(steps, m, scan, tables, ray, light.on, preintegrated, back)
                added = _classified(ray, scan, tables, begin, end, front, back, preintegrated)
            if light.on:
                added = _light_up(added, steps.lit[m], steps.white[m])
            share = passing * lane(added, 3)
            colour = colour + added * passing
            distance += share * f32(0.5) * (begin + end)
            passing -= share
            if passing < _ENOUGH:
                break
    return colour, distance, passing


@njit(**INLINE)
def _interpolate(steps: Steps, scan: Scan) -> None:
    """Numbers and scales of all steps."""
    for m in range(uint(WIDTH)):
        slot = steps.slots[m]
        if slot >= 0:
            fx, fy = steps.fractions[m], steps.fractions[m + uint(WIDTH)]
            fz = steps.fractions[m + uint(2 * WIDTH)]
            numbers = packed_in(scan, slot, steps.offsets[m], fx, fy, fz)
            store(steps.numbers, uint(4) * m, numbers)
            store(steps.scales, uint(4) * m, load(scan.scales, uint(4) * uint(slot), nothing()))


@njit(**INLINE)
def _place(steps: Steps, ray: Ray, tables: Tables) -> Any:
    """Find where all values stand in the tables; return gradients, in the brick's scale, and that scale."""
    value, x, y, z = load_fours(steps.numbers, wide(f32(0)))
    scale, middle, steepness, row = load_fours(steps.scales, wide(f32(0)))
    n = tables.n_visible.shape[1]
    at = held(value * scale + middle, f32(0), f32(n - 1))
    low = truncate(minimum(at, wide(f32(n - 2))))
    store(steps.coordinates, uint(0), at)
    store(steps.fractions, uint(0), at - low)
    # Steps at either end of the ray may be shorter.
    begins, ends = load(steps.begins, uint(0), at), load(steps.ends, uint(0), at)
    whole = (begins > f32(0)) & (ends < ray.length)
    row = zero_unless(whole, row + f32(1)) - f32(1)
    store_index(steps.entries, row, low, low, n, 1, 0)
    return x, y, z, steepness


@njit(**INLINE)
def _light_up(added: Any, lit: Scalar, highlight: Scalar) -> Any:
    """Colour times ``lit`` and white on top, at most as bright as white; opacity stays."""
    opacity = lane(added, 3)
    white = highlight * opacity
    bright = added * vector((lit, lit, lit, f32(1))) + vector((white, white, white, f32(0)))
    return minimum(bright, full_like(added, opacity))


@njit(**INLINE)
def _between(
    steps: Steps, m: Scalar, scan: Scan, tables: Tables, ray: Ray, packed: bool, preintegrated: bool, before: Scalar
) -> Any:
    """Coordinates at the begin and end of a step, or twice that at its middle; ``before`` is at the last step's end."""
    begin, end = steps.begins[m], steps.ends[m]
    if preintegrated:
        joined = m > 0 and steps.slots[m - uint(1)] >= 0
        front = before if joined else _coordinate_at(scan, tables, ray, begin)
        return front, _coordinate_at(scan, tables, ray, end)
    middle = steps.coordinates[m] if packed else _coordinate_at(scan, tables, ray, f32(0.5) * (begin + end))
    return middle, middle


@njit(**INLINE)
def _classified(
    ray: Ray, scan: Scan, tables: Tables, begin: Scalar, end: Scalar, front: Scalar, back: Scalar, preintegrated: bool
) -> Any:
    """What a step adds by the coordinate of its value, or by all between two."""
    cell = cell_of(ray, scan.shape, f32(0.5) * (begin + end))
    row = scan.rows[brick_of(cell)]
    # Labels are worth reading only if some group shows the value; a sum over pairs only if its own does.
    shown_in = row if row >= 0 else tables.n_visible.shape[0] - 1
    if visible_between(tables.n_visible, shown_in, min(front, back), max(front, back)):
        return _absorbed(classify(scan, tables, cell, row, front, back, preintegrated), end - begin)
    return nothing()


@njit(**INLINE)
def _absorbed(emitted: Any, length: Scalar) -> Any:
    """Colour times opacity, and opacity, of a way through what emits σ·rgb and absorbs σ."""
    sigma = lane(emitted, 3)
    return emitted * (opacity_of(sigma * length) / max(sigma, _LEAST))


@njit(**INLINE)
def _coordinate_at(scan: Scan, tables: Tables, ray: Ray, s: Scalar) -> Scalar:
    """Where the value at a place of the ray stands in the tables."""
    return coordinate(tables, value_in(scan, cell_of(ray, scan.shape, s)))
