"""What this processor offers the kernels."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Literal

import llvmlite.binding as llvm

from tomosplat.threads import n_threads

#: Lanes of a float32 vector; 0 stands for the portable kernels.
Lanes = Literal[0, 8, 16]
_KERNELS = {0: "portable", 8: "AVX2, 8 lanes", 16: "AVX-512, 16 lanes"}


@cache
def best_lanes() -> Lanes:
    """The widest vectors that have fused multiply-add here; 0 where there are none."""
    if os.environ.get("NUMBA_CPU_NAME"):
        return 0  # NUMBA_CPU_NAME asks for code for another processor, of which nothing is known here
    has = llvm.get_host_cpu_features()
    if has.get("avx512f", False):
        return 16
    return 8 if has.get("avx2", False) and has.get("fma", False) else 0


def describe_cpu_backend() -> dict[str, Any]:
    """Which kernels run, and on how many threads."""
    return {"kernels": _KERNELS[best_lanes()], "threads": n_threads()}


def pixel_centers(lanes: Lanes) -> tuple[float, ...]:
    """What the SIMD kernels take to set their width."""
    return tuple(0.5 + i for i in range(lanes))
