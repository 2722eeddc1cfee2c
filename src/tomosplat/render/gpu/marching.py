"""Emission and absorption along rays, front to back: the rays of a program step together, each at its own pace.

Interval n of a ray, of length Δ, has extinction σ and premultiplied emission σc, adds T (1 − exp(−σΔ)) · σc/σ and
leaves T exp(−σΔ) (Max 1995, eq. 9). Labels act as trilinear memberships (see ``raymarch``).
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.rays import RAYS, begin_rays, brick_of, cell_on, interval, next_interval

#: A ray ends when less than this share of the light passes (as on the CPU).
ENOUGH = tl.constexpr(1 / 256)


@triton.jit
def four_of(table, entry, mask):
    """Rows of four values [RAYS, 4], each in one load."""
    return tl.load(table + entry[:, None] * 4 + tl.arange(0, 4)[None, :], mask=mask[:, None], other=0).to(tl.float32)


@triton.jit
def channels(four):
    """The four columns of [RAYS, 4]."""
    even, odd = tl.split(tl.reshape(four, (RAYS, 2, 2)))
    a, c = tl.split(even)
    b, d = tl.split(odd)
    return a, b, c, d


@triton.jit
def corner(cell, number: tl.constexpr, n_j, n_k):
    """Index of one of the eight voxels of a cell, and its trilinear weight."""
    x, y, z = (number // 4) % 2, (number // 2) % 2, number % 2
    weight = (cell[3] if x else 1 - cell[3]) * (cell[4] if y else 1 - cell[4]) * (cell[5] if z else 1 - cell[5])
    return ((cell[0] + x) * n_j + cell[1] + y) * n_k + cell[2] + z, weight


@triton.jit
def value_in(values, cell, n_j, n_k, mask):
    """Trilinear value."""
    total = tl.zeros((RAYS,), tl.float32)
    for number in tl.static_range(8):
        at, weight = corner(cell, number, n_j, n_k)
        total += weight * tl.load(values + at, mask=mask, other=0)
    return total


@triton.jit
def are_mixed(rows, cell, n_j, n_k, mask):
    """Row of the first voxel of each cell, and whether any ray's cell has voxels of several rows."""
    first, differing = tl.zeros((RAYS,), tl.int32), tl.zeros((RAYS,), tl.int32)
    for number in tl.static_range(8):
        at, _ = corner(cell, number, n_j, n_k)
        row = tl.load(rows + at, mask=mask, other=0).to(tl.int32)
        if number == 0:
            first = row
        differing |= row ^ first
    return first, tl.max(differing) > 0


@triton.jit
def entry_of(value, low, per_unit, n_entries):
    """Entry of the tables below a value, how far the value is from there, 0..1, and whether it is within them."""
    place = (value - low) * per_unit
    within = (place > 0) & (place < n_entries - 1.0)
    place = tl.minimum(tl.maximum(place, 0.0), n_entries - 1.0)
    entry = tl.minimum(place, n_entries - 2.0).to(tl.int32)
    return entry, place - entry, within


@triton.jit
def node_of(nodes, value, low, per_unit, n_entries, n_nodes, mask):
    """Node of the pre-integrated tables below a value, and how far the value is from there, 0..1."""
    entry, fraction, _ = entry_of(value, low, per_unit, n_entries)
    below = tl.load(nodes + entry, mask=mask, other=0)
    at = below + (tl.load(nodes + entry + 1, mask=mask, other=0) - below) * fraction
    node = tl.minimum(at, n_nodes - 2.0).to(tl.int32)
    return node, at - node


@triton.jit
def between(table, entry, fraction, mask):
    """σ·rgb and σ [RAYS, 4] between an entry and the next, and their slope per entry."""
    below = four_of(table, entry, mask)
    slope = four_of(table, entry + 1, mask) - below
    return below + slope * fraction[:, None], slope


