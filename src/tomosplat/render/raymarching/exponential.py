"""1 − exp(−x) inside kernels, without the call that would make them spill all they hold in registers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import LOG2_E, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import INLINE

#: Where six terms of the Taylor series are exact in float32; most steps are this thin.
_THIN = f32(0.2)
# Taylor series of 2^f, whose next term is below 6e-9 for |f| <= 1/2.
_C1, _C2, _C3, _C4, _C5, _C6, _C7 = (f32(math.log(2) ** n / math.factorial(n)) for n in range(1, 8))
_HALVINGS = 126
_POWERS = np.float32(0.5) ** np.arange(_HALVINGS + 1, dtype=np.float32)
_SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH = (f32(1 / n) for n in range(2, 7))


@njit(**INLINE)
def opacity_of(x: Scalar) -> Scalar:
    """1 − exp(−x), the opacity of optical depth x >= 0."""
    if x < _THIN:
        rest = x * _FOURTH * (f32(1) - x * _FIFTH * (f32(1) - x * _SIXTH))
        return x * (f32(1) - x * _SECOND * (f32(1) - x * _THIRD * (f32(1) - rest)))
    halvings = min(x * LOG2_E, f32(_HALVINGS))
    whole = int(halvings + f32(0.5))
    f = f32(whole) - halvings
    series = f32(1) + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * (_C6 + f * _C7))))))
    return f32(1) - series * _POWERS[uint(whole)]
