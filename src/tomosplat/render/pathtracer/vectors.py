"""Vectors in kernels: tuples of three numbers, which the compiler keeps in registers."""

from __future__ import annotations

import math

from numba import njit

from tomosplat.render.pathtracer.kernels import INLINE, f32

_ONE, _TINY = f32(1), f32(1e-30)


@njit(**INLINE)
def row(array, n):  # type: ignore[no-untyped-def]
    """Row of an array [N, 3]."""
    return array[n, 0], array[n, 1], array[n, 2]


@njit(**INLINE)
def dot(a, b):  # type: ignore[no-untyped-def]
    """Inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(**INLINE)
def scale(a, s):  # type: ignore[no-untyped-def]
    """Vector times number."""
    return a[0] * s, a[1] * s, a[2] * s


@njit(**INLINE)
def multiply(a, b):  # type: ignore[no-untyped-def]
    """Product of each component, as colours need it."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@njit(**INLINE)
def add(a, b, s):  # type: ignore[no-untyped-def]
    """Vector a + s · b."""
    return a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]


@njit(**INLINE)
def normalize(a):  # type: ignore[no-untyped-def]
    """Vector of length 1 and the length that it had."""
    length = math.sqrt(dot(a, a))
    return scale(a, _ONE / max(length, _TINY)), length


@njit(**INLINE)
def transform(m, a):  # type: ignore[no-untyped-def]
    """Matrix [3, 3] times vector."""
    return (
        m[0, 0] * a[0] + m[0, 1] * a[1] + m[0, 2] * a[2],
        m[1, 0] * a[0] + m[1, 1] * a[1] + m[1, 2] * a[2],
        m[2, 0] * a[0] + m[2, 1] * a[1] + m[2, 2] * a[2],
    )


@njit(**INLINE)
def transform_by(matrices, n, a):  # type: ignore[no-untyped-def]
    """Matrix n of [N, 3, 3] times vector; without a view, whose making counts references."""
    return (
        matrices[n, 0, 0] * a[0] + matrices[n, 0, 1] * a[1] + matrices[n, 0, 2] * a[2],
        matrices[n, 1, 0] * a[0] + matrices[n, 1, 1] * a[1] + matrices[n, 1, 2] * a[2],
        matrices[n, 2, 0] * a[0] + matrices[n, 2, 1] * a[1] + matrices[n, 2, 2] * a[2],
    )


@njit(**INLINE)
def around(axis, cosine, phi):  # type: ignore[no-untyped-def]
    """Unit vector at an angle to a unit vector, turned by phi about it (frame of Duff et al. 2017)."""
    x, y, z = axis
    sine = math.sqrt(max(f32(0), _ONE - cosine * cosine))
    a, b = sine * math.cos(phi), sine * math.sin(phi)
    sign = _ONE if z >= 0 else -_ONE
    k = -_ONE / (sign + z)
    q = x * y * k
    return (
        a * (_ONE + sign * x * x * k) + b * q + cosine * x,
        a * sign * q + b * (sign + y * y * k) + cosine * y,
        -a * sign * x - b * y + cosine * z,
    )
