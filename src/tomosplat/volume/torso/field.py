"""Implicit shapes on a lattice: where the samples are, and how distances combine.

A distance is signed, in mm, negative inside. It is exact near the surface and only ordered far from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.volume.torso import kernels
from tomosplat.volume.torso.kernels import Array

Box = tuple[slice, slice, slice]

#: Distance given to samples that are too far from a shape to matter.
FAR = np.float32(1e3)

_SMOOTH_MM = 3.0


@dataclass(frozen=True)
class Window:
    """A box of lattice samples; ``x`` [I, 1, 1], ``y`` [1, J, 1] and ``z`` [1, 1, K] are in mm."""

    box: Box
    x: Array
    y: Array
    z: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of samples along x, y and z."""
        return self.x.shape[0], self.y.shape[1], self.z.shape[2]

    @property
    def axes(self) -> tuple[Array, Array, Array]:
        """Sample positions along x, y and z, each one-dimensional."""
        return self.x.ravel(), self.y.ravel(), self.z.ravel()

    def far(self) -> Array:
        """A distance of a shape that is not there."""
        return np.full(self.shape, FAR, dtype=np.float32)


@dataclass(frozen=True)
class Lattice:
    """Sample positions in the torso's own millimetres: three increasing axes."""

    x: Array
    y: Array
    z: Array

    def window(self, low: ArrayLike, high: ArrayLike) -> Window:
        """Return the samples between two corners; none where the box misses the lattice."""
        axes = (self.x, self.y, self.z)
        bounds = zip(axes, np.asarray(low, np.float64), np.asarray(high, np.float64), strict=True)
        i, j, k = (slice(*np.searchsorted(axis, (a, b)).tolist()) for axis, a, b in bounds)
        return Window((i, j, k), self.x[i, None, None], self.y[None, j, None], self.z[None, None, k])

    def whole(self) -> Window:
        """Return all samples."""
        return self.window((-np.inf,) * 3, (np.inf,) * 3)


def sample_smooth(shape: Callable[[Lattice], Array], lattice: Lattice) -> Array:
    """Distance over a whole lattice to a shape without fine detail: where the lattice is fine, by interpolation.

    A trilinear patch of 3 mm leaves a sphere of 50 mm radius by less than 0.05 mm.
    """
    axes = (lattice.x, lattice.y, lattice.z)
    if min(len(axis) for axis in axes) < 2 or axes[0][1] - axes[0][0] > _SMOOTH_MM * 0.8:
        return shape(lattice)
    # Whole steps from zero, so that the patches do not move with the edge of the scan.
    first = [np.floor(axis[0] / _SMOOTH_MM) for axis in axes]
    counts = [int(axis[-1] / _SMOOTH_MM - start) + 2 for axis, start in zip(axes, first, strict=True)]
    coarse = [((np.arange(n) + start) * _SMOOTH_MM).astype(np.float32) for n, start in zip(counts, first, strict=True)]
    x, y, z = ((axis / _SMOOTH_MM - start).astype(np.float32) for axis, start in zip(axes, first, strict=True))
    return kernels.interpolate(shape(Lattice(*coarse)), x, y, z, False)


def smooth_union(a: Array, b: Array, width: float) -> Array:
    """Union of two shapes with a fillet of ``width`` mm (quadratic polynomial minimum, after Quilez)."""
    return kernels.blend(*_same_shape(a, b), width, 1.0)


def smooth_intersection(a: Array, b: Array, width: float) -> Array:
    """Intersection of two shapes with an edge rounded over ``width`` mm."""
    return kernels.blend(*_same_shape(a, b), width, -1.0)


def _same_shape(a: Array, b: Array) -> tuple[Array, Array]:
    first, second = np.broadcast_arrays(a, b)
    return np.ascontiguousarray(first, np.float32), np.ascontiguousarray(second, np.float32)


def ellipsoid(window: Window, center: ArrayLike, radii: ArrayLike, axes: ArrayLike | None = None) -> Array:
    """Approximate distance to an ellipsoid; the rows of ``axes`` [3, 3] are its unit axes in the torso's frame."""
    rows = np.eye(3) if axes is None else axes
    shape = (np.ascontiguousarray(part, np.float32) for part in (center, radii, rows))
    return kernels.ellipsoid_distance(*window.axes, *shape)


def frame(direction: ArrayLike, up: ArrayLike = (0, 0, 1)) -> NDArray[np.float64]:
    """Rows of an orthonormal frame: ``direction``, then across, then the part of ``up`` square to it."""
    a = np.asarray(direction, np.float64)
    a = a / np.linalg.norm(a)
    b = np.cross(np.asarray(up, np.float64), a)
    b /= np.linalg.norm(b)
    return np.stack([a, b, np.cross(a, b)])
