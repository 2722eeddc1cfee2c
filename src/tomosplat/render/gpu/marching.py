"""Emission and absorption along rays, front to back: the rays of a program step together, each at its own pace.

Interval n of a ray, of length Δ, has extinction σ and premultiplied emission σc, adds T (1 − exp(−σΔ)) · σc/σ and
leaves T exp(−σΔ) (Max 1995, eq. 9). Labels act as trilinear memberships (see ``raymarch``).
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.rays import RAYS, interval, leap, on_axis, pixels, rays_of

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
def corner(i, j, k, fx, fy, fz, number: tl.constexpr, n_j, n_k):
    """Index of one of the eight voxels of a cell, and its trilinear weight."""
    x, y, z = (number // 4) % 2, (number // 2) % 2, number % 2
    weight = (fx if x else 1 - fx) * (fy if y else 1 - fy) * (fz if z else 1 - fz)
    return ((i + x) * n_j + j + y) * n_k + k + z, weight


@triton.jit
def value_in(values, i, j, k, fx, fy, fz, n_j, n_k, mask):
    """Trilinear value."""
    total = tl.zeros((RAYS,), tl.float32)
    for number in tl.static_range(8):
        at, weight = corner(i, j, k, fx, fy, fz, number, n_j, n_k)
        total += weight * tl.load(values + at, mask=mask, other=0)
    return total


@triton.jit
def are_mixed(rows, i, j, k, n_j, n_k, mask):
    """Row of the first voxel of each cell, and whether any ray's cell has voxels of several rows."""
    first, differing = tl.zeros((RAYS,), tl.int32), tl.zeros((RAYS,), tl.int32)
    for number in tl.static_range(8):
        at, _ = corner(i, j, k, 0.0, 0.0, 0.0, number, n_j, n_k)
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
def classified(emission, row, entry, fraction, n_entries, mask):
    """σ·rgb and σ [RAYS, 4] of a value in one row of the tables, and their slope per entry."""
    below = four_of(emission, row * n_entries + entry, mask)
    slope = four_of(emission, row * n_entries + entry + 1, mask) - below
    return below + slope * fraction[:, None], slope


@triton.jit
def emitted_in(emission, rows, i, j, k, fx, fy, fz, entry, fraction, n_j, n_k, n_entries, mask):
    """σ·rgb and σ [RAYS, 4], blended over the rows of the voxels around, and their slope per entry."""
    row, mixed = are_mixed(rows, i, j, k, n_j, n_k, mask)
    emitted, slope = classified(emission, row, entry, fraction, n_entries, mask & (row > 0))
    if mixed:
        emitted, slope = tl.zeros((RAYS, 4), tl.float32), tl.zeros((RAYS, 4), tl.float32)
        for number in tl.static_range(8):
            at, weight = corner(i, j, k, fx, fy, fz, number, n_j, n_k)
            row = tl.load(rows + at, mask=mask, other=0).to(tl.int32)
            part, part_slope = classified(emission, row, entry, fraction, n_entries, mask & (row > 0))
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
def gradient_in(gradients, i, j, k, fx, fy, fz, n_j, n_k, mask):
    """Trilinear gradient, in world axes."""
    total = tl.zeros((RAYS, 4), tl.float32)
    for number in tl.static_range(8):
        at, weight = corner(i, j, k, fx, fy, fz, number, n_j, n_k)
        total += weight[:, None] * four_of(gradients, at, mask)
    x, y, z, _ = channels(total)
    return x, y, z


@triton.jit
def march(
    values,
    rows,
    emission,
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
    JITTER: tl.constexpr,
    SHADED: tl.constexpr,
    HEADLIGHT: tl.constexpr,
    SKIP: tl.constexpr,
    BRICK: tl.constexpr,
):
    """Draw rgba [H, W, 4] and depth [H, W] (NaN where nothing was met).

    ``bricks`` says for each brick of BRICK³ voxels how many bricks around it are empty too (0: not empty).
    """
    column, line = pixels(tiles_x)
    inside = (column < width) & (line < height)
    start, direction, world, length, near, cosine, first = rays_of(
        view, n_planes, column, line, n_i, n_j, n_k, step, seed, JITTER
    )
    red, green, blue = tl.zeros((RAYS,), tl.float32), tl.zeros((RAYS,), tl.float32), tl.zeros((RAYS,), tl.float32)
    passing, distance = tl.full((RAYS,), 1.0, tl.float32), tl.zeros((RAYS,), tl.float32)
    number = tl.zeros((RAYS,), tl.int32)
    going = inside & (length > 0)
    while tl.max(going.to(tl.int32)) > 0:
        begin, end = interval(first, length, step, number)
        middle = 0.5 * (begin + end)
        i, fx = on_axis(start[0], direction[0], middle, n_i)
        j, fy = on_axis(start[1], direction[1], middle, n_j)
        k, fz = on_axis(start[2], direction[2], middle, n_k)
        seen, after = going, number + 1
        if SKIP:
            brick = ((i // BRICK) * tl.cdiv(n_j, BRICK) + j // BRICK) * tl.cdiv(n_k, BRICK) + k // BRICK
            empty = tl.load(bricks + brick, mask=going, other=1).to(tl.int32)
            seen = going & (empty == 0)
            over = leap(start, direction, length, first, step, number, i, j, k, empty, BRICK)
            after = tl.where(empty > 0, over, after)
        if tl.max(seen.to(tl.int32)) > 0:
            value = value_in(values, i, j, k, fx, fy, fz, n_j, n_k, seen)
            entry, fraction, _ = entry_of(value, low, per_unit, n_entries)
            emitted, _ = emitted_in(emission, rows, i, j, k, fx, fy, fz, entry, fraction, n_j, n_k, n_entries, seen)
            r, g, b, sigma = channels(emitted)
            opacity, weight = opacity_over(sigma, tl.maximum(end - begin, 0.0))
            r, g, b = r * weight, g * weight, b * weight
            if SHADED:
                visible = seen & (sigma > 0)
                gradient = gradient_in(gradients, i, j, k, fx, fy, fz, n_j, n_k, visible)
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
    pixel = line.to(tl.int64) * width + column
    four = tl.reshape(tl.join(tl.join(red, blue), tl.join(green, alpha)), (RAYS, 4))
    tl.store(rgba + pixel[:, None] * 4 + tl.arange(0, 4)[None, :], four, mask=inside[:, None])
    met = (near + distance / tl.where(alpha > 0, alpha, 1.0)) * cosine
    tl.store(depth + pixel, tl.where(alpha > 0, met, float("nan")), mask=inside)
