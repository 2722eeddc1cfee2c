"""Sets of label ids as kernels take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import LabelError

#: No sets at all.
NO_GROUPS = np.zeros((0, 256), np.uint8)


def label_table(ids: Sequence[int] | None, argument: str) -> NDArray[np.uint8]:
    """One entry for each possible label id: 1 where it is meant; None means all.

    Raises:
        LabelError: An id is not in 0..255; ``argument`` names what held it.
    """
    if ids is None:
        return np.ones(256, np.uint8)
    wrong = [i for i in ids if not (isinstance(i, (int, np.integer)) and 0 <= i <= 255)]
    if wrong:
        raise LabelError(f"{argument} must hold label ids, whole numbers from 0 to 255; got {wrong[:5]}")
    table = np.zeros(256, np.uint8)
    table[list(ids)] = 1
    return table
