"""The order in which pixels are drawn: tile by tile, so that neighbouring rays find their voxels in the cache."""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.raymarching.kernels import INLINE

#: Pixels along the edge of a tile.
EDGE = 16


def n_slots(height: int, width: int) -> int:
    """Pixels of all tiles, also of what sticks out of the picture."""
    return -(-height // EDGE) * -(-width // EDGE) * EDGE * EDGE


@njit(**INLINE)
def pixel_of(slot: int, height: int, width: int) -> Any:
    """Row and column of a slot; they may lie outside the picture."""
    across = (width + EDGE - 1) // EDGE
    tile, inside = slot // (EDGE * EDGE), slot % (EDGE * EDGE)
    return tile // across * EDGE + inside % EDGE, tile % across * EDGE + inside // EDGE
