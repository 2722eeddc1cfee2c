"""Values, gradients and classes between voxels, on flat arrays; positions are in index units, voxel centres whole.

Beyond the outermost centres the outermost voxels go on.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.cpu.layout import F32, I32, I64, U8, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import INLINE, Scan, Tables


@njit(**INLINE)
def lerp(a: Scalar, b: Scalar, fraction: Scalar) -> Scalar:
    """Linear interpolation."""
    return a + fraction * (b - a)


@njit(**INLINE)
def cell(x: Scalar, n: int) -> Any:
    """The two centres around x on an axis of n voxels, and how far x is between them."""
    inside = min(max(x, f32(0)), f32(n - 1))
    low = int(inside)
    return low, min(low + 1, n - 1), inside - f32(low)


@njit(**INLINE)
def _along(values: F32, row: int, k: int, k1: int, fz: Scalar) -> Scalar:
    return lerp(values[uint(row + k)], values[uint(row + k1)], fz)


@njit(**INLINE)
def value_at(scan: Scan, x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """Trilinear value."""
    n_i, n_j, n_k = scan.shape
    i, i1, fx = cell(x, n_i)
    j, j1, fy = cell(y, n_j)
    k, k1, fz = cell(z, n_k)
    near = lerp(
        _along(scan.values, (i * n_j + j) * n_k, k, k1, fz), _along(scan.values, (i * n_j + j1) * n_k, k, k1, fz), fy
    )
    far = lerp(
        _along(scan.values, (i1 * n_j + j) * n_k, k, k1, fz), _along(scan.values, (i1 * n_j + j1) * n_k, k, k1, fz), fy
    )
    return lerp(near, far, fx)


@njit(**INLINE)
def _slope(values: F32, row: int, ks: Any, fz: Scalar) -> Scalar:
    """Twice the central difference along k."""
    before, k, k1, after = ks
    row_after, row_before = values[uint(row + k1)] - values[uint(row + before)], values[uint(row + after)]
    return lerp(row_after, row_before - values[uint(row + k)], fz)


@njit(**INLINE)
def gradient_at(scan: Scan, x: Scalar, y: Scalar, z: Scalar) -> Any:
    """Trilinear interpolation of the voxels' central differences, per index unit."""
    values = scan.values
    n_i, n_j, n_k = scan.shape
    i, i1, fx = cell(x, n_i)
    j, j1, fy = cell(y, n_j)
    k, k1, fz = cell(z, n_k)
    # Rows of the voxels before, around (two) and after the position.
    a, b = i * n_j * n_k, i1 * n_j * n_k
    before_i, after_i = max(i - 1, 0) * n_j * n_k, min(i1 + 1, n_i - 1) * n_j * n_k
    c, d = j * n_k, j1 * n_k
    before_j, after_j = max(j - 1, 0) * n_k, min(j1 + 1, n_j - 1) * n_k
    ac, ad = _along(values, a + c, k, k1, fz), _along(values, a + d, k, k1, fz)
    bc, bd = _along(values, b + c, k, k1, fz), _along(values, b + d, k, k1, fz)
    first = lerp(_along(values, before_i + c, k, k1, fz), _along(values, before_i + d, k, k1, fz), fy)
    last = lerp(_along(values, after_i + c, k, k1, fz), _along(values, after_i + d, k, k1, fz), fy)
    gx = lerp(lerp(bc, bd, fy) - first, last - lerp(ac, ad, fy), fx)
    first = lerp(_along(values, a + before_j, k, k1, fz), _along(values, b + before_j, k, k1, fz), fx)
    last = lerp(_along(values, a + after_j, k, k1, fz), _along(values, b + after_j, k, k1, fz), fx)
    gy = lerp(lerp(ad, bd, fx) - first, last - lerp(ac, bc, fx), fy)
    ks = (max(k - 1, 0), k, k1, min(k1 + 1, n_k - 1))
    near = lerp(_slope(values, a + c, ks, fz), _slope(values, a + d, ks, fz), fy)
    far = lerp(_slope(values, b + c, ks, fz), _slope(values, b + d, ks, fz), fy)
    return f32(0.5) * gx, f32(0.5) * gy, f32(0.5) * lerp(near, far, fx)


@njit(**INLINE)
def coordinate(tables: Tables, value: Scalar) -> Scalar:
    """Where a value stands in the tables."""
    last = f32(tables.emission.shape[1] - 1)
    return min(max((value - tables.low) * tables.per_unit, f32(0)), last)


@njit(**INLINE)
def visible_between(n_visible: I32, low: Scalar, high: Scalar) -> Scalar:
    """Whether any value between two coordinates has extinction, by one row of ``Tables.n_visible``."""
    last = n_visible.shape[0] - 2
    return n_visible[min(int(high), last) + 1] > n_visible[min(int(low), last)]


