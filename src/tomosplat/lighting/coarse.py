"""Extinction on a coarser grid that lets the same light through."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


def coarsen_extinction(extinction: NDArray[np.float32], spacing_mm: float) -> NDArray[np.float32]:
    """Shrink by two so that each 2×2×2 block lets through what its voxels do, as a mean over its three axes.

    Averaging extinction itself would make a block that is half bone, half air as dark as solid tissue; averaging
    the transmittance of its four columns along each axis keeps the light that passes beside the bone.
    Beyond an odd edge there is nothing (0).

    Args:
        extinction: [I, J, K] 1/mm.
        spacing_mm: Edge of a voxel.
    """
    shape = [(n + 1) // 2 for n in extinction.shape]
    coarse = np.zeros(shape, dtype=np.float32)
    padded = np.pad(extinction, [(0, n % 2) for n in extinction.shape])
    _coarsen(np.ascontiguousarray(padded), np.float32(spacing_mm), coarse)
    return coarse


@njit(cache=True, parallel=True, error_model="numpy")
def _coarsen(fine, spacing, coarse):  # type: ignore[no-untyped-def]
    for i in prange(coarse.shape[0]):
        for j in range(coarse.shape[1]):
            for k in range(coarse.shape[2]):
                block = fine[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, 2 * k : 2 * k + 2]
                total = np.float32(0)
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            total += block[a, b, c]
                if total > 0:
                    passed = 0.0
                    for a in range(2):
                        for b in range(2):
                            passed += math.exp(-spacing * (block[0, a, b] + block[1, a, b]))
                            passed += math.exp(-spacing * (block[a, 0, b] + block[a, 1, b]))
                            passed += math.exp(-spacing * (block[a, b, 0] + block[a, b, 1]))
                    coarse[i, j, k] = -math.log(max(passed / 12.0, 1e-30)) / (2 * spacing)
