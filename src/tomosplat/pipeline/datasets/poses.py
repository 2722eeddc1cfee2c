"""What a dataset's pictures show and from where."""

from __future__ import annotations

import numpy as np

from tomosplat.geometry import Cameras, FloatArray, fibonacci_directions, frame_points

#: Standard deviation of a view's displacement, in distances between neighbouring views.
_JITTER = 0.2


def jittered_views(outline: FloatArray, n: int, size: int, rng: np.random.Generator) -> Cameras:
    """``n`` square cameras spread over the sphere: a Fibonacci sphere turned at random, each view a little displaced.

    Args:
        outline: [M, 3] mm, what every view must contain.
        n: How many.
        size: Edge of the picture in pixels.
        rng: Where turn and displacements come from.
    """
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    spread = _JITTER * np.sqrt(4 * np.pi / n)
    directions = fibonacci_directions(n) @ rotation.T + rng.normal(scale=spread, size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return frame_points(outline, directions, size, size)


def held_out(n: int, every: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which of ``n`` views are for evaluation only: one in ``every``, beginning with the first; none for 0."""
    return np.arange(n) % every == 0 if every else np.zeros(n, dtype=np.bool_)