@triton.jit
def classified(table, row, place, n, mask, PREINTEGRATED: tl.constexpr):
    """σ·rgb and σ [RAYS, 4] in one row of the tables, and their slope per entry.

    ``place`` is an entry and a fraction; for pre-integration, node and fraction of the front and of the back.
    """
    if PREINTEGRATED:
        entry = (row * n + place[0]) * n + place[2]
        near, slope = between(table, entry, place[3], mask)
        far, _ = between(table, entry + n, place[3], mask)
        emitted = near + (far - near) * place[1][:, None]
    else:
        emitted, slope = between(table, row * n + place[0], place[1], mask)
    return emitted, slope


@triton.jit
def emitted_in(table, rows, cell, place, n, n_j, n_k, mask, PREINTEGRATED: tl.constexpr):
    """σ·rgb and σ [RAYS, 4], blended over the rows of the voxels around, and their slope per entry."""
    row, mixed = are_mixed(rows, cell, n_j, n_k, mask)
    emitted, slope = classified(table, row, place, n, mask & (row > 0), PREINTEGRATED)
    if mixed:
        emitted, slope = tl.zeros((RAYS, 4), tl.float32), tl.zeros((RAYS, 4), tl.float32)
        for number in tl.static_range(8):
            at, weight = corner(cell, number, n_j, n_k)
            row = tl.load(rows + at, mask=mask, other=0).to(tl.int32)
            part, part_slope = classified(table, row, place, n, mask & (row > 0), PREINTEGRATED)
            emitted += part * weight[:, None]
            slope += part_slope * weight[:, None]
    return emitted, slope


@triton.jit
def opacity_over(sigma, length):
    """1 − exp(−σΔ), and that by σ, also where σ is 0."""
    x = sigma * length
    thin = x < 0.01
    safe = tl.where(thin, 1.0, sigma)
    opacity = tl.where(thin, x * (1 - x * (0.5 - x * (1 / 6))), 1 - tl.exp(-x))
    return opacity, tl.where(thin, length * (1 - x * (0.5 - x * (1 / 6))), opacity / safe)


@triton.jit
def shade(gradient, direction, light, HEADLIGHT: tl.constexpr):
    """Factor on colours, and white to add (see ``Shading``), for gradients [3] and a ray's unit direction.

    ``light`` is direction x, y, z, ambient, diffuse, specular, shininess and fade².
    """
    gx, gy, gz = gradient
    dx, dy, dz = direction
    squared = gx * gx + gy * gy + gz * gz
    along = gx * dx + gy * dy + gz * dz
    # The normal looks at the viewer: against the ray.
    scale = tl.where(along > 0, -1.0, 1.0) / tl.sqrt(tl.maximum(squared, 1e-30))
    if HEADLIGHT:
        lx, ly, lz = -dx, -dy, -dz
    else:
        lx, ly, lz = dx * 0 + tl.load(light), dy * 0 + tl.load(light + 1), dz * 0 + tl.load(light + 2)
    hx, hy, hz = lx - dx, ly - dy, lz - dz
    per_half = 1 / tl.sqrt(tl.maximum(hx * hx + hy * hy + hz * hz, 1e-30))
    facing = tl.maximum((gx * lx + gy * ly + gz * lz) * scale, 0.0)
    mirrored = tl.maximum((gx * hx + gy * hy + gz * hz) * scale * per_half, 1e-30)
    highlight = tl.exp2(tl.load(light + 6) * tl.log2(mirrored))
    strength = squared / (squared + tl.load(light + 7))
    lit = 1 + strength * (tl.load(light + 3) + tl.load(light + 4) * facing - 1)
    return lit, strength * tl.load(light + 5) * highlight


@triton.jit
def gradient_in(gradients, cell, n_j, n_k, mask):
    """Trilinear gradient, in world axes."""
    total = tl.zeros((RAYS, 4), tl.float32)
    for number in tl.static_range(8):
        at, weight = corner(cell, number, n_j, n_k)
        total += weight[:, None] * four_of(gradients, at, mask)
    x, y, z, _ = channels(total)
    return x, y, z


