"""What all kernels of the path tracer share: how they are compiled, and their number types."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
U16: TypeAlias = NDArray[np.uint16]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]

#: A number inside a kernel; Numba infers its type. Literals must be wrapped, or they promote everything to float64.
f32: Any = np.float32
u64: Any = np.uint64

#: For what is called from Python; the interpreter lock is released, so threads run side by side.
ENTRY: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}
#: For what only kernels call. Handing a medium's arrays to a function that is not inlined costs as much as a collision.
INLINE: dict[str, Any] = {"cache": True, "fastmath": True, "error_model": "numpy", "forceinline": True}
