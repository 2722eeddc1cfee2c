"""A small body whose parts move from slice to slice, and stacks through it."""

import numpy as np

from tomosplat.slices import SliceStack


def body(n: int = 13, height: int = 30, width: int = 34) -> np.ndarray:
    """[n, H, W] in 0..1: an ellipse that drifts, and a small bright disc that drifts the other way."""
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    slices = []
    for k in range(n):
        s = k / (n - 1)
        ellipse = 1 / (1 + np.exp(((u - 15 - 4 * s) / 9) ** 2 * 4 + ((v - 15) / 8) ** 2 * 4 - 4))
        disc = 1 / (1 + np.exp(2 * (np.hypot(u - 20 + 8 * s, v - 12 - 4 * s) - 3)))
        slices.append(0.5 * ellipse + 0.5 * disc)
    return np.stack(slices).astype(np.float32)


def labels_of(values: np.ndarray) -> np.ndarray:
    """1 in the ellipse, 7 in the disc."""
    return np.where(values > 0.65, 7, np.where(values > 0.25, 1, 0)).astype(np.uint8)


def stack(*, spacing: tuple[float, float, float] = (1.5, 1.2, 2.0), labelled: bool = False, scale: float = 1000.0):
    """The body as a stack in mm, its values in 0..scale."""
    values = body()
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-20, 10, 300)
    labels = labels_of(values) if labelled else None
    return SliceStack(scale * values, affine, np.arange(len(values), dtype=np.float64), labels)