@triton.jit
def march(
    values,
    rows,
    table,
    nodes,
    gradients,
    bricks,
    light,
    view,
    rgba,
    depth,
    n_planes,
    n_i,
    n_j,
    n_k,
    n_entries,
    width,
    height,
    tiles_x,
    low,
    per_unit,
    step,
    seed,
    n_nodes,
    JITTER: tl.constexpr,
    PREINTEGRATED: tl.constexpr,
    SHADED: tl.constexpr,
    HEADLIGHT: tl.constexpr,
    SKIP: tl.constexpr,
    BRICK: tl.constexpr,
):
    """Draw rgba [H, W, 4] and depth [H, W] (NaN where nothing was met).

    ``table`` is [R, N, 4], or [R, M, M, 4] for pairs of the M ``nodes``; ``bricks`` says for each brick of BRICK³
    voxels how many bricks around it are empty too (0: not empty).
    """
    inside, pixel, ray = begin_rays(view, n_planes, width, height, tiles_x, n_i, n_j, n_k, step, seed, JITTER)
    start, direction, world, length, near, cosine, first = ray
    red, green, blue = tl.zeros((RAYS,), tl.float32), tl.zeros((RAYS,), tl.float32), tl.zeros((RAYS,), tl.float32)
    passing, distance = tl.full((RAYS,), 1.0, tl.float32), tl.zeros((RAYS,), tl.float32)
    number = tl.zeros((RAYS,), tl.int32)
    going = inside & (length > 0)
    while tl.max(going.to(tl.int32)) > 0:
        begin, end = interval(first, length, step, number)
        middle = 0.5 * (begin + end)
        cell = cell_on(start, direction, middle, n_i, n_j, n_k)
        seen, after = going, number + 1
        if SKIP:
            empty = tl.load(bricks + brick_of(cell, n_j, n_k, BRICK), mask=going, other=1).to(tl.int32)
            seen = going & (empty == 0)
            after = next_interval(start, direction, length, first, step, number, cell, empty, BRICK)
        if tl.max(seen.to(tl.int32)) > 0:
            if PREINTEGRATED:
                value = value_in(values, cell_on(start, direction, begin, n_i, n_j, n_k), n_j, n_k, seen)
                front, front_fraction = node_of(nodes, value, low, per_unit, n_entries, n_nodes, seen)
                value = value_in(values, cell_on(start, direction, end, n_i, n_j, n_k), n_j, n_k, seen)
                back, back_fraction = node_of(nodes, value, low, per_unit, n_entries, n_nodes, seen)
                place = front, front_fraction, back, back_fraction
                emitted, _ = emitted_in(table, rows, cell, place, n_nodes, n_j, n_k, seen, True)
            else:
                value = value_in(values, cell, n_j, n_k, seen)
                entry, fraction, _ = entry_of(value, low, per_unit, n_entries)
                emitted, _ = emitted_in(table, rows, cell, (entry, fraction), n_entries, n_j, n_k, seen, False)
            r, g, b, sigma = channels(emitted)
            opacity, weight = opacity_over(sigma, tl.maximum(end - begin, 0.0))
            r, g, b = r * weight, g * weight, b * weight
            if SHADED:
                gradient = gradient_in(gradients, cell, n_j, n_k, seen & (sigma > 0))
                lit, white = shade(gradient, world, light, HEADLIGHT)
                r = tl.minimum(r * lit + white * opacity, opacity)
                g = tl.minimum(g * lit + white * opacity, opacity)
                b = tl.minimum(b * lit + white * opacity, opacity)
            share = tl.where(seen, passing, 0.0)
            red += share * r
            green += share * g
            blue += share * b
            distance += share * opacity * middle
            passing -= share * opacity
        number = after
        going = going & (first + (number - 1) * step < length) & (passing >= ENOUGH)
    alpha = 1 - passing
    four = tl.reshape(tl.join(tl.join(red, blue), tl.join(green, alpha)), (RAYS, 4))
    tl.store(rgba + pixel[:, None] * 4 + tl.arange(0, 4)[None, :], four, mask=inside[:, None])
    met = (near + distance / tl.where(alpha > 0, alpha, 1.0)) * cosine
    tl.store(depth + pixel, tl.where(alpha > 0, met, float("nan")), mask=inside)
