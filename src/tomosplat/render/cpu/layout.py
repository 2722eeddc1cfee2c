"""What the kernels share: array types, compiler options, and the layout of their arrays."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tomosplat.render.constants import ALPHA_MAX, ALPHA_MIN

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]
U32: TypeAlias = NDArray[np.uint32]
#: A number inside a kernel; Numba infers its type.
Scalar: TypeAlias = Any
f32: Scalar = np.float32
#: Unsigned, for unsigned indices keep Numba from adding code for negative ones.
uint: Scalar = np.uintp

# No nnan and ninf: kernels must see the values that they refuse. No reassoc: it would cancel rounding tricks.
FAST = {"contract", "nsz", "arcp", "afn"}
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}

#: Pixels along the side of a tile, and in it.
TILE = 16
TILE_PIXELS = TILE * TILE

# A projected Gaussian is one cache line of 16 float32, in a flat array.
RECORD = uint(16)
MEAN_X, MEAN_Y = uint(0), uint(1)  # px
# log2(alpha) at offset (dx, dy) is LOG_OPACITY + QUAD_XX dx² + QUAD_XY dx dy + QUAD_YY dy².
QUAD_XX, QUAD_XY, QUAD_YY, LOG_OPACITY = uint(2), uint(3), uint(4), uint(5)
RED, GREEN, BLUE = uint(6), uint(7), uint(8)
EXTENT_X, EXTENT_Y = uint(9), uint(10)  # px, half the box outside which alpha < ALPHA_MIN
DEPTH = uint(11)  # mm along the camera's axis
# The ellipse alpha = ALPHA_MIN spans, at height dy, SHEAR dy ± sqrt(SPREAD (LEVEL − dy² / VARIANCE_Y)).
SHEAR, SPREAD, VARIANCE_Y, LEVEL = uint(12), uint(13), uint(14), uint(15)

# Gradient of a record: sums over its pixels of g = dL/dlog(alpha) times powers of the offset, and of colour.
GRADIENT = uint(12)
SUM_G, SUM_GX, SUM_GXX, SUM_GY = uint(0), uint(1), uint(2), uint(3)
SUM_GXY, SUM_GYY, SUM_RED, SUM_GREEN = uint(4), uint(5), uint(6), uint(7)
SUM_BLUE = uint(8)

LOG2_E = f32(math.log2(math.e))
LOG2_ALPHA_MAX = f32(math.log2(ALPHA_MAX))
LOG2_ALPHA_MIN = f32(math.log2(ALPHA_MIN))


def aligned_empty(size: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    """Uninitialised 1-D array that starts on a cache line."""
    n_bytes = size * np.dtype(dtype).itemsize
    raw = np.empty(n_bytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + n_bytes].view(dtype)
