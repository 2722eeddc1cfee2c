"""Curves and curved sheets through control points, and the shapes that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from tomosplat.volume.torso import kernels
from tomosplat.volume.torso.field import Lattice, Window
from tomosplat.volume.torso.kernels import Array

Points = NDArray[np.float64]

#: One value for all control points, one for each, or one pair for each.
PerPoint: TypeAlias = "float | Sequence[float] | Sequence[Sequence[float]] | Points"


@dataclass(frozen=True)
class Tube:
    """A tube of elliptic section.

    Attributes:
        points: [N, 3] centre line in mm.
        radii: [N, 2] half-axes along ``up`` and across it, in mm.
        up: [N, 3] direction of the first half-axis.
    """

    points: Points
    radii: Points
    up: Points

    def window(self, lattice: Lattice, reach: float = 3.0) -> Window:
        """Return the samples within ``reach`` mm of the tube's bounding box."""
        margin = self.radii.max() + reach
        return lattice.window(self.points.min(axis=0) - margin, self.points.max(axis=0) + margin)

    def distance(self, window: Window) -> Array:
        """Distance to the tube, right within 3 mm of it."""
        out = window.far()
        self.stamp(window, out)
        return out

    def stamp(self, window: Window, distance: Array, reach: float = 3.0) -> None:
        """Unite the tube with a shape, in place, right within ``reach`` mm."""
        ends = np.stack([self.points[:-1], self.points[1:]], axis=1)
        stamp_pieces(window, distance, ends, np.stack([self.radii[:-1], self.radii[1:]], axis=1), self.up[:-1], reach)

    def mirrored(self) -> Tube:
        """Return the tube of the other side of the body."""
        flip = np.array([-1.0, 1.0, 1.0])
        return Tube(self.points * flip, self.radii, self.up * flip)


def shift(point: Points, right: float, front: float, up: float) -> Points:
    """Return the point so many mm further to the right, the front and the head."""
    return np.asarray(point + np.array([right, front, up]))


def curve(points: Sequence[ArrayLike] | Points, step: float = 3.0) -> Points:
    """Cubic spline through control points [M, 3], sampled about every ``step`` mm."""
    control = np.asarray(points, np.float64)
    arc = _arc(control)
    count = max(2, round(arc[-1] / step) + 1)
    return np.asarray(CubicSpline(arc, control, bc_type="natural")(np.linspace(0, arc[-1], count)))


def tube(points: Sequence[ArrayLike] | Points, radii: PerPoint, up: ArrayLike = (0, 0, 1)) -> Tube:
    """Tube through control points [M, 3].

    ``radii`` is one radius, one per control point [M], or two half-axes per control point [M, 2], interpolated
    without overshoot; ``up`` is one direction or one per control point.
    """
    control = np.asarray(points, np.float64)
    arc = _arc(control)
    r = np.asarray(radii, np.float64)
    r = np.broadcast_to(r, len(control)) if r.ndim < 2 else r
    r = np.stack([r, r], axis=1) if r.ndim == 1 else r
    # A thick tube needs few pieces: what counts is how far it bends within its own radius.
    line = curve(control, max(3.0, 0.4 * float(r.min())))
    at = np.linspace(0, arc[-1], len(line))
    directions = np.broadcast_to(np.asarray(up, np.float64), control.shape)
    return Tube(line, PchipInterpolator(arc, r)(at), PchipInterpolator(arc, directions)(at))


@dataclass(frozen=True)
class Sheet:
    """A curved plate: balls [N, 3] of radius [N] set so densely that they merge."""

    centers: Points
    radii: Points

    def window(self, lattice: Lattice, reach: float = 3.0) -> Window:
        """Return the samples within ``reach`` mm of the sheet's bounding box."""
        margin = self.radii.max() + reach
        return lattice.window(self.centers.min(axis=0) - margin, self.centers.max(axis=0) + margin)

    def stamp(self, window: Window, distance: Array, reach: float = 3.0) -> None:
        """Unite the sheet with a shape, in place, right within ``reach`` mm."""
        centers, radii = (np.ascontiguousarray(a, np.float32) for a in (self.centers, self.radii))
        kernels.stamp_balls(distance, *window.axes, centers, radii, reach)

    def mirrored(self) -> Sheet:
        """Return the sheet of the other side of the body."""
        return Sheet(self.centers * np.array([-1.0, 1.0, 1.0]), self.radii)


def sheet(rows: Sequence[ArrayLike], thickness: Sequence[ArrayLike], step: float = 1.2) -> Sheet:
    """Sheet through a grid of control points: rows of [C, 3] points with the half-thickness [C] at each."""
    control = np.asarray(rows, np.float64)
    half = np.asarray(thickness, np.float64)
    packed = np.concatenate([control, half[..., None]], axis=-1)
    down = _arc(control.mean(axis=1))
    across = _arc(control.mean(axis=0))
    n_down, n_across = (max(2, int(np.ceil(1.3 * arc[-1] / step)) + 1) for arc in (down, across))
    packed = CubicSpline(down, packed, axis=0, bc_type="natural")(np.linspace(0, down[-1], n_down))
    packed = CubicSpline(across, packed, axis=1, bc_type="natural")(np.linspace(0, across[-1], n_across))
    flat = packed.reshape(-1, 4)
    return Sheet(flat[:, :3], np.clip(flat[:, 3], half.min(), half.max()))


def union(parts: Sequence[Tube | Sheet], lattice: Lattice, reach: float = 3.0) -> tuple[Window, Array]:
    """Distance to the union of parts, right within ``reach`` mm, in the window that holds them all."""
    clouds = [part.points if isinstance(part, Tube) else part.centers for part in parts]
    margin = max(float(part.radii.max()) for part in parts) + reach
    everything = np.concatenate(clouds)
    window = lattice.window(everything.min(axis=0) - margin, everything.max(axis=0) + margin)
    distance = window.far()
    for part in parts:
        part.stamp(window, distance, reach)
    return window, distance


def stamp_pieces(window: Window, distance: Array, ends: Points, radii: Points, up: Points, reach: float = 2.0) -> None:
    """Unite straight pieces with a shape, in place: ``ends`` [N, 2, 3], ``radii`` [N, 2, 2], ``up`` [N, 3]."""
    points, half_axes, upwards = (np.ascontiguousarray(a, np.float32) for a in (ends, radii, up))
    kernels.stamp_tube(distance, *window.axes, points, half_axes, upwards, reach)


def _arc(points: Points) -> Points:
    """Chord length from the first point to each, [M]."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
