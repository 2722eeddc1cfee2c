"""Numba kernels that write distances into a window's array.

They run on one core: the calls are many and short, and threads would wait for each other longer than they work.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]


@njit(cache=True, error_model="numpy")
def _stamp_piece(
    plane: Array, x: float, y: Array, z: Array, ends: Array, radii: Array, basis: Array, box: NDArray[np.int64]
) -> None:
    """Lower one plane [J, K] of constant x; ``basis`` holds the axis over its squared length, ``up`` and the axis."""
    px, py, pz = ends[0]
    ax, ay, az = basis[2]
    sx, sy, sz = basis[0]
    ux, uy, uz = basis[1]
    high_start, wide_start = radii[0]
    high_growth, wide_growth = radii[1, 0] - high_start, radii[1, 1] - wide_start
    for j in range(box[1, 0], box[1, 1]):
        for k in range(box[2, 0], box[2, 1]):
            rx, ry, rz = x - px, y[j] - py, z[k] - pz
            t = min(max(rx * sx + ry * sy + rz * sz, np.float32(0)), np.float32(1))
            rx, ry, rz = rx - t * ax, ry - t * ay, rz - t * az
            tall, wide = high_start + t * high_growth, wide_start + t * wide_growth
            high = rx * ux + ry * uy + rz * uz
            wide2 = max(rx * rx + ry * ry + rz * rz - high * high, np.float32(0)) / (wide * wide)
            high2 = high * high / (tall * tall)
            norm = math.sqrt(high2 + wide2)
            slope = math.sqrt(high2 / (tall * tall) + wide2 / (wide * wide))
            d = norm * (norm - np.float32(1)) / slope if norm > np.float32(1e-3) else -min(tall, wide)
            plane[j, k] = min(plane[j, k], d)


@njit(cache=True, error_model="numpy")
def stamp_tube(
    distance: Array, x: Array, y: Array, z: Array, points: Array, radii: Array, up: Array, reach: float
) -> None:
    """Lower ``distance`` to that of a tube of elliptic section along a polyline.

    Args:
        distance: [I, J, K], changed in place within ``reach`` mm of the tube.
        x: [I] increasing sample positions in mm.
        y: [J], likewise.
        z: [K], likewise.
        points: [N, 2, 3] both ends of each piece of the centre line.
        radii: [N, 2, 2] half-axes of the section at both ends, along ``up`` and across it.
        up: [N, 3] direction of the first half-axis; its part along the centre line is ignored.
        reach: How far outside the tube the distance is needed, mm.
    """
    count = len(points)
    box = np.empty((count, 3, 2), np.int64)
    basis = np.empty((count, 3, 3), np.float32)
    for n in range(count):
        p, q = points[n, 0], points[n, 1]
        margin = radii[n].max() + reach
        for c, axis in enumerate((x, y, z)):
            box[n, c, 0] = np.searchsorted(axis, min(p[c], q[c]) - margin)
            box[n, c, 1] = np.searchsorted(axis, max(p[c], q[c]) + margin)
        length2 = 1e-9
        along = 0.0
        for c in range(3):
            basis[n, 0, c] = q[c] - p[c]
            length2 += basis[n, 0, c] ** 2
            along += basis[n, 0, c] * up[n, c]
        square = 1e-12
        for c in range(3):
            basis[n, 1, c] = up[n, c] - along / length2 * basis[n, 0, c]
            square += basis[n, 1, c] ** 2
        for c in range(3):
            basis[n, 1, c] /= math.sqrt(square)
            basis[n, 0, c] /= length2
            basis[n, 2, c] = q[c] - p[c]
    for i in range(len(x)):
        for n in range(count):
            if box[n, 0, 0] <= i < box[n, 0, 1]:
                _stamp_piece(distance[i], x[i], y, z, points[n], radii[n], basis[n], box[n])


@njit(cache=True, error_model="numpy")
def stamp_balls(distance: Array, x: Array, y: Array, z: Array, centers: Array, radii: Array, reach: float) -> None:
    """Lower ``distance`` [I, J, K] to that of the union of balls ``centers`` [N, 3], ``radii`` [N] mm."""
    for i in range(len(x)):
        for n in range(len(centers)):
            margin = radii[n] + reach
            dx = x[i] - centers[n, 0]
            if abs(dx) > margin:
                continue
            j0, j1 = np.searchsorted(y, centers[n, 1] - margin), np.searchsorted(y, centers[n, 1] + margin)
            k0, k1 = np.searchsorted(z, centers[n, 2] - margin), np.searchsorted(z, centers[n, 2] + margin)
            for j in range(j0, j1):
                for k in range(k0, k1):
                    dy, dz = y[j] - centers[n, 1], z[k] - centers[n, 2]
                    d = math.sqrt(dx * dx + dy * dy + dz * dz) - radii[n]
                    distance[i, j, k] = min(distance[i, j, k], d)


@njit(cache=True, error_model="numpy")
def ellipsoid_distance(x: Array, y: Array, z: Array, center: Array, radii: Array, axes: Array) -> Array:
    """First-order distance [I, J, K] to the ellipsoid of half-axes ``radii`` [3] along the rows of ``axes`` [3, 3]."""
    out = np.empty((len(x), len(y), len(z)), np.float32)
    smallest = radii.min()
    for i in range(len(x)):
        for j in range(len(y)):
            for k in range(len(z)):
                dx, dy, dz = x[i] - center[0], y[j] - center[1], z[k] - center[2]
                value, slope = 0.0, 0.0
                for c in range(3):
                    along = (axes[c, 0] * dx + axes[c, 1] * dy + axes[c, 2] * dz) / radii[c]
                    value += along * along
                    slope += (along / radii[c]) ** 2
                norm = math.sqrt(value)
                out[i, j, k] = norm * (norm - 1.0) / math.sqrt(slope) if norm > 1e-3 else -smallest
    return out


@njit(cache=True)
def blend(a: Array, b: Array, width: float, sign: float) -> Array:
    """Smooth minimum (``sign`` 1) or maximum (−1) of two arrays [I, J, K]."""
    out = np.empty(a.shape, np.float32)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[2]):
                p, q = sign * a[i, j, k], sign * b[i, j, k]
                near = max(width - abs(p - q), 0.0)
                out[i, j, k] = sign * (min(p, q) - near * near / (4.0 * width))
    return out


@njit(cache=True, error_model="numpy")
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
    for i in range(len(x)):
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


@njit(cache=True)
def _weight(t: np.float32, smooth: bool) -> np.float32:
    return t * t * (np.float32(3) - np.float32(2) * t) if smooth else t


@njit(cache=True)
def _mix(a: np.float32, b: np.float32, share: np.float32) -> np.float32:
    return a + share * (b - a)


@njit(cache=True)
def interpolate(bumps: Array, x: Array, y: Array, z: Array, smooth: bool) -> Array:
    """Sample a coarse lattice at indices ``x`` [I], ``y`` [J], ``z`` [K], [I, J, K]: trilinear, or with smoothsteps."""
    out = np.empty((len(x), len(y), len(z)), np.float32)
    column = np.empty(bumps.shape[2], np.float32)
    for i in range(len(x)):
        a = int(x[i])
        u = _weight(x[i] - np.float32(a), smooth)
        for j in range(len(y)):
            b = int(y[j])
            v = _weight(y[j] - np.float32(b), smooth)
            for c in range(len(column)):
                back = _mix(bumps[a, b, c], bumps[a + 1, b, c], u)
                column[c] = _mix(back, _mix(bumps[a, b + 1, c], bumps[a + 1, b + 1, c], u), v)
            for k in range(len(z)):
                c = int(z[k])
                out[i, j, k] = _mix(column[c], column[c + 1], _weight(z[k] - np.float32(c), smooth))
    return out


@njit(cache=True)
def fill(
    hu: Array,
    labels: NDArray[np.uint8],
    corner: NDArray[np.int64],
    distance: Array,
    values: Array,
    where: NDArray[np.bool_],
    label: np.uint8,
    voxel_mm: float,
) -> None:
    """Paint the inside of a shape.

    Args:
        hu: The whole lattice, changed in place by the share of each voxel that lies inside.
        labels: The whole lattice, changed in place where ``distance`` [I, J, K] is negative.
        corner: [3] index of the window's first sample in the lattice.
        distance: [I, J, K] of the window.
        values: HU, of the window's shape or 1 along some axes.
        where: Samples that may be painted, of the window's shape or 1 along some axes.
        label: Id to write.
        voxel_mm: Edge of a voxel.
    """
    half = np.float32(voxel_mm / 2)
    per_voxel = np.float32(1 / voxel_mm)
    vi, vj, vk = values.shape[0] > 1, values.shape[1] > 1, values.shape[2] > 1
    wi, wj, wk = where.shape[0] > 1, where.shape[1] > 1, where.shape[2] > 1
    for i in range(distance.shape[0]):
        for j in range(distance.shape[1]):
            for k in range(distance.shape[2]):
                d = distance[i, j, k]
                if d >= half or not where[i * wi, j * wj, k * wk]:
                    continue
                a, b, c = corner[0] + i, corner[1] + j, corner[2] + k
                share = min(np.float32(0.5) - d * per_voxel, np.float32(1))
                hu[a, b, c] += share * (values[i * vi, j * vj, k * vk] - hu[a, b, c])
                if d < 0:
                    labels[a, b, c] = label
