"""In which bricks of a volume a sample can have emission or opacity at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.render.cpu.layout import F32, U8
from tomosplat.render.raymarching.bricks import value_ranges

#: No bricks: nothing is skipped.
ALL: U8 = np.empty(0, np.uint8)
_HERE = (0, 0, 0)


def filled_bricks(amounts: F32) -> U8:
    """For each brick, flat, whether a sample in it can be other than 0, of amounts [I, J, K] that are not negative."""
    _, highest = value_ranges(amounts, _HERE)
    return (highest > 0).ravel().astype(np.uint8)


def classified_bricks(lowest: F32, highest: F32, visible: NDArray[np.bool_]) -> U8:
    """The same, of samples with coordinates ``lowest`` to ``highest`` in a table of ``visible`` entries."""
    n = np.concatenate([[0], np.cumsum(visible)])
    low = np.clip(np.floor(lowest), 0, len(visible) - 1).astype(np.int64)
    high = np.clip(np.ceil(highest), 0, len(visible) - 1).astype(np.int64)
    return (n[high + 1] > n[low]).ravel().astype(np.uint8)
