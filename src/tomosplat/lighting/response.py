"""How much of the light that comes in at an angle a surface sends back."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: Cosine at which a surface is typically seen, in the law of Lommel and Seeliger. Measured: 0.4 best of 0.4, 0.6, 0.8.
_EXIT_COSINE = 0.4
#: Mean over the sphere of that law, μ / (μ + exit cosine).
MEAN_RESPONSE = 0.5 * (1 - _EXIT_COSINE * math.log((1 + _EXIT_COSINE) / _EXIT_COSINE))


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def response(ray, normal, solidity):  # type: ignore[no-untyped-def]
    """S of ``march_rays``: 1 in the open, μ / (μ + μ_out) on a surface; ``solidity`` is the normal's length."""
    cosine = max(ray[0] * normal[0] + ray[1] * normal[1] + ray[2] * normal[2], np.float32(0))
    cosine /= max(solidity, np.float32(1e-6))
    return np.float32(1) - solidity + solidity * cosine / (cosine + np.float32(_EXIT_COSINE))
