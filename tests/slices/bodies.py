"""Bodies whose every slice is known: tilted bars that move from slice to slice."""

import numpy as np

from tomosplat.geometry import Grid
from tomosplat.slices import SliceStack
from tomosplat.volume import LabelMap, Volume


def leaning(n: int = 17, size: int = 40, lean: float = 0.75) -> tuple[np.ndarray, np.ndarray]:
    """Values and labels [N, H, W] of three blobs that shift by ``lean`` pixels per slice."""
    rows, columns = np.mgrid[0:size, 0:size]
    values, labels = np.zeros((n, size, size), np.float32), np.zeros((n, size, size), np.uint8)
    for label, (row, column, radius) in enumerate([(12, 12, 5.0), (24, 14, 4.0), (20, 26, 6.0)], start=1):
        for k in range(n):
            shift = lean * (k - n // 2)
            away = np.hypot(rows - row - 0.4 * shift, columns - column - shift)
            values[k] += (0.4 + 0.2 * label) / (1 + np.exp(np.clip(2 * (away - radius), -50, 50)))
            labels[k][away < radius] = label
    return values, labels


def leaning_stack(**options: float) -> SliceStack:
    values, labels = leaning(**options)
    return SliceStack(values, np.diag([1.0, 1.0, 1.5, 1.0]), np.arange(len(values), dtype=float), labels)


def leaning_volume(affine: np.ndarray) -> tuple[Volume, LabelMap]:
    values, labels = (a.transpose(2, 1, 0) for a in leaning())
    grid = Grid(values.shape, affine)
    return Volume(values, grid), LabelMap(labels, grid)
