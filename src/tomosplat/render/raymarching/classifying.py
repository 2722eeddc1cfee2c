"""From values and labels to extinction and emission."""

from __future__ import annotations

from typing import Any

from numba import njit

from tomosplat.render.cpu.layout import F32, I32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import load, vector
from tomosplat.render.raymarching.kernels import INLINE, Scan, Tables
from tomosplat.render.raymarching.sampling import Cell, lerp


@njit(**INLINE)
def nothing() -> Any:
    """No emission: a vector of four zeros."""
    return vector((f32(0), f32(0), f32(0), f32(0)))


@njit(**INLINE)
def coordinate(tables: Tables, value: Scalar) -> Scalar:
    """Where a value stands in the tables."""
    last = f32(tables.n_visible.shape[1] - 1)
    return min(max((value - tables.low) * tables.per_unit, f32(0)), last)


@njit(**INLINE)
def visible_between(n_visible: I32, row: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """Whether any value between two coordinates has extinction in a row of ``Tables.n_visible``."""
    last = n_visible.shape[1] - 2
    return n_visible[uint(row), uint(min(int(high), last) + 1)] > n_visible[uint(row), uint(min(int(low), last))]


@njit(**INLINE)
def _entry(table: F32, index: int) -> Any:
    """Four values of a table."""
    return load(table, uint(4 * index), nothing())


@njit(**INLINE)
def _between_entries(tables: Tables, table: F32, row: int, at: Scalar) -> Any:
    n = tables.n_visible.shape[1]
    low = min(int(at), n - 2)
    first = row * n + low
    return lerp(_entry(table, first), _entry(table, first + 1), at - f32(low))


@njit(**INLINE)
def added_by_step(tables: Tables, entry: Scalar, fraction: Scalar) -> Any:
    """Colour times opacity and opacity, a vector, of a whole step through a value between an entry and the next."""
    return lerp(_entry(tables.added, entry), _entry(tables.added, entry + 1), fraction)


@njit(**INLINE)
def _node(tables: Tables, at: Scalar) -> Scalar:
    low = min(int(at), tables.node.shape[0] - 2)
    return lerp(tables.node[uint(low)], tables.node[uint(low + 1)], at - f32(low))


@njit(**INLINE)
def _mean_emission(tables: Tables, row: int, front: Scalar, back: Scalar) -> Any:
    n = tables.n_nodes
    front, back = _node(tables, front), _node(tables, back)
    a, b = min(int(front), n - 2), min(int(back), n - 2)
    first = (row * n + a) * n + b
    fraction = back - f32(b)
    near = lerp(_entry(tables.pairs, first), _entry(tables.pairs, first + 1), fraction)
    far = lerp(_entry(tables.pairs, first + n), _entry(tables.pairs, first + n + 1), fraction)
    return lerp(near, far, front - f32(a))


@njit(**INLINE)
def _look_up(tables: Tables, row: int, front: Scalar, back: Scalar, preintegrated: bool) -> Any:
    if preintegrated:
        return _mean_emission(tables, row, front, back)
    return _between_entries(tables, tables.emission, row, front)


@njit(**INLINE)
def classify(
    scan: Scan, tables: Tables, cell: Cell, row: Scalar, front: Scalar, back: Scalar, preintegrated: bool
) -> Any:
    """σ·rgb and σ, a vector, of a value's coordinate (or of all between two); ``row`` is -1 where labels differ.

    Where organs of several groups meet, each of the eight voxels around the place classifies the value by its own
    group, and the results are blended by the trilinear weights: labels act as soft memberships, without the
    staircase of nearest labels, and the value itself is never mixed up with a class.
    """
    if row >= 0:
        return _look_up(tables, row, front, back, preintegrated)
    _, n_j, n_k = scan.shape
    labels, rows = scan.labels, scan.row_of_label
    a = (cell.i * n_j + cell.j) * n_k + cell.k
    b, c, d = a + n_k, a + n_j * n_k, a + n_j * n_k + n_k
    r0, r1 = rows[uint(labels[uint(a)])], rows[uint(labels[uint(a + 1)])]
    r2, r3 = rows[uint(labels[uint(b)])], rows[uint(labels[uint(b + 1)])]
    r4, r5 = rows[uint(labels[uint(c)])], rows[uint(labels[uint(c + 1)])]
    r6, r7 = rows[uint(labels[uint(d)])], rows[uint(labels[uint(d + 1)])]
    if ((r0 ^ r1) | (r0 ^ r2) | (r0 ^ r3) | (r0 ^ r4) | (r0 ^ r5) | (r0 ^ r6) | (r0 ^ r7)) == 0:
        return _look_up(tables, r0, front, back, preintegrated)
    total = nothing()
    for corner, corner_row in enumerate((r0, r1, r2, r3, r4, r5, r6, r7)):
        if corner_row != 0:
            weight = (cell.fx if corner & 4 else f32(1) - cell.fx) * (cell.fy if corner & 2 else f32(1) - cell.fy)
            weight *= cell.fz if corner & 1 else f32(1) - cell.fz
            total = total + _look_up(tables, corner_row, front, back, preintegrated) * weight
    return total
