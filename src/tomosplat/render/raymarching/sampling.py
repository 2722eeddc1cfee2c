"""Values and gradients between voxels, on a flat array; positions are in index units, voxel centres whole.

Beyond the outermost centres the outermost voxels go on. Two neighbours along k are read as one SIMD vector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import njit
from numba.core import types

from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.cpu.vectors import intrinsic, load, vector
from tomosplat.render.raymarching.kernels import INLINE, Scan


@intrinsic
def lane(_typingctx: Any, value: Any, index: Any) -> Any:
    """One value of a vector."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.extract_element(args[0], builder.trunc(args[1], ir.IntType(32)))

    return types.float32(value, types.intp), codegen


@intrinsic
def _split(_typingctx: Any, position: Any, last: Any) -> Any:
    """Whole and broken part of the first three lanes of a position, the whole part held within 0..last."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes, whole_lanes = args[0].type, ir.VectorType(ir.IntType(32), args[0].type.count)
        zero, one = (ir.Constant(lanes, [value] * lanes.count) for value in (0.0, 1.0))
        floor = builder.select(builder.fcmp_ordered("<", args[0], zero), zero, args[0])
        held = builder.select(builder.fcmp_ordered("<", args[1], floor), args[1], floor)
        whole = builder.fptosi(held, whole_lanes)
        broken = builder.fsub(floor, builder.sitofp(whole, lanes))
        broken = builder.select(builder.fcmp_ordered("<", one, broken), one, broken)
        parts = [builder.sext(builder.extract_element(whole, ir.IntType(32)(n)), ir.IntType(64)) for n in range(3)]
        parts += [builder.extract_element(broken, ir.IntType(32)(n)) for n in range(3)]
        return context.make_tuple(builder, sig.return_type, parts)

    return types.Tuple([types.int64] * 3 + [types.float32] * 3)(position, last), codegen


@njit(**INLINE)
def four(x: Scalar, y: Scalar, z: Scalar) -> Any:
    """A position or direction as a vector of four values."""
    return vector((x, y, z, f32(0)))


@njit(**INLINE)
def lerp(a: Scalar, b: Scalar, fraction: Scalar) -> Scalar:
    """Linear interpolation, also of vectors."""
    return a + (b - a) * fraction


class Cell(NamedTuple):
    """The eight voxels around a position: lower index on each axis, and how far the position is from there, 0..1."""

    i: Scalar
    j: Scalar
    k: Scalar
    fx: Scalar
    fy: Scalar
    fz: Scalar


@njit(**INLINE)
def cell_at(shape: tuple[int, int, int], position: Any) -> Cell:
    """The cell of a position (see ``four``)."""
    last = four(f32(shape[0] - 2), f32(shape[1] - 2), f32(shape[2] - 2))
    i, j, k, fx, fy, fz = _split(position, last)
    return Cell(i, j, k, fx, fy, fz)


@njit(**INLINE)
def _pair(values: F32, at: int) -> Any:
    return load(values, uint(at), vector((f32(0), f32(0))))


@njit(**INLINE)
def _across(values: F32, at: int, stride: int, fraction: Scalar) -> Any:
    """Two neighbours along k, interpolated along another axis."""
    return lerp(_pair(values, at), _pair(values, at + stride), fraction)


@njit(**INLINE)
def _along(pair: Any, fz: Scalar) -> Scalar:
    return lerp(lane(pair, 0), lane(pair, 1), fz)


@njit(**INLINE)
def value_in(scan: Scan, cell: Cell) -> Scalar:
    """Trilinear value."""
    n_k = scan.shape[2]
    n_jk = scan.shape[1] * n_k
    at = cell.i * n_jk + cell.j * n_k + cell.k
    near, far = _across(scan.values, at, n_k, cell.fy), _across(scan.values, at + n_jk, n_k, cell.fy)
    return _along(lerp(near, far, cell.fx), cell.fz)


@njit(**INLINE)
def _ends(values: F32, at: int, before: int, after: int) -> Any:
    """The neighbours along k of a pair of neighbours."""
    return vector((values[uint(at - before)], values[uint(at + 1 + after)]))


@njit(**INLINE)
def gradient_in(scan: Scan, cell: Cell) -> Any:
    """Trilinear interpolation of the voxels' central differences, per index unit."""
    values, (n_i, n_j, n_k), fx, fy = scan.values, scan.shape, cell.fx, cell.fy
    n_jk = n_j * n_k
    at = cell.i * n_jk + cell.j * n_k + cell.k
    # Steps to the neighbours of the cell; none at the ends of the scan.
    before_i, after_i = n_jk if cell.i > 0 else 0, n_jk if cell.i < n_i - 2 else 0
    before_j, after_j = n_k if cell.j > 0 else 0, n_k if cell.j < n_j - 2 else 0
    before_k, after_k = 1 if cell.k > 0 else 0, 1 if cell.k < n_k - 2 else 0
    a, b, c, d = at, at + n_k, at + n_jk, at + n_jk + n_k
    near, far = _across(values, a, n_k, fy), _across(values, c, n_k, fy)
    first, last = _across(values, a - before_i, n_k, fy), _across(values, c + after_i, n_k, fy)
    gx = lerp(far - first, last - near, fx)
    middle = lerp(near, far, fx)
    near, far = _across(values, a, n_jk, fx), _across(values, b, n_jk, fx)
    first, last = _across(values, a - before_j, n_jk, fx), _across(values, b + after_j, n_jk, fx)
    gy = lerp(far - first, last - near, fy)
    ends = lerp(
        lerp(_ends(values, a, before_k, after_k), _ends(values, b, before_k, after_k), fy),
        lerp(_ends(values, c, before_k, after_k), _ends(values, d, before_k, after_k), fy),
        fx,
    )
    gz = lerp(lane(middle, 1) - lane(ends, 0), lane(ends, 1) - lane(middle, 0), cell.fz)
    return f32(0.5) * _along(gx, cell.fz), f32(0.5) * _along(gy, cell.fz), f32(0.5) * gz
