"""Which kernels this processor runs best."""

from __future__ import annotations

from functools import cache
from typing import Literal

import llvmlite.binding as llvm

from tomosplat.render.cpu.layout import TILE

Lanes = Literal[0, 8, 16]


@cache
def best_lanes() -> Lanes:
    """Float32 lanes of the widest vectors that have fused multiply-add here; 0 where the portable kernels are used."""
    has = llvm.get_host_cpu_features()
    if has.get("avx512f", False):
        return 16
    return 8 if has.get("avx2", False) and has.get("fma", False) else 0


def pixel_centers(lanes: Lanes) -> tuple[float, ...]:
    """What the SIMD kernels take to set their width."""
    return tuple(0.5 + i for i in range(min(lanes, TILE)))
