"""An order of points in space in which neighbours are close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def morton_order(means: NDArray[np.uint16]) -> NDArray[np.intp]:
    """Indices that sort points [N, 3] along the curve that interleaves the bits of their coordinates."""
    # Spreads 16 bits to every third place, in halves of halves.
    steps = ((16, 0xFF0000FF), (8, 0xF00F00F00F), (4, 0xC30C30C30C3), (2, 0x249249249249))
    keys = np.zeros(len(means), dtype=np.uint64)
    for axis in range(3):
        bits = means[:, axis].astype(np.uint64)
        for shift, mask in steps:
            bits = (bits | bits << np.uint64(shift)) & np.uint64(mask)
        keys |= bits << np.uint64(axis)
    return np.argsort(keys, kind="stable")
