"""Values and gradients side by side, in 16 bits: all that a lit sample needs in four loads.

Only bricks in which something is visible are packed, each with the voxels that it shares with the next ones, so rays
find what they need close together. Each brick has scales of its own: what is rounded off is below 1/65000 of the values
and 1/32000 of the steepest gradient in it, and a brick of one value is exact.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types

from tomosplat import machine, threads
from tomosplat.errors import MemoryLimitError
from tomosplat.render.cpu.layout import F32, F64, I32, I64, U8, Scalar, f32, uint
from tomosplat.render.cpu.vectors import VectorType, intrinsic, vector
from tomosplat.render.raymarching.kernels import BRICK, ENTRY, I16, INLINE, Scan, Tables
from tomosplat.render.raymarching.sampling import lerp

#: Voxels along the edge of a packed brick, and numbers for each: value and gradient.
_SIDE = int(BRICK)
_EDGE, _NUMBERS = _SIDE + 1, 4
_ROW, _SLAB, _BRICK = uint(_EDGE * _NUMBERS), uint(_EDGE**2 * _NUMBERS), uint(_EDGE**3 * _NUMBERS)
#: From one voxel of a packed brick to the next along each axis.
PER_I, PER_J, PER_K = _EDGE**2 * _NUMBERS, _EDGE * _NUMBERS, _NUMBERS
_HIGHEST = 32767
#: Parts of the work for each thread.
_JOBS_PER_THREAD = 8


def number_bricks(bricks: U8) -> I32:
    """Number those bricks whose distance from visible ones is 0; the others get -1."""
    slots = np.full(bricks.size, -1, np.int32)
    visible = np.flatnonzero(bricks == 0)
    slots[visible] = np.arange(len(visible), dtype=np.int32)
    return slots


def pack(values: F32, to_world: F64, slots: I32, rows: I32, tables: Tables) -> tuple[I16, F32]:
    """Pack the numbered bricks as ``Scan`` wants them; ``to_world`` turns gradients per index to per mm.

    Raises:
        MemoryLimitError: The packed bricks would not fit into memory.
    """
    visible = np.flatnonzero(slots >= 0)
    _check_memory(len(visible))
    packed = np.empty(len(visible) * int(_BRICK), np.int16)
    scales = np.empty(len(visible) * 4, np.float32)
    per_unit = f32(tables.per_unit)
    arguments = (values, to_world.astype(np.float32), visible, rows, f32(tables.low), per_unit, packed, scales)
    parts = threads.split(len(visible), _JOBS_PER_THREAD * threads.n_threads())
    threads.run(_pack, [(*part, *arguments) for part in parts])
    return packed, scales


def no_numbers() -> tuple[I16, F32]:
    """None of the bricks, for what needs no gradients."""
    return np.zeros(0, np.int16), np.zeros(0, np.float32)


def _check_memory(n_bricks: int) -> None:
    wanted, available = n_bricks * 2 * int(_BRICK), machine.available_memory()
    if wanted > available:
        raise MemoryLimitError(
            f"gradients of the visible part of the scan need {wanted / 1e9:.1f} GB and {available / 1e9:.1f} GB are "
            "free; show less, use a coarser grid, or no shading"
        )


@njit(**ENTRY)
def _pack(
    start: int,
    stop: int,
    values: F32,
    to_world: F32,
    visible: I64,
    rows: I32,
    low: Scalar,
    per_unit: Scalar,
    packed: I16,
    scales: F32,
) -> None:
    n_i, n_j, n_k = values.shape
    numbers = np.empty((_EDGE, _EDGE, _EDGE, _NUMBERS), np.float32)
    m = to_world
    for slot in range(start, stop):
        brick = visible[slot]
        a0, b0 = brick // (rows.shape[1] * rows.shape[2]), brick // rows.shape[2] % rows.shape[1]
        c0 = brick % rows.shape[2]
        i0, j0, k0 = a0 * _SIDE, b0 * _SIDE, c0 * _SIDE
        lowest, highest, steepest = f32(np.inf), f32(-np.inf), f32(0)
        for a in range(_EDGE):
            i = min(i0 + a, n_i - 1)
            before_i, after_i = max(i - 1, 0), min(i + 1, n_i - 1)
            for b in range(_EDGE):
                j = min(j0 + b, n_j - 1)
                before_j, after_j = max(j - 1, 0), min(j + 1, n_j - 1)
                for c in range(_EDGE):
                    k = min(k0 + c, n_k - 1)
                    value = values[i, j, k]
                    x = f32(0.5) * (values[after_i, j, k] - values[before_i, j, k])
                    y = f32(0.5) * (values[i, after_j, k] - values[i, before_j, k])
                    z = f32(0.5) * (values[i, j, min(k + 1, n_k - 1)] - values[i, j, max(k - 1, 0)])
                    lowest, highest = min(lowest, value), max(highest, value)
                    numbers[a, b, c, 0] = value
                    for n in range(3):
                        slope = m[n, 0] * x + m[n, 1] * y + m[n, 2] * z
                        steepest = max(steepest, abs(slope))
                        numbers[a, b, c, n + 1] = slope
        middle, scale = f32(0.5) * (lowest + highest), (highest - lowest) / f32(2 * _HIGHEST)
        steepness = steepest / f32(_HIGHEST)
        per_value = f32(1) / scale if scale > f32(0) else f32(0)
        per_slope = f32(1) / steepness if steepness > f32(0) else f32(0)
        scales[4 * slot], scales[4 * slot + 1] = scale * per_unit, (middle - low) * per_unit
        scales[4 * slot + 2], scales[4 * slot + 3] = steepness, f32(rows[a0, b0, c0])
        at = uint(slot) * _BRICK
        flat = numbers.ravel()
        for n in range(_EDGE**3):
            packed[at + uint(4 * n)] = _rounded((flat[uint(4 * n)] - middle) * per_value)
            for d in range(1, 4):
                packed[at + uint(4 * n + d)] = _rounded(flat[uint(4 * n + d)] * per_slope)


@njit(**INLINE)
def _rounded(number: Scalar) -> Scalar:
    return np.int16(math.floor(number + f32(0.5)))


@intrinsic
def _load_pair(_typingctx: Any, packed: Any, index: Any, like: Any) -> Any:
    """Vector of the eight 16-bit numbers from ``packed[index]``: two voxels."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        shorts = ir.VectorType(ir.IntType(16), 8)
        pair = builder.load(builder.bitcast(builder.gep(data, [args[1]]), shorts.as_pointer()))
        pair.align = 2
        whole = builder.sext(pair, ir.VectorType(ir.IntType(32), 8))
        return builder.sitofp(whole, ir.VectorType(ir.FloatType(), 8))

    return like(packed, types.uintp, like), codegen


@intrinsic
def _halves(_typingctx: Any, pair: Any) -> Any:
    """The first and the last four of eight lanes."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = [ir.Constant(ir.VectorType(ir.IntType(32), 4), list(range(n, n + 4))) for n in (0, 4)]
        return context.make_tuple(
            builder, sig.return_type, [builder.shuffle_vector(args[0], args[0], n) for n in lanes]
        )

    return types.UniTuple(VectorType(4), 2)(pair), codegen


@njit(**INLINE)
def packed_in(scan: Scan, slot: Scalar, offset: Scalar, fx: Scalar, fy: Scalar, fz: Scalar) -> Any:
    """Trilinear value and gradient in a packed brick, a vector of four in the brick's own scales."""
    zero = f32(0)
    like = vector((zero, zero, zero, zero, zero, zero, zero, zero))
    numbers = scan.numbers
    at = uint(slot) * _BRICK + uint(offset)
    near = lerp(_load_pair(numbers, at, like), _load_pair(numbers, at + _ROW, like), fy)
    at += _SLAB
    far = lerp(_load_pair(numbers, at, like), _load_pair(numbers, at + _ROW, like), fy)
    first, second = _halves(lerp(near, far, fx))
    return lerp(first, second, fz)
