"""SIMD values inside Numba kernels: a vector of float32 lanes and its mask, as LLVM vector types.

The number of lanes is part of the type. A kernel gets it from the length of the tuple that it hands to ``vector``,
so one source serves every width, and each width is compiled and cached on its own. Vectors take ``+ - * /`` and
``< >`` with each other and with scalars, masks take ``&``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

# Numba's own annotation counts the typing context as an argument of the call.
intrinsic: Any = extending.intrinsic

_F32 = ir.FloatType()
_I32 = ir.IntType(32)


class VectorType(types.Type):
    """Numba's type of ``width`` float32 lanes."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Vector({width})")


class MaskType(types.Type):
    """Numba's type of ``width`` booleans."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Mask({width})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: VectorType) -> None:
        super().__init__(manager, fe_type, ir.VectorType(_F32, fe_type.width))  # type: ignore[no-untyped-call]


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: MaskType) -> None:
        super().__init__(manager, fe_type, ir.VectorType(ir.IntType(1), fe_type.width))  # type: ignore[no-untyped-call]


def _splat(builder: Any, scalar: Any, width: int) -> Any:
    empty = ir.Constant(ir.VectorType(scalar.type, width), ir.Undefined)
    first = builder.insert_element(empty, scalar, _I32(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_I32, width), [0] * width))


def _constant(value: float, width: int) -> Any:
    return ir.Constant(ir.VectorType(_F32, width), [value] * width)


def _call(builder: Any, name: str, args: Sequence[Any]) -> Any:
    """Call an LLVM intrinsic that is overloaded on the type of its first argument."""
    vector = args[0].type
    full_name = f"llvm.{name}.v{vector.count}f32"
    function = builder.module.globals.get(full_name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(vector, [vector] * len(args)), full_name)
    return builder.call(function, args)


def _shuffle(builder: Any, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), list(lanes)))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, element: Any) -> Any:
    """Address of ``array[index]``, unchecked, as a pointer to ``element``."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), element.as_pointer())


# ------------------------------------------------------------------------------------------------- operators


def _define_operator(symbol: Callable[..., Any], emit: Callable[[Any, Any, Any], Any], compares: bool = False) -> None:
    """Give ``symbol`` a meaning for vector with vector and vector with scalar, in either order."""

    @type_callable(symbol)
    def _type(_context: Any) -> Any:
        def typer(a: Any, b: Any) -> Any:
            vectors = [t for t in (a, b) if isinstance(t, VectorType)]
            if vectors and all(isinstance(t, VectorType | types.Number) for t in (a, b)):
                return MaskType(vectors[0].width) if compares else vectors[0]
            return None

        return typer

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        width = next(t.width for t in sig.args if isinstance(t, VectorType))
        lanes = [
            value
            if isinstance(kind, VectorType)
            else _splat(builder, context.cast(builder, value, kind, types.float32), width)
            for value, kind in zip(args, sig.args, strict=True)
        ]
        return emit(builder, *lanes)

    for pair in ((VectorType, VectorType), (VectorType, types.Number), (types.Number, VectorType)):
        lower_builtin(symbol, *pair)(lower)


_define_operator(operator.add, lambda b, x, y: b.fadd(x, y))
_define_operator(operator.sub, lambda b, x, y: b.fsub(x, y))
_define_operator(operator.mul, lambda b, x, y: b.fmul(x, y))
_define_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_define_operator(operator.gt, lambda b, x, y: b.fcmp_ordered(">", x, y), compares=True)
_define_operator(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), compares=True)


@type_callable(operator.and_)
def _type_mask_and(_context: Any) -> Any:
    def typer(a: Any, b: Any) -> Any:
        return a if isinstance(a, MaskType) and a == b else None

    return typer


@lower_builtin(operator.and_, MaskType, MaskType)
def _lower_mask_and(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.and_(*args)


# ------------------------------------------------------------------------------------------------- functions


@intrinsic
def vector(_typingctx: Any, lanes: Any) -> Any:
    """Vector of the values of a tuple."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = ir.Constant(ir.VectorType(_F32, sig.return_type.width), ir.Undefined)
        for lane in range(sig.return_type.width):
            scalar = context.cast(builder, builder.extract_value(args[0], lane), sig.args[0].dtype, types.float32)
            value = builder.insert_element(value, scalar, _I32(lane))
        return value

    return VectorType(lanes.count)(lanes), codegen


@intrinsic
def full_like(_typingctx: Any, like: Any, scalar: Any) -> Any:
    """Vector with ``scalar`` in every lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, context.cast(builder, args[1], sig.args[1], types.float32), sig.return_type.width)

    return like(like, scalar), codegen


