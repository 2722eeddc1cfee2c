"""Empty-space skipping: in which bricks of the scan anything can be visible."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.ndimage import distance_transform_cdt

from tomosplat import threads
from tomosplat.render.cpu.layout import F32, I32, I64, U8, Scalar, f32
from tomosplat.render.raymarching.kernels import BRICK as _BRICK
from tomosplat.render.raymarching.kernels import ENTRY, Tables

BRICK = int(_BRICK)
_FARTHEST = 255
#: Interpolation may overshoot by rounding; in steps of the table.
_SLACK = f32(1e-2)


def value_ranges(values: F32, reach: tuple[int, int, int]) -> tuple[F32, F32]:
    """Lowest and highest value that a sample in each brick can have.

    ``reach`` is how many voxels around a brick its samples take values from, besides the next ones.
    """
    lowest, highest = np.empty((2, *(-(-n // BRICK) for n in values.shape)), np.float32)
    threads.run(_find_ranges, [(*part, values, reach, lowest, highest) for part in _slabs(len(lowest))])
    return lowest, highest


def find_visible(labels: U8, row_of_label: I64, tables: Tables, lowest: F32, highest: F32) -> tuple[U8, I32]:
    """Distances of the bricks from visible ones and the rows of their labels, as ``Scan`` wants them.

    A brick is empty if no group among its labels has extinction between its lowest and highest value. If all are,
    all distances are above 0.
    """
    visible, rows = np.zeros(lowest.shape, np.uint8), np.zeros(lowest.shape, np.int32)
    common = (labels, row_of_label, tables.n_visible, tables.low, tables.per_unit, lowest, highest, visible, rows)
    threads.run(_examine, [(*part, *common) for part in _slabs(len(lowest))])
    if not visible.any():
        return np.full(lowest.shape, _FARTHEST, np.uint8), rows
    # Chessboard distance: with distance d, all bricks fewer than d away in every direction are empty.
    distance = distance_transform_cdt(visible == 0, metric="chessboard")
    return np.minimum(distance, _FARTHEST).astype(np.uint8), rows


def _slabs(n: int) -> list[tuple[int, int]]:
    return threads.split(n, 4 * threads.n_threads())


@njit(**ENTRY)
def _find_ranges(start: int, stop: int, values: F32, reach: tuple[int, int, int], lowest: F32, highest: F32) -> None:
    n_i, n_j, n_k = values.shape
    # First across i and j, for whole rows at once, which runs on vectors.
    least, most = np.empty(n_k, np.float32), np.empty(n_k, np.float32)
    for a in range(start, stop):
        i0, i1 = max(a * BRICK - reach[0], 0), min((a + 1) * BRICK + 1 + reach[0], n_i)
        for b in range(lowest.shape[1]):
            j0, j1 = max(b * BRICK - reach[1], 0), min((b + 1) * BRICK + 1 + reach[1], n_j)
            least[:], most[:] = values[i0, j0], values[i0, j0]
            for i in range(i0, i1):
                for j in range(j0, j1):
                    for k in range(n_k):
                        least[k], most[k] = min(least[k], values[i, j, k]), max(most[k], values[i, j, k])
            for c in range(lowest.shape[2]):
                k0, k1 = max(c * BRICK - reach[2], 0), min((c + 1) * BRICK + 1 + reach[2], n_k)
                low, high = least[k0], most[k0]
                for k in range(k0 + 1, k1):
                    low, high = min(low, least[k]), max(high, most[k])
                lowest[a, b, c], highest[a, b, c] = low, high


@njit(**ENTRY)
def _examine(
    start: int,
    stop: int,
    labels: U8,
    row_of_label: I64,
    n_visible: I32,
    low: Scalar,
    per_unit: Scalar,
    lowest: F32,
    highest: F32,
    visible: U8,
    rows: I32,
) -> None:
    n_i, n_j, n_k = labels.shape
    last = f32(n_visible.shape[1] - 2)
    for a in range(start, stop):
        i0, i1 = a * BRICK, min((a + 1) * BRICK + 1, n_i)
        for b in range(lowest.shape[1]):
            j0, j1 = b * BRICK, min((b + 1) * BRICK + 1, n_j)
            for c in range(lowest.shape[2]):
                k0, k1 = c * BRICK, min((c + 1) * BRICK + 1, n_k)
                first = int(min(max((lowest[a, b, c] - low) * per_unit - _SLACK, f32(0)), last))
                final = int(min(max((highest[a, b, c] - low) * per_unit + _SLACK, f32(0)), last)) + 1
                if n_visible[-1, final] == n_visible[-1, first]:
                    continue
                label = labels[i0, j0, k0]
                only = row_of_label[label]
                shown, differ = n_visible[only, final] > n_visible[only, first], False
                for i in range(i0, i1):
                    for j in range(j0, j1):
                        for k in range(k0, k1):
                            if labels[i, j, k] != label:
                                label = labels[i, j, k]
                                row = row_of_label[label]
                                differ = differ or row != only
                                shown = shown or n_visible[row, final] > n_visible[row, first]
                visible[a, b, c], rows[a, b, c] = shown, -1 if differ else only
