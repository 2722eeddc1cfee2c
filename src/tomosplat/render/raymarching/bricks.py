"""Empty-space skipping: in which bricks of the scan anything can be visible."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.ndimage import distance_transform_cdt

from tomosplat.render.cpu import threads
from tomosplat.render.cpu.layout import F32, I32, I64, U8, Scalar, f32
from tomosplat.render.raymarching.kernels import BRICK as _BRICK
from tomosplat.render.raymarching.kernels import ENTRY

BRICK = int(_BRICK)
_FARTHEST = 255
#: Interpolation may overshoot by rounding; in steps of the table.
_SLACK = f32(1e-2)


class Bricks(NamedTuple):
    """``empty`` and ``rows`` as in :class:`Scan`; ``highest``, the highest value that a sample in each can have."""

    empty: U8
    rows: I32
    highest: F32


def build_bricks(
    values: F32,
    labels: U8,
    row_of_label: I64,
    n_visible: I32,
    low: Scalar,
    per_unit: Scalar,
    reach: tuple[int, int, int],
) -> Bricks:
    """Find the bricks without visible samples.

    A brick is empty if no group among its labels has extinction between its lowest and highest value. ``reach`` is
    how many voxels around a brick its samples also take values from.
    """
    shape = tuple(-(-n // BRICK) for n in values.shape)
    occupied, rows, highest = np.zeros(shape, np.uint8), np.zeros(shape, np.int32), np.empty(shape, np.float32)
    common = (values, labels, row_of_label, n_visible, low, per_unit, reach, occupied, rows, highest)
    parts = threads.split(shape[0], 4 * threads.n_threads())
    threads.run(_examine, [(*part, *common) for part in parts])
    if not occupied.any():
        return Bricks(np.full(shape, _FARTHEST, np.uint8), rows, highest)
    # Chessboard distance: with distance d, all bricks fewer than d away in every direction are empty.
    distance = distance_transform_cdt(occupied == 0, metric="chessboard")
    return Bricks(np.minimum(distance, _FARTHEST).astype(np.uint8), rows, highest)


@njit(**ENTRY)
def _examine(
    start: int,
    stop: int,
    values: F32,
    labels: U8,
    row_of_label: I64,
    n_visible: I32,
    low: Scalar,
    per_unit: Scalar,
    reach: tuple[int, int, int],
    occupied: U8,
    rows: I32,
    highest: F32,
) -> None:
    n_i, n_j, n_k = values.shape
    last = n_visible.shape[1] - 2
    for a in range(start, stop):
        i0, i1 = max(a * BRICK - reach[0], 0), min((a + 1) * BRICK + 1 + reach[0], n_i)
        for b in range(occupied.shape[1]):
            j0, j1 = max(b * BRICK - reach[1], 0), min((b + 1) * BRICK + 1 + reach[1], n_j)
            for c in range(occupied.shape[2]):
                k0, k1 = max(c * BRICK - reach[2], 0), min((c + 1) * BRICK + 1 + reach[2], n_k)
                least, most = f32(math.inf), f32(-math.inf)
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        for k in range(k0, k1):
                            least, most = min(least, values[i, j, k]), max(most, values[i, j, k])
                highest[a, b, c] = most
                first = int(min(max((least - low) * per_unit - _SLACK, f32(0)), f32(last)))
                final = int(min(max((most - low) * per_unit + _SLACK, f32(0)), f32(last))) + 1
                if n_visible[-1, final] == n_visible[-1, first]:
                    continue
                label = labels[i0, j0, k0]
                only = row_of_label[label]
                visible = n_visible[only, final] > n_visible[only, first]
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        for k in range(k0, k1):
                            if labels[i, j, k] != label:
                                label = labels[i, j, k]
                                row = row_of_label[label]
                                if row != only:
                                    rows[a, b, c] = -1
                                if n_visible[row, final] > n_visible[row, first]:
                                    visible = True
                if rows[a, b, c] == 0:
                    rows[a, b, c] = only
                occupied[a, b, c] = visible