@intrinsic
def load(_typingctx: Any, array: Any, index: Any, like: Any) -> Any:
    """Vector of ``array[index]``, ``array[index + 1]``, ...; unchecked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = ir.VectorType(_F32, sig.return_type.width)
        value = builder.load(_pointer(context, builder, sig.args[0], args[0], args[1], lanes))
        value.align = 4
        return value

    return like(array, types.uintp, like), codegen


@intrinsic
def store(_typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write the lanes to ``array[index]``, ``array[index + 1]``, ...; unchecked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], args[2].type)
        builder.store(args[2], pointer).align = 4
        return context.get_dummy_value()

    return types.void(array, types.uintp, value), codegen


@intrinsic
def fma(_typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """Product a · b plus c, rounded once."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return _call(builder, "fma", args)

    return a(a, b, c), codegen


@intrinsic
def minimum(_typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller value of each lane."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return a(a, b), codegen


@intrinsic
def maximum(_typingctx: Any, a: Any, b: Any) -> Any:
    """The larger value of each lane."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, b), codegen


@intrinsic
def zero_unless(_typingctx: Any, mask: Any, value: Any) -> Any:
    """The value where the mask is set, 0 elsewhere."""

    def codegen(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], _constant(0.0, sig.return_type.width))

    return value(mask, value), codegen


@intrinsic
def any_lane(_typingctx: Any, mask: Any) -> Any:
    """Whether the mask is set in any lane."""

    def codegen(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = ir.IntType(sig.args[0].width)
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], bits), bits(0))

    return types.boolean(mask), codegen


#: Polynomial of least relative error (2.6e-6) for 2^f on −1/2..1/2, constant term first.
EXP2_POLYNOMIAL = (9.99999261e-01, 6.93121815e-01, 2.40247448e-01, 5.59178606e-02, 9.57010199e-03)
#: Adding 1.5 · 2^23 leaves the nearest integer in the low bits of a float32.
ROUNDING_MAGIC = 12582912.0


@intrinsic
def exp2(_typingctx: Any, exponent: Any) -> Any:
    """2 to the exponent, relative error 3e-6; any garbage for exponents outside −126..126."""

    def codegen(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        width = sig.return_type.width
        magic = _constant(ROUNDING_MAGIC, width)
        shifted = builder.fadd(args[0], magic)
        fraction = builder.fsub(args[0], builder.fsub(shifted, magic))
        *lower, value = (_constant(c, width) for c in EXP2_POLYNOMIAL)
        for coefficient in reversed(lower):
            value = _call(builder, "fma", [value, fraction, coefficient])
        bits = ir.VectorType(_I32, width)
        exponents = builder.shl(builder.bitcast(shifted, bits), ir.Constant(bits, [23] * width))
        return builder.bitcast(builder.add(builder.bitcast(value, bits), exponents), args[0].type)

    return exponent(exponent), codegen


def _fold(builder: Any, value: Any, lanes: int) -> Any:
    """Add upper halves to lower halves until ``lanes`` are left."""
    while value.type.count > lanes:
        half = value.type.count // 2
        low = _shuffle(builder, value, value, range(half))
        value = builder.fadd(low, _shuffle(builder, value, value, range(half, 2 * half)))
    return value


def _pair_sums(builder: Any, x: Any, y: Any) -> Any:
    """In each group of four lanes: x0 + x1, x2 + x3, y0 + y1, y2 + y3."""
    width = x.type.count
    groups = range(0, width, 4)
    even = [lane for g in groups for lane in (g, g + 2, width + g, width + g + 2)]
    odd = [lane + 1 for lane in even]
    return builder.fadd(_shuffle(builder, x, y, even), _shuffle(builder, x, y, odd))


@intrinsic
def add_sums(_typingctx: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Add the sum over the lanes of a, b, c, d to ``array[index]`` and the three values behind it; unchecked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        ab, cd = _pair_sums(builder, *args[2:4]), _pair_sums(builder, *args[4:6])
        sums = _fold(builder, _pair_sums(builder, ab, cd), 4)
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], sums.type)
        old = builder.load(pointer)
        old.align = 4
        builder.store(builder.fadd(old, sums), pointer).align = 4
        return context.get_dummy_value()

    return types.void(array, types.uintp, a, b, c, d), codegen


@intrinsic
def lane_sum(_typingctx: Any, value: Any) -> Any:
    """Sum over the lanes."""

    def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.extract_element(_fold(builder, args[0], 1), _I32(0))

    return types.float32(value), codegen


@intrinsic
def prefetch(_typingctx: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of ``array[index]``; harmless for any index."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        byte_pointer = ir.IntType(8).as_pointer()
        function = builder.module.globals.get("llvm.prefetch.p0")
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [byte_pointer, _I32, _I32, _I32])
            function = ir.Function(builder.module, kind, "llvm.prefetch.p0")
        address = _pointer(context, builder, sig.args[0], args[0], args[1], ir.IntType(8))
        builder.call(function, [address, _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(array, types.uintp), codegen
