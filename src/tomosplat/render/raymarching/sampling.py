"""Values between voxels, on a flat array; positions are in index units, voxel centres whole.

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
def split(_typingctx: Any, position: Any, last: Any) -> Any:
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
    i, j, k, fx, fy, fz = split(position, last)
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
