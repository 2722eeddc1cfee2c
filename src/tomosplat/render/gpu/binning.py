"""From records to one list of Gaussians per tile, nearest first.

Gaussians are sorted by depth once. Then every pair of a Gaussian and a tile of its box gets a slot, in that order; one
lane per slot finds its Gaussian by bisection among the few that a block of slots can hold, so that large Gaussians
delay nobody, and writes its tile, or none where the ellipse misses it. A stable sort by tile keeps the order, so no
tile is sorted by depth itself.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from tomosplat.errors import MemoryLimitError
from tomosplat.render.gpu.backend import free_memory
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.layout import (
    EXTENT_X,
    EXTENT_Y,
    LEVEL,
    RECORD,
    SHEAR,
    SPREAD,
    TILE,
    VARIANCE_Y,
)
from tomosplat.render.gpu.projection import tile_span

#: Bytes for each pair: tile, Gaussian, their sorted copies, the sort's 8-byte order, and its own working memory.
PAIR_BYTES = 40
_BLOCK = 256


class Queue(NamedTuple):
    """Gaussians in the order of their depth.

    Attributes:
        order: [N] int64, indices, nearest first; those that are not drawn come last.
        ends: [N] int64, number of pairs of this Gaussian and all before it.
    """

    order: Tensor
    ends: Tensor


class TileLists(NamedTuple):
    """Gaussians of each tile, nearest first.

    Attributes:
        starts: [tiles + 1] int32, where each tile's list begins in ``gaussians``.
        gaussians: int32 indices; what stands beyond the last start is not used.
    """

    starts: Tensor
    gaussians: Tensor


def tile_grid(width: int, height: int) -> tuple[int, int]:
    """Number of tiles across and down a picture."""
    return -(-width // TILE.value), -(-height // TILE.value)


def check_room(n_pairs: int, device: torch.device) -> None:
    """Pass if lists of so many pairs of a tile and a Gaussian fit into memory.

    Raises:
        MemoryLimitError: They do not.
    """
    needed, available = n_pairs * PAIR_BYTES, free_memory(device)
    if needed > available:
        raise MemoryLimitError(
            f"{n_pairs} pairs of a tile and a Gaussian need {needed / 1e9:.1f} GB and {available / 1e9:.1f} "
            "GB are free; render a smaller picture, move the camera back, or look for Gaussians that are far too large"
        )


def sort_by_depth(depths: Tensor, tile_counts: Tensor) -> Queue:
    """Sort once for all tiles; Gaussians of one depth keep their order."""
    order = torch.sort(depths, stable=True).indices
    return Queue(order, torch.cumsum(tile_counts[order], 0, dtype=torch.int64))


def list_tiles(
    records: Tensor,
    outlines: Tensor,
    tile_counts: Tensor,
    queue: Queue,
    capacity: int,
    tiles_x: int,
    tiles_y: int,
    exact: bool,
) -> TileLists:
    """Fill the tiles' lists from the first ``capacity`` pairs: what has no slot is the farthest.

    ``exact`` keeps, in each row of tiles, only those between the ends of the ellipse alpha = ALPHA_MIN.
    """
    n, n_tiles = len(tile_counts), tiles_x * tiles_y
    # The shortest keys that can name every tile, and none: the sort's time is in proportion to their length.
    key = torch.int16 if n_tiles < 2**15 - 1 else torch.int32
    tiles = torch.empty(capacity, dtype=key, device=records.device)
    gaussians = torch.empty(capacity, dtype=torch.int32, device=records.device)
    # The place in the queue of each block's first slot.
    first_slots = torch.arange(0, capacity, _BLOCK, device=records.device)
    places = torch.searchsorted(queue.ends, first_slots, right=True, out_int32=True)
    launch(
        emit_pairs,
        -(-capacity // _BLOCK),
        records,
        outlines,
        tile_counts,
        queue.order,
        queue.ends,
        places,
        tiles,
        gaussians,
        n,
        capacity,
        tiles_x,
        tiles_y,
        EXACT=exact,
        BLOCK=_BLOCK,
    )
    sorted_tiles, slots = torch.sort(tiles, stable=True)
    names = torch.arange(n_tiles + 1, dtype=key, device=records.device)
    return TileLists(torch.searchsorted(sorted_tiles, names, out_int32=True), gaussians[slots])


@triton.jit
def emit_pairs(
    records,
    outlines,
    tile_counts,
    order,
    ends,
    places,
    tiles,
    gaussians,
    n,
    capacity,
    tiles_x,
    tiles_y,
    EXACT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write tile and Gaussian of each slot; tile ``tiles_x * tiles_y`` stands for none."""
    slot = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    used = (slot < capacity) & (slot < tl.load(ends + n - 1))
    # The first place in the queue whose end lies beyond the slot. Every Gaussian that is drawn has a pair, so it is
    # among the BLOCK places from that of the block's first slot: halving them BLOCK.bit_length() times is enough.
    place = tl.zeros((BLOCK,), tl.int32) + tl.load(places + tl.program_id(0))
    beyond = tl.minimum(place + BLOCK, n)
    for _ in tl.static_range(BLOCK.bit_length()):
        searching = used & (place < beyond)
        middle = (place + beyond) // 2
        behind = tl.load(ends + middle, mask=searching, other=0) <= slot
        place = tl.where(searching & behind, middle + 1, place)
        beyond = tl.where(searching & ~behind, middle, beyond)
    gaussian = tl.load(order + place, mask=used, other=0).to(tl.int32)
    count = tl.load(tile_counts + gaussian, mask=used, other=1)
    number = slot - (tl.load(ends + place, mask=used, other=0).to(tl.int32) - count)

    mean_x = tl.load(records + gaussian * RECORD, mask=used, other=0)
    mean_y = tl.load(records + gaussian * RECORD + 1, mask=used, other=0)
    extent_x = tl.load(outlines + n * EXTENT_X + gaussian, mask=used, other=1)
    extent_y = tl.load(outlines + n * EXTENT_Y + gaussian, mask=used, other=1)
    first_x, last_x = tile_span(mean_x, extent_x, tiles_x)
    first_y, _ = tile_span(mean_y, extent_y, tiles_y)
    width = tl.maximum(last_x - first_x + 1, 1)
    line = number // width
    column, row = first_x + number - line * width, first_y + line
    kept = used
    if EXACT:
        shear = tl.load(outlines + n * SHEAR + gaussian, mask=used, other=0)
        spread = tl.load(outlines + n * SPREAD + gaussian, mask=used, other=0)
        variance_y = tl.load(outlines + n * VARIANCE_Y + gaussian, mask=used, other=1)
        level = tl.load(outlines + n * LEVEL + gaussian, mask=used, other=0)
        low = tl.maximum(row.to(tl.float32) * TILE - mean_y, -extent_y)
        high = tl.minimum(row.to(tl.float32) * TILE + TILE - mean_y, extent_y)
        # Height at which the ellipse reaches furthest to the right; mirrored for the left.
        tip = shear * variance_y * level / tl.where(extent_x > 0, extent_x, 1.0)
        per_variance = 1 / variance_y
        at_right = tl.minimum(tl.maximum(tip, low), high)
        at_left = tl.minimum(tl.maximum(-tip, low), high)
        half_right = tl.sqrt(tl.maximum(0.0, spread * (level - at_right * at_right * per_variance)))
        half_left = tl.sqrt(tl.maximum(0.0, spread * (level - at_left * at_left * per_variance)))
        _, last_x = tile_span(mean_x + shear * at_right + half_right, tl.zeros_like(mean_x), tiles_x)
        first_x, _ = tile_span(mean_x + shear * at_left - half_left, tl.zeros_like(mean_x), tiles_x)
        kept = kept & (column >= first_x) & (column <= last_x)
    none = tiles_x * tiles_y
    written = slot < capacity
    tl.store(tiles + slot, tl.where(kept, row * tiles_x + column, none), mask=written)
    tl.store(gaussians + slot, gaussian, mask=written)
