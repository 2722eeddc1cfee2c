"""Trees of vessels that grow from a root to fill an organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.curves import Points, stamp_pieces
from tomosplat.volume.torso.field import Window
from tomosplat.volume.torso.kernels import Array


@dataclass(frozen=True)
class Tree:
    """Straight pieces: ``ends`` [N, 2, 3] mm and ``radii`` [N] mm."""

    ends: Points
    radii: Points

    def distance(self, window: Window) -> Array:
        """Distance to the tree, right within 2 mm of it."""
        out = window.far()
        half_axes = np.broadcast_to(self.radii[:, None, None], (len(self.radii), 2, 2))
        # Round sections need no direction, but one along a piece would leave the across axis undefined.
        along = self.ends[:, 1] - self.ends[:, 0]
        up = np.where(np.abs(along[:, 2:]) > np.abs(along[:, :1]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
        stamp_pieces(window, out, self.ends, half_axes, up)
        return out


def grow(root: Points, targets: Points, twig_mm: float) -> Tree:
    """Grow a tree that ends at every target.

    At each fork the targets are parted at the median across their widest spread, and each part is supplied from a
    point on the way to its middle. Radii follow Murray's law: the cubes of the daughters' add up to the mother's.

    Args:
        root: [3] where the trunk starts, mm.
        targets: [N, 3] ends of the twigs.
        twig_mm: Radius of the last twigs.
    """
    ends: list[tuple[Points, Points]] = []
    counts: list[int] = []
    stack: list[tuple[Points, Points]] = [(root, targets)]
    while stack:
        start, goals = stack.pop()
        if len(goals) == 1:
            ends.append((start, goals[0]))
            counts.append(1)
            continue
        for part in _parted(start, goals):
            fork = start + 0.45 * (part.mean(axis=0) - start) if len(part) > 1 else 0.5 * (start + part[0])
            ends.append((start, fork))
            counts.append(len(part))
            stack.append((fork, part))
    return Tree(np.asarray(ends), twig_mm * np.asarray(counts) ** (1 / 3))


def _parted(start: Points, goals: Points) -> list[Points]:
    offsets = goals - start
    # What lies along the way is reached by going on; only the spread across it calls for a fork.
    way = offsets.mean(axis=0)
    way /= np.linalg.norm(way) + 1e-9
    across = offsets - 0.7 * np.outer(offsets @ way, way)
    _, _, axes = np.linalg.svd(across - across.mean(axis=0), full_matrices=False)
    place = across @ axes[0]
    order = np.argsort(place, kind="stable")
    half = len(goals) // 2
    return [goals[order[:half]], goals[order[half:]]]


def scatter(inside: NDArray[np.bool_], window: Window, rng: np.random.Generator) -> Points:
    """One jittered point in every sample of ``window`` that is ``inside``, [N, 3]."""
    x, y, z = window.axes
    i, j, k = np.nonzero(inside)
    step = np.array([x[1] - x[0], y[1] - y[0], z[1] - z[0]])
    middles = np.stack([x[i], y[j], z[k]], axis=1).astype(np.float64)
    return np.asarray(middles + rng.uniform(-0.35, 0.35, (len(i), 3)) * step)