@njit(**INLINE)
def _emission(tables: Tables, row: int, at: Scalar) -> Any:
    n = tables.emission.shape[1]
    low = min(int(at), n - 2)
    f = at - f32(low)
    t, r, b = tables.emission, uint(row), uint(low)
    c = uint(low + 1)
    return (
        lerp(t[r, b, uint(0)], t[r, c, uint(0)], f),
        lerp(t[r, b, uint(1)], t[r, c, uint(1)], f),
        lerp(t[r, b, uint(2)], t[r, c, uint(2)], f),
        lerp(t[r, b, uint(3)], t[r, c, uint(3)], f),
    )


@njit(**INLINE)
def _node(tables: Tables, at: Scalar) -> Scalar:
    low = min(int(at), tables.node.shape[0] - 2)
    return lerp(tables.node[uint(low)], tables.node[uint(low + 1)], at - f32(low))


@njit(**INLINE)
def _mean_emission(tables: Tables, row: int, front: Scalar, back: Scalar) -> Any:
    m = tables.pairs.shape[1]
    front, back = _node(tables, front), _node(tables, back)
    a, b = min(int(front), m - 2), min(int(back), m - 2)
    fa, fb = front - f32(a), back - f32(b)
    t, r = tables.pairs, uint(row)
    a0, a1, b0, b1 = uint(a), uint(a + 1), uint(b), uint(b + 1)
    w00, w01 = (f32(1) - fa) * (f32(1) - fb), (f32(1) - fa) * fb
    w10, w11 = fa * (f32(1) - fb), fa * fb
    c0, c1, c2, c3 = uint(0), uint(1), uint(2), uint(3)
    return (
        w00 * t[r, a0, b0, c0] + w01 * t[r, a0, b1, c0] + w10 * t[r, a1, b0, c0] + w11 * t[r, a1, b1, c0],
        w00 * t[r, a0, b0, c1] + w01 * t[r, a0, b1, c1] + w10 * t[r, a1, b0, c1] + w11 * t[r, a1, b1, c1],
        w00 * t[r, a0, b0, c2] + w01 * t[r, a0, b1, c2] + w10 * t[r, a1, b0, c2] + w11 * t[r, a1, b1, c2],
        w00 * t[r, a0, b0, c3] + w01 * t[r, a0, b1, c3] + w10 * t[r, a1, b0, c3] + w11 * t[r, a1, b1, c3],
    )


@njit(**INLINE)
def _look_up(tables: Tables, row: int, front: Scalar, back: Scalar, preintegrated: bool) -> Any:
    if preintegrated:
        return _mean_emission(tables, row, front, back)
    return _emission(tables, row, front)


@njit(**INLINE)
def _row(rows: I64, labels: U8, at: int) -> Scalar:
    return rows[uint(labels[uint(at)])]


@njit(**INLINE)
def classify(
    scan: Scan, tables: Tables, x: Scalar, y: Scalar, z: Scalar, front: Scalar, back: Scalar, preintegrated: bool
) -> Any:
    """σ·rgb and σ of a value's coordinate (or of all between two) at a place.

    Where organs of several groups meet, each of the eight voxels around the place classifies the value by its own
    group, and the results are blended by the trilinear weights: labels act as soft memberships, without the
    staircase of nearest labels, and the value itself is never mixed up with a class.
    """
    n_i, n_j, n_k = scan.shape
    i, i1, fx = cell(x, n_i)
    j, j1, fy = cell(y, n_j)
    k, k1, fz = cell(z, n_k)
    labels, rows = scan.labels, scan.row_of_label
    a, b = (i * n_j + j) * n_k, (i * n_j + j1) * n_k
    c, d = (i1 * n_j + j) * n_k, (i1 * n_j + j1) * n_k
    r0, r1 = _row(rows, labels, a + k), _row(rows, labels, a + k1)
    r2, r3 = _row(rows, labels, b + k), _row(rows, labels, b + k1)
    r4, r5 = _row(rows, labels, c + k), _row(rows, labels, c + k1)
    r6, r7 = _row(rows, labels, d + k), _row(rows, labels, d + k1)
    if r0 == r1 and r0 == r2 and r0 == r3 and r0 == r4 and r0 == r5 and r0 == r6 and r0 == r7:
        if r0 == 0:
            return f32(0), f32(0), f32(0), f32(0)
        return _look_up(tables, r0, front, back, preintegrated)
    red, green, blue, sigma = f32(0), f32(0), f32(0), f32(0)
    for corner, row in enumerate((r0, r1, r2, r3, r4, r5, r6, r7)):
        if row != 0:
            weight = (fx if corner & 4 else f32(1) - fx) * (fy if corner & 2 else f32(1) - fy)
            weight *= fz if corner & 1 else f32(1) - fz
            p, q, s, t = _look_up(tables, row, front, back, preintegrated)
            red += weight * p
            green += weight * q
            blue += weight * s
            sigma += weight * t
    return red, green, blue, sigma
