"""From records to one list of Gaussians per tile, nearest first.

Gaussians are sorted by depth once; then each thread walks its share of the order and writes (tile, Gaussian) pairs,
which a counting sort scatters to the tiles' lists. Because both keep the order, no tile is sorted by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import (
    DEPTH,
    EXTENT_X,
    EXTENT_Y,
    F32,
    FAST,
    I32,
    I64,
    LEVEL,
    MEAN_X,
    MEAN_Y,
    OPTIONS,
    RECORD,
    SHEAR,
    SPREAD,
    TILE,
    U32,
    VARIANCE_Y,
    f32,
    uint,
)
from tomosplat.render.cpu.projection import tile_span
from tomosplat.render.cpu.vectors import prefetch

#: Pairs that ``emit_pairs`` may write beyond the last one it keeps.
PAIR_SLACK = 8
#: Widest digit of the radix sort, in bits: its histogram stays in the first-level cache.
_MAX_DIGIT = 12

_AHEAD = 8


@njit(fastmath=FAST, **OPTIONS)
def sort_by_depth(tile_counts: I32, depth_bits: U32, keys: U32, order: U32, spare: U32) -> Any:
    """Stable radix sort of the Gaussians that touch a tile; return how many, and the buffer that holds their order.

    ``depth_bits`` are the records, seen as integers: positive floats sort as their bits do. ``keys`` holds 2 N.
    """
    n = uint(0)
    lowest, highest = np.uint32(0xFFFFFFFF), np.uint32(0)
    for i in range(uint(tile_counts.shape[0])):
        if tile_counts[i] > 0:
            key = depth_bits[i * RECORD + DEPTH]
            lowest, highest = min(lowest, key), max(highest, key)
            keys[n] = key
            order[n] = np.uint32(i)
            n += uint(1)
    if n == uint(0):
        return 0, order
    span = np.int64(highest) - np.int64(lowest) + 1
    bits = 1
    while (1 << bits) < span:
        bits += 1
    passes = (bits + _MAX_DIGIT - 1) // _MAX_DIGIT
    digit = np.uint32((bits + passes - 1) // passes)
    mask = np.uint32((1 << digit) - 1)
    from_keys, to_keys = keys[: tile_counts.shape[0]], keys[tile_counts.shape[0] :]
    for p in range(passes):
        shift = np.uint32(p) * digit
        starts = np.zeros((1 << _MAX_DIGIT) + 1, np.uint32)
        for k in range(n):
            starts[uint(((from_keys[k] - lowest) >> shift) & mask) + uint(1)] += np.uint32(1)
        for j in range(1 << _MAX_DIGIT):
            starts[j + 1] += starts[j]
        for k in range(n):
            slot = uint(((from_keys[k] - lowest) >> shift) & mask)
            at = uint(starts[slot])
            starts[slot] += np.uint32(1)
            to_keys[at] = from_keys[k]
            spare[at] = order[k]
        from_keys, to_keys = to_keys, from_keys
        order, spare = spare, order
    return np.int64(n), order


@njit(**OPTIONS)
def count_pairs(start: int, stop: int, order: U32, tile_counts: I32) -> np.int64:
    """Most pairs that ``emit_pairs`` can keep for this part of the order."""
    total = np.int64(0)
    for k in range(uint(start), uint(stop)):
        total += tile_counts[uint(order[k])]
    return total


@njit(fastmath=FAST, forceinline=True, **OPTIONS)
def _emit_run(pair_tiles: I32, pair_gaussians: I32, at: int, tile: int, n: int, gaussian: int) -> None:
    """Write n pairs of one Gaussian with tiles side by side."""
    # Eight at once, wanted or not: most runs are shorter, and a store costs less than a branch.
    for j in range(uint(8)):
        pair_tiles[at + j] = np.int32(tile) + np.int32(j)
        pair_gaussians[at + j] = np.int32(gaussian)
    for j in range(uint(8), uint(max(n, 8))):
        pair_tiles[at + j] = np.int32(tile) + np.int32(j)
        pair_gaussians[at + j] = np.int32(gaussian)


@njit(fastmath=FAST, **OPTIONS)
def emit_pairs(
    start: int,
    stop: int,
    exact: bool,
    records: F32,
    order: U32,
    tiles_x: int,
    tiles_y: int,
    pair_tiles: I32,
    pair_gaussians: I32,
    counts: I64,
) -> np.int64:
    """Write the (tile, Gaussian) pairs of this part of the order, count them per tile, and return how many.

    ``exact`` keeps, in each row of tiles, only those between the ends of the ellipse alpha = ALPHA_MIN.
    """
    n = uint(0)
    for k in range(uint(start), uint(stop)):
        prefetch(records, uint(order[min(k + uint(_AHEAD), uint(stop - 1))]) * RECORD)
        gaussian = order[k]
        r = uint(gaussian) * RECORD
        mean_x, mean_y, extent_x, extent_y = (
            records[r + MEAN_X],
            records[r + MEAN_Y],
            records[r + EXTENT_X],
            records[r + EXTENT_Y],
        )
        box_first, box_last = tile_span(mean_x, extent_x, tiles_x)
        first_y, last_y = tile_span(mean_y, extent_y, tiles_y)
        first_x, last_x = box_first, box_last
        boxed = not exact or first_x == last_x or first_y == last_y
        shear, spread = records[r + SHEAR], records[r + SPREAD]
        level, per_variance = records[r + LEVEL], f32(1) / records[r + VARIANCE_Y]
        # Height at which the ellipse reaches furthest to the right; mirrored for the left.
        tip = shear * records[r + VARIANCE_Y] * level / extent_x
        for row in range(first_y, last_y + 1):
            if not boxed:
                low = max(f32(row * TILE) - mean_y, -extent_y)
                high = min(f32(row * TILE + TILE) - mean_y, extent_y)
                at_right, at_left = min(max(tip, low), high), min(max(-tip, low), high)
                half = math.sqrt(max(f32(0), spread * (level - at_right * at_right * per_variance)))
                last_x = min(tile_span(mean_x + shear * at_right + half, f32(0), tiles_x)[1], box_last)
                half = math.sqrt(max(f32(0), spread * (level - at_left * at_left * per_variance)))
                first_x = max(tile_span(mean_x + shear * at_left - half, f32(0), tiles_x)[0], box_first)
            width = last_x - first_x + 1
            if width > 0:
                _emit_run(pair_tiles, pair_gaussians, n, row * tiles_x + first_x, width, gaussian)
                n += uint(width)
    for p in range(n):
        counts[uint(pair_tiles[p])] += 1
    return np.int64(n)


@njit(**OPTIONS)
def list_starts(counts: I64, tile_starts: I64) -> None:
    """Turn the counts [threads, tiles] into the place where each thread's part of each list starts."""
    total = np.int64(0)
    for tile in range(counts.shape[1]):
        tile_starts[tile] = total
        for thread in range(counts.shape[0]):
            count = counts[thread, tile]
            counts[thread, tile] = total
            total += count
    tile_starts[counts.shape[1]] = total


@njit(**OPTIONS)
def scatter_pairs(n: int, pair_tiles: I32, pair_gaussians: I32, places: I64, lists: I32) -> None:
    """Move one thread's pairs to the lists of their tiles, in order."""
    for p in range(uint(n)):
        tile = uint(pair_tiles[p])
        lists[uint(places[tile])] = pair_gaussians[p]
        places[tile] += 1
