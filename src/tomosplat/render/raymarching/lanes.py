"""Many steps of a ray at once: SIMD functions that only the ray marcher needs."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types

from tomosplat.render.cpu.layout import Scalar, f32
from tomosplat.render.cpu.vectors import intrinsic, maximum, minimum, vector
from tomosplat.render.raymarching.kernels import INLINE

#: Steps that are handled side by side.
WIDTH = 16

_I32, _F32 = ir.IntType(32), ir.FloatType()
#: √½ as the bits of a float32, where its exponent begins, and that of 1.
_ROOT_HALF, _MANTISSA, _BIAS = 0x3F3504F3, 23, 127
_TWO_PER_LN2 = f32(2 / math.log(2))
# Taylor series of 2^f, whose next term is below 2e-7 for |f| <= 1/2.
_C1, _C2, _C3, _C4, _C5, _C6 = (f32(math.log(2) ** n / math.factorial(n)) for n in range(1, 7))
_THIRD, _FIFTH, _SEVENTH = f32(1 / 3), f32(1 / 5), f32(1 / 7)


@njit(**INLINE)
def wide(x: Scalar) -> Any:
    """The same number in every lane."""
    return vector((x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x))


@njit(**INLINE)
def count_up() -> Any:
    """0, 1, 2, ... along the lanes."""
    low = f32(0), f32(1), f32(2), f32(3), f32(4), f32(5), f32(6), f32(7)
    return vector((*low, f32(8), f32(9), f32(10), f32(11), f32(12), f32(13), f32(14), f32(15)))


@njit(**INLINE)
def held(x: Any, low: Scalar, high: Scalar) -> Any:
    """Lanes within bounds."""
    return minimum(maximum(x, wide(low)), wide(high))


def _whole(builder: Any, lanes: Any) -> Any:
    return builder.fptosi(lanes, ir.VectorType(_I32, lanes.type.count))


@intrinsic
def truncate(_typingctx: Any, x: Any) -> Any:
    """The whole part of every lane, for what fits into 32 bits."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.sitofp(_whole(builder, args[0]), args[0].type)

    return x(x), codegen


@intrinsic
def store_index(_typingctx: Any, array: Any, i: Any, j: Any, k: Any, per_i: Any, per_j: Any, per_k: Any) -> Any:
    """Write i · per_i + j · per_j + k · per_k of whole lanes to an array of int32."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = ir.VectorType(_I32, sig.args[1].width)
        total = ir.Constant(lanes, [0] * lanes.count)
        for x, stride, kind in zip(args[1:4], args[4:], sig.args[4:], strict=True):
            factor = context.cast(builder, stride, kind, types.int32)
            first = builder.insert_element(ir.Constant(lanes, ir.Undefined), factor, _I32(0))
            factors = builder.shuffle_vector(first, first, ir.Constant(lanes, [0] * lanes.count))
            total = builder.add(total, builder.mul(_whole(builder, x), factors))
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        builder.store(total, builder.bitcast(data, lanes.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(array, i, j, k, per_i, per_j, per_k), codegen


@njit(**INLINE)
def cells_on_axis(places: Any, n: int) -> Any:
    """On an axis of n voxels: the lower voxel of the cell around each place, and where in the cell it is, 0..1."""
    place = maximum(places, wide(f32(0)))
    voxel = truncate(minimum(place, wide(f32(n - 2))))
    return voxel, minimum(place - voxel, wide(f32(1)))


@intrinsic
def load_fours(_typingctx: Any, array: Any, like: Any) -> Any:
    """The array's numbers 0, 4, 8, ...; 1, 5, 9, ...; 2, 6, 10, ...; and 3, 7, 11, ..."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        width = sig.args[1].width
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        lanes = ir.VectorType(_F32, 4 * width)
        whole = builder.load(builder.bitcast(data, lanes.as_pointer()))
        whole.align = 4
        picks = [ir.Constant(ir.VectorType(_I32, width), list(range(n, 4 * width, 4))) for n in range(4)]
        parts = [builder.shuffle_vector(whole, whole, pick) for pick in picks]
        return context.make_tuple(builder, sig.return_type, parts)

    return types.UniTuple(like, 4)(array, like), codegen


@intrinsic
def _halved(_typingctx: Any, x: Any) -> Any:
    """Parts m and e of x = m · 2^e with m between √½ and √2, for x > 0."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = ir.VectorType(_I32, args[0].type.count)
        shift = ir.Constant(lanes, [_MANTISSA] * lanes.count)
        bits = builder.bitcast(args[0], lanes)
        exponent = builder.ashr(builder.sub(bits, ir.Constant(lanes, [_ROOT_HALF] * lanes.count)), shift)
        mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, shift)), args[0].type)
        return context.make_tuple(builder, sig.return_type, [mantissa, builder.sitofp(exponent, args[0].type)])

    return types.UniTuple(x, 2)(x), codegen


@intrinsic
def signed(_typingctx: Any, x: Any, sign: Any) -> Any:
    """Values where the sign is positive or 0, elsewhere their opposites."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        zero = ir.Constant(args[1].type, [0.0] * args[1].type.count)
        return builder.select(builder.fcmp_ordered("<", args[1], zero), builder.fneg(args[0]), args[0])

    return x(x, sign), codegen


@intrinsic
def root(_typingctx: Any, x: Any) -> Any:
    """Square roots."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        name = f"llvm.sqrt.v{args[0].type.count}f32"
        function = builder.module.globals.get(name)
        if function is None:
            function = ir.Function(builder.module, ir.FunctionType(args[0].type, [args[0].type]), name)
        return builder.call(function, args)

    return x(x), codegen


@njit(**INLINE)
def log2(x: Any) -> Any:
    """Logarithms to base 2 of x > 0, from the series of the area tangent, whose next term is below 5e-8."""
    mantissa, exponent = _halved(x)
    t = (mantissa - f32(1)) / (mantissa + f32(1))
    t2 = t * t
    return exponent + t * _TWO_PER_LN2 * (t2 * (t2 * (t2 * _SEVENTH + _FIFTH) + _THIRD) + f32(1))


@intrinsic
def _power_of_two(_typingctx: Any, exponent: Any) -> Any:
    """2 to whole exponents between -126 and 127."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        lanes = ir.VectorType(_I32, args[0].type.count)
        bias, shift = (ir.Constant(lanes, [n] * lanes.count) for n in (_BIAS, _MANTISSA))
        return builder.bitcast(builder.shl(builder.add(_whole(builder, args[0]), bias), shift), args[0].type)

    return exponent(exponent), codegen


@njit(**INLINE)
def exp2(x: Any) -> Any:
    """2 to the power of x between -126 and 0; ``vectors.exp2`` rounds by a trick that reassociation would undo."""
    whole = truncate(x - f32(0.5))
    f = x - whole
    series = f * (f * (f * (f * (f * (f * _C6 + _C5) + _C4) + _C3) + _C2) + _C1) + f32(1)
    return series * _power_of_two(whole)
