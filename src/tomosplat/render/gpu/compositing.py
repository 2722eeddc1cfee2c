"""Front-to-back compositing of a tile's list, one program per tile.

A program walks its list with all 256 pixels in registers. Every lane holds pixels of one column, so that what depends
on dx alone is computed once for them; a record comes in three loads that all lanes share. Numbers are float32.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.layout import LOG2_ALPHA_MAX, LOG2_ALPHA_MIN, RECORD, TILE, TRANSMITTANCE_MIN

#: Warps that share a tile. Two leave four pixels to a lane, and registers for 36 warps on a multiprocessor.
WARPS = 2
#: How many Gaussians pass between two looks at whether every pixel of the tile is finished.
CHECK_EVERY = 32


@triton.jit
def load_four(pointer):
    """Four values side by side, in one load."""
    even, odd = tl.split(tl.reshape(tl.load(pointer + tl.arange(0, 4)), (2, 2)))
    a, c = tl.split(even)
    b, d = tl.split(odd)
    return a, b, c, d


@triton.jit
def load_record(records, gaussian):
    """Centre x and y, the quadratic form's xx, xy, yy, log2 of opacity, and the colour."""
    record = records + gaussian * RECORD
    mean_x, mean_y, quad_xx, quad_xy = load_four(record)
    quad_yy, log_opacity, red, green = load_four(record + 4)
    return mean_x, mean_y, quad_xx, quad_xy, quad_yy, log_opacity, red, green, tl.load(record + 8)


@triton.jit
def place(tile, tiles_x):
    """Left and top of a tile, and its pixels' centres counted from there, [1, TILE] and [TILE, 1]."""
    x, y = tl.arange(0, TILE)[None, :] + 0.5, tl.arange(0, TILE)[:, None] + 0.5
    return (tile % tiles_x) * TILE, (tile // tiles_x) * TILE, x, y


@triton.jit
def log2_alpha(record, left, top, x, y):
    """Offsets of a tile's pixels from the record's centre, and log2 of what the Gaussian covers of them."""
    dx, dy = x - (record[0] - left), y - (record[1] - top)
    return dx, dy, dy * (record[4] * dy + record[3] * dx) + (record[2] * dx * dx + record[5])


@triton.jit
def covered(log_alpha, transmittance):
    """Where a pixel takes anything from a Gaussian, and alpha there."""
    drawn = (log_alpha > LOG2_ALPHA_MIN) & (transmittance > TRANSMITTANCE_MIN)
    return drawn, tl.exp2(tl.minimum(log_alpha, LOG2_ALPHA_MAX))


@triton.jit
def pixel_columns_rows(left, top):
    """Columns [1, TILE] and rows [TILE, 1] of a tile's pixels in the picture."""
    return left + tl.arange(0, TILE)[None, :], top + tl.arange(0, TILE)[:, None]


@triton.jit
def fresh_transmittance(left, top, width, height):
    """1 in the picture and 0 beyond its edges, where nothing needs to be drawn."""
    columns, rows = pixel_columns_rows(left, top)
    return tl.where((columns < width) & (rows < height), 1.0, 0.0)


@triton.jit
def composite(records, starts, gaussians, image, n_blended, width, height, tiles_x, CHECK_EVERY: tl.constexpr):
    """Blend a tile's list into image [H, W, 4]; note how much of the list was needed."""
    tile = tl.program_id(0)
    left, top, x, y = place(tile, tiles_x)
    transmittance = fresh_transmittance(left, top, width, height)
    red = tl.zeros((TILE, TILE), tl.float32)
    green = tl.zeros((TILE, TILE), tl.float32)
    blue = tl.zeros((TILE, TILE), tl.float32)
    first, end = tl.load(starts + tile), tl.load(starts + tile + 1)
    k = first
    unfinished = True
    while (k < end) & unfinished:
        pause = tl.minimum(k + CHECK_EVERY, end)
        while k < pause:
            record = load_record(records, tl.load(gaussians + k))
            _, _, log_alpha = log2_alpha(record, left, top, x, y)
            drawn, alpha = covered(log_alpha, transmittance)
            weight = tl.where(drawn, alpha * transmittance, 0.0)
            transmittance -= weight
            red += weight * record[6]
            green += weight * record[7]
            blue += weight * record[8]
            k += 1
        unfinished = tl.max(transmittance) > TRANSMITTANCE_MIN
    tl.store(n_blended + tile, k - first)
    # Four channels side by side, so that a lane stores 16 bytes at once.
    pixels = tl.reshape(tl.join(tl.join(red, blue), tl.join(green, 1 - transmittance)), (TILE, TILE * 4))
    columns, rows = left * 4 + tl.arange(0, TILE * 4)[None, :], top + tl.arange(0, TILE)[:, None]
    inside = (columns < width * 4) & (rows < height)
    tl.store(image + rows.to(tl.int64) * (width * 4) + columns, pixels, mask=inside)
