"""Transmittance towards a light in every cell of a lattice, swept from the light's side in one pass."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

#: Cells between a point and the start of its rays: what it stands in must not shadow it.
_GAP = 0.5
#: Towards a light beside the lattice rays run almost within a slice; less far than this, in cells, counts as this.
_MIN_ALONG = 0.25


def transmittances(coverage: Float32Array, sources: Float32Array, points: Float32Array) -> Float32Array:
    """Part of the light of each source that reaches each point, [S, N].

    One pass along the lattice's axis that points most towards the source: each cell takes what leaves the slice
    before it, interpolated where the ray through its centre comes from (short characteristics; Kunasz and Auer
    1988). Interpolation blurs shadows as they grow longer.

    Args:
        coverage: [I, J, K], part of each cell's face that is covered, below 1.
        sources: [S, 4], homogeneous positions in cells: (x, y, z, 1) at a place, (x, y, z, 0) far away.
        points: [N, 3] in cells, at least 0.5 and one cell more to spare on all sides.
    """
    depth: Float32Array = -np.log1p(-coverage)
    result = np.empty((len(sources), len(points)), np.float32)
    _transmittances(depth.ravel(), np.array(depth.shape, np.int32), sources, points, result)
    return result


@njit(cache=True, parallel=True, error_model="numpy")
def _transmittances(depth, shape, sources, points, result):  # type: ignore[no-untyped-def]
    for s in prange(len(sources)):
        passed = np.empty_like(depth)
        _sweep(depth, shape, sources[s], passed)
        _gather(passed, shape, sources[s], points, result[s])


@njit(cache=True, fastmath=True, error_model="numpy")
def _sweep(depth, shape, source, passed):  # type: ignore[no-untyped-def]
    """Fill ``passed`` with the transmittance from the cells' centres to the source."""
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    w = source[3]
    from_middle = source[:3] - w * np.float32(0.5) * (shape - 1)
    a = np.argmax(np.abs(from_middle))
    b, c = (1 if a == 0 else 0), (1 if a == 2 else 2)
    n_a, n_b, n_c = shape[a], shape[b], shape[c]
    upwards = from_middle[a] > 0
    arrived = np.ones((n_b, n_c), np.float32)
    left = np.ones((n_b, n_c), np.float32)
    for step in range(n_a):
        i = n_a - 1 - step if upwards else step
        per_slice = np.float32(1) / max(abs(source[a] - w * i), np.float32(_MIN_ALONG))
        for j in range(n_b):
            shift_b = (source[b] - w * j) * per_slice
            for k in range(n_c):
                shift_c = (source[c] - w * k) * per_slice
                light = _tap(arrived, j + shift_b, k + shift_c)
                cell = i * strides[a] + j * strides[b] + k * strides[c]
                if depth[cell] > 0:
                    length = math.sqrt(np.float32(1) + shift_b * shift_b + shift_c * shift_c)
                    half = np.float32(math.exp(np.float32(-0.5) * length * depth[cell]))
                else:
                    half = np.float32(1)
                passed[cell] = light * half
                left[j, k] = light * half * half
        arrived, left = left, arrived


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _tap(plane, y, z):  # type: ignore[no-untyped-def]
    """Bilinear value; beyond the edges everything passes."""
    j, k = math.floor(y), math.floor(z)
    fy, fz = y - np.float32(j), z - np.float32(k)
    n_j, n_k = plane.shape
    if j >= 0 and k >= 0 and j < n_j - 1 and k < n_k - 1:
        near = plane[j, k] + fz * (plane[j, k + 1] - plane[j, k])
        far = plane[j + 1, k] + fz * (plane[j + 1, k + 1] - plane[j + 1, k])
        return near + fy * (far - near)
    total = np.float32(0)
    for dj in range(2):
        for dk in range(2):
            inside = j + dj >= 0 and j + dj < n_j and k + dk >= 0 and k + dk < n_k
            value = plane[j + dj, k + dk] if inside else np.float32(1)
            total += value * (fy if dj else np.float32(1) - fy) * (fz if dk else np.float32(1) - fz)
    return total


@njit(cache=True, fastmath=True, error_model="numpy")
def _gather(passed, shape, source, points, result):  # type: ignore[no-untyped-def]
    """Trilinear values a gap away from the points, on the way to the source."""
    n_k = shape[2]
    n_jk = shape[1] * n_k
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        u, v, w = source[0] - source[3] * x, source[1] - source[3] * y, source[2] - source[3] * z
        gap = np.float32(_GAP) / math.sqrt(u * u + v * v + w * w)
        x += gap * u
        y += gap * v
        z += gap * w
        i, j, k = int(x), int(y), int(z)
        fx, fy, fz = x - np.float32(i), y - np.float32(j), z - np.float32(k)
        cell = i * n_jk + j * n_k + k
        p = passed[cell] + fz * (passed[cell + 1] - passed[cell])
        cell += n_k
        q = passed[cell] + fz * (passed[cell + 1] - passed[cell])
        near = p + fy * (q - p)
        cell += n_jk
        q = passed[cell] + fz * (passed[cell + 1] - passed[cell])
        cell -= n_k
        p = passed[cell] + fz * (passed[cell + 1] - passed[cell])
        result[n] = near + fx * (p + fy * (q - p) - near)
