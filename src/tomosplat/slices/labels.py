"""Labels between slices: the nearer slice's, by signed distances, or by a blurred vote carried along motion.

Functions take labels [N, H, W] uint8 at positions [N] and return those at ``at`` [M].
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tomosplat.geometry import FloatArray
from tomosplat.slices.flow import Shifts
from tomosplat.slices.interpolation import gaps_of
from tomosplat.slices.motion import Picture, Shift, motion_at, warped
from tomosplat.threads import run

Labels = NDArray[np.uint8]
#: How much of a label is at each pixel of both neighbours: the label's masks in, two pictures out.
_Score = Callable[[NDArray[np.bool_], NDArray[np.bool_]], tuple[Picture, Picture]]

#: Standard deviation in pixels by which votes are blurred, and pixels around a label that its score reaches.
_VOTE_BLUR, _MARGIN = 0.7, 6


def nearest_labels(labels: Labels, positions: FloatArray, at: FloatArray) -> Labels:
    """Those of the nearer slice; half way, of the one before."""
    before, way = gaps_of(positions, at)
    return labels[before + (way > 0.5)]


def labels_by_distance(labels: Labels, positions: FloatArray, at: FloatArray) -> Labels:
    """The label with the greatest cross-faded signed distance (shape-based interpolation, Raya and Udupa 1990)."""
    return _carried(labels, positions, at, None, lambda width: _distances)


def carry_labels(labels: Labels, positions: FloatArray, at: FloatArray, shifts: Shifts, narrow: float) -> Labels:
    """Labels carried along the motion of the image: by distance in gaps below ``narrow``, else by blurred vote."""
    return _carried(labels, positions, at, shifts, lambda width: _distances if width < narrow else _votes)


def distances_between(mask: NDArray[np.bool_], n: int) -> NDArray[np.float32]:
    """Signed distances in pixels, positive inside, of slices [N, H, W] and of ``n - 1`` in every gap, cross-faded."""
    parts = []
    for one, other in pairwise(mask):
        first, second = (
            _distances(one, other) if one.any() or other.any() else (np.full(one.shape, -1.0, np.float32),) * 2
        )
        parts += [first + np.float32(k / n) * (second - first) for k in range(n)]
    last = _signed_distance(mask[-1]) if mask[-1].any() and not mask[-1].all() else mask[-1] * np.float32(2) - 1
    return np.stack([*parts, last])


def _carried(
    labels: Labels, positions: FloatArray, at: FloatArray, shifts: Shifts | None, score: Callable[[float], _Score]
) -> Labels:
    before, way = gaps_of(positions, at)
    widths = np.diff(positions)

    def one_gap(gap: int) -> Labels:
        ways = [float(t) for t in way[before == gap]]
        motions = [None if shifts is None else motion_at(shifts[gap], t) for t in ways]
        return _in_gap(labels[gap], labels[gap + 1], ways, motions, score(float(widths[gap])))

    gaps = np.unique(before)
    result = np.empty((len(at), *labels.shape[1:]), np.uint8)
    for gap, part in zip(gaps, run(one_gap, [(int(gap),) for gap in gaps]), strict=True):
        result[before == gap] = part
    return result


def _in_gap(a: Labels, b: Labels, ways: list[float], motions: list[Shift | None], score: _Score) -> Labels:
    """Labels at each of the places, [len(ways), H, W]; every label is looked at in its own box."""
    best = np.full((len(ways), *a.shape), -np.inf, np.float32)
    winner = np.zeros((len(ways), *a.shape), np.uint8)
    reach = max((int(np.abs(motion).max()) for motion in motions if motion is not None), default=0)
    ids = np.union1d(a, b)
    for label in ids:
        box = _box_of((a == label) | (b == label), _MARGIN + reach)
        scores = score(a[box] == label, b[box] == label)
        for number, (t, motion) in enumerate(zip(ways, motions, strict=True)):
            from_a, from_b = scores
            if motion is not None:
                inside = np.ascontiguousarray(motion[:, box[0], box[1]])
                from_a, from_b = warped(from_a, np.float32(-t) * inside), warped(from_b, np.float32(1 - t) * inside)
            mixed = np.float32(1 - t) * from_a + np.float32(t) * from_b
            ahead = mixed > best[number][box]
            best[number][box][ahead] = mixed[ahead]
            winner[number][box][ahead] = label
    return winner


def _box_of(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def _votes(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[Picture, Picture]:
    first, second = (
        ndimage.gaussian_filter(mask.astype(np.float32), _VOTE_BLUR, mode="nearest") for mask in (one, other)
    )
    return first, second


def _distances(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[Picture, Picture]:
    """Signed distances in pixels, positive inside.

    A label that one slice lacks shrinks to nothing half way to it, and so does the hole in one that fills it.
    """
    fields = [_signed_distance(mask) if mask.any() and not mask.all() else None for mask in (one, other)]
    known = [field for field in fields if field is not None]
    deepest = max((float(field.max()) for field in known), default=1.0)
    hole = max((-float(field.min()) for field in known), default=1.0)
    flat = [np.full(mask.shape, hole if mask.all() else -deepest, np.float32) for mask in (one, other)]
    first, second = (flat[n] if field is None else field for n, field in enumerate(fields))
    return first, second


def _signed_distance(mask: NDArray[np.bool_]) -> Picture:
    inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
    field: Picture = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)
    return field
