"""Numba kernels that write the distance to tubes, sheets and contours into a window's array."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tomosplat.volume.torso.field import Array


@njit(cache=True)
def _index_range(axis: Array, low: float, high: float) -> tuple[int, int]:
    return int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high))


@njit(cache=True, error_model="numpy")
def stamp_tube(distance: Array, x: Array, y: Array, z: Array, points: Array, radii: Array, up: Array) -> None:
    """Lower ``distance`` to that of a tube of elliptic section along a polyline.

    Args:
        distance: [I, J, K], changed in place within 6 mm of the tube.
        x: [I] sample positions in mm; ``y`` [J] and ``z`` [K] likewise.
        y: See ``x``.
        z: See ``x``.
        points: [N, 3] centre line, N ≥ 2.
        radii: [N, 2] half-axes of the section, along ``up`` and across it.
        up: [N, 3] direction of the first half-axis; its part along the centre line is ignored.
    """
    for n in range(len(points) - 1):
        p, q = points[n], points[n + 1]
        ax, ay, az = q[0] - p[0], q[1] - p[1], q[2] - p[2]
        length2 = ax * ax + ay * ay + az * az + 1e-12
        ux, uy, uz = up[n, 0], up[n, 1], up[n, 2]
        along = (ux * ax + uy * ay + uz * az) / length2
        ux, uy, uz = ux - along * ax, uy - along * ay, uz - along * az
        scale = 1.0 / math.sqrt(ux * ux + uy * uy + uz * uz + 1e-12)
        ux, uy, uz = ux * scale, uy * scale, uz * scale
        reach = max(max(radii[n, 0], radii[n, 1]), max(radii[n + 1, 0], radii[n + 1, 1])) + 6.0
        i0, i1 = _index_range(x, min(p[0], q[0]) - reach, max(p[0], q[0]) + reach)
        j0, j1 = _index_range(y, min(p[1], q[1]) - reach, max(p[1], q[1]) + reach)
        k0, k1 = _index_range(z, min(p[2], q[2]) - reach, max(p[2], q[2]) + reach)
        for i in range(i0, i1):
            for j in range(j0, j1):
                for k in range(k0, k1):
                    rx, ry, rz = x[i] - p[0], y[j] - p[1], z[k] - p[2]
                    t = min(max((rx * ax + ry * ay + rz * az) / length2, 0.0), 1.0)
                    rx, ry, rz = rx - t * ax, ry - t * ay, rz - t * az
                    a = radii[n, 0] + t * (radii[n + 1, 0] - radii[n, 0])
                    b = radii[n, 1] + t * (radii[n + 1, 1] - radii[n, 1])
                    high = rx * ux + ry * uy + rz * uz
                    wide2 = max(rx * rx + ry * ry + rz * rz - high * high, 0.0)
                    norm = math.sqrt((high / a) ** 2 + wide2 / (b * b))
                    slope = math.sqrt((high / (a * a)) ** 2 + wide2 / (b * b * b * b))
                    d = norm * (norm - 1.0) / slope if norm > 1e-3 else -min(a, b)
                    distance[i, j, k] = min(distance[i, j, k], d)


@njit(cache=True, error_model="numpy")
def stamp_balls(distance: Array, x: Array, y: Array, z: Array, centers: Array, radii: Array) -> None:
    """Lower ``distance`` [I, J, K] to that of the union of balls ``centers`` [N, 3], ``radii`` [N]; reaches 3 mm."""
    for n in range(len(centers)):
        c, reach = centers[n], radii[n] + 3.0
        i0, i1 = _index_range(x, c[0] - reach, c[0] + reach)
        j0, j1 = _index_range(y, c[1] - reach, c[1] + reach)
        k0, k1 = _index_range(z, c[2] - reach, c[2] + reach)
        for i in range(i0, i1):
            for j in range(j0, j1):
                for k in range(k0, k1):
                    d = math.sqrt((x[i] - c[0]) ** 2 + (y[j] - c[1]) ** 2 + (z[k] - c[2]) ** 2) - radii[n]
                    distance[i, j, k] = min(distance[i, j, k], d)


@njit(cache=True, parallel=True, error_model="numpy")
def contour_distance(x: Array, y: Array, middle: Array, radius: Array) -> Array:
    """Distance to a stack of star-shaped contours, one per z.

    Args:
        x: [I] sample positions in mm.
        y: [J] sample positions in mm.
        middle: [K] y of each contour's centre (x = 0).
        radius: [K, A] radius at angles 0..π from the back (−y) over either side to the front; the sides mirror.

    Returns:
        [I, J, K] radial distance, shortened where the contour is not square to the ray.
    """
    last = radius.shape[1] - 1
    out = np.empty((len(x), len(y), len(middle)), np.float32)
    for i in prange(len(x)):
        for j in range(len(y)):
            for k in range(len(middle)):
                dy = y[j] - middle[k]
                rho = math.sqrt(x[i] * x[i] + dy * dy)
                angle = math.atan2(abs(x[i]), -dy) * (last / math.pi)
                a = min(int(angle), last - 1)
                turn = radius[k, a + 1] - radius[k, a]
                r = radius[k, a] + (angle - a) * turn
                per_radian = turn * (last / math.pi)
                out[i, j, k] = (rho - r) * r / math.sqrt(r * r + per_radian * per_radian)
    return out
