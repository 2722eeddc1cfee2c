"""A grid in parts that overlap, as large as memory allows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tomosplat.errors import MemoryLimitError
from tomosplat.networks import Layout

Triple = tuple[int, int, int]

#: Bytes for each voxel of the half-resolution grid while a network runs; 620, 860, 2200 and 3600 were measured.
_BYTES = {"fold": {2: 900, 4: 1200}, "convolution": {2: 3000, 4: 4500}}
#: The weights, torch itself and its scratch memory.
_FIXED_BYTES = 500_000_000


@dataclass(frozen=True)
class Tile:
    """A part of the half-resolution grid; all in its voxels.

    Attributes:
        low: First voxel whose result is used.
        high: One past the last.
        shown_low: First voxel that the network is shown.
        shown_high: One past the last; may lie beyond the grid, where there is air.
    """

    low: Triple
    high: Triple
    shown_low: Triple
    shown_high: Triple

    @property
    def shown_shape(self) -> Triple:
        """Voxels along each axis that the network is shown."""
        i, j, k = (high - low for low, high in zip(self.shown_low, self.shown_high, strict=True))
        return i, j, k


def tiles(shape: Triple, core: Triple, layout: Layout) -> Iterator[Tile]:
    """Cut a half-resolution grid into tiles of ``core`` voxels, each shown with all that its result depends on.

    What is shown ends where the whole would end, too, so that a tile's edge is that of the scan or out of sight.
    """
    step = layout.multiple // 2
    whole = padded(shape, layout)
    for low in itertools.product(*(range(0, n, edge) for n, edge in zip(shape, core, strict=True))):
        high = [min(a + edge, n) for a, edge, n in zip(low, core, shape, strict=True)]
        shown_low = [max(a - layout.halo, 0) for a in low]
        shown_high = [min(-(-b // step) * step + layout.halo, n) for b, n in zip(high, whole, strict=True)]
        yield Tile(_triple(low), _triple(high), _triple(shown_low), _triple(shown_high))


def choose_core(shape: Triple, layout: Layout, memory: int, item_bytes: int) -> Triple:
    """Voxels along each axis of tiles that a network can be run on in ``memory`` bytes: as few tiles as possible.

    Args:
        shape: Of the half-resolution grid.
        layout: Of the network.
        memory: What may be used, in bytes.
        item_bytes: Of a number that the network computes with, 2 or 4.

    Raises:
        MemoryLimitError: Even the smallest tile needs more, or the network cannot be run in tiles and the scan does.
    """
    step = layout.multiple // 2
    core = list(padded(shape, layout))
    while needed(_triple(core), shape, layout, item_bytes) > memory:
        axis = max(range(3), key=lambda a: core[a])
        if layout.norm == "instance" or core[axis] <= step:
            raise MemoryLimitError(
                f"this network needs {needed(_triple(core), shape, layout, item_bytes) / 1e9:.2f} GB for a half-"
                f"resolution grid of {'x'.join(map(str, shape))} voxels, {memory / 1e9:.2f} GB may be used; raise "
                "--memory, choose a coarser --spacing"
                + (", or the preset compact, which works in tiles" if layout.norm == "instance" else "")
            )
        core[axis] = -(-core[axis] // (2 * step)) * step
    return _triple(core)


def needed(core: Triple, shape: Triple, layout: Layout, item_bytes: int) -> int:
    """Bytes that the largest tile takes."""
    shown = 1
    for edge, n, whole in zip(core, shape, padded(shape, layout), strict=True):
        shown *= whole if edge >= n else min(edge + 2 * layout.halo, whole)
    return _FIXED_BYTES + shown * _BYTES[layout.stem][item_bytes]


def padded(shape: Triple, layout: Layout) -> Triple:
    """The grid with edges that the network takes; what is added is air."""
    step = layout.multiple // 2
    # Instance norm needs two voxels on the coarsest grid.
    least = 2 if layout.norm == "instance" else 1
    return _triple([max(-(-n // step), least) * step for n in shape])


def _triple(values: list[int] | tuple[int, ...]) -> Triple:
    i, j, k = values
    return i, j, k
