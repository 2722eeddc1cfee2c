"""What SIMD lanes compute, against NumPy."""

import numpy as np
from numba import njit

from tomosplat.render.cpu.layout import uint
from tomosplat.render.cpu.vectors import load, store
from tomosplat.render.raymarching.kernels import ENTRY
from tomosplat.render.raymarching.lanes import WIDTH, exp2, log2, wide

UNCACHED = {**ENTRY, "cache": False}


@njit(**UNCACHED)
def logarithms(x, out):
    store(out, uint(0), log2(load(x, uint(0), wide(x[0]))))


@njit(**UNCACHED)
def powers(x, out):
    store(out, uint(0), exp2(load(x, uint(0), wide(x[0]))))


def test_powers_and_logarithms_are_exact_to_six_digits():
    # Under the options of the kernels: reassociation would undo tricks that round.
    x, out = np.linspace(-119.7, -0.4, WIDTH, dtype=np.float32), np.empty(WIDTH, np.float32)
    powers(x, out)
    np.testing.assert_allclose(out, np.exp2(x.astype(np.float64)), rtol=1e-6)
    logarithms(np.exp2(x), out)
    np.testing.assert_allclose(out, x, rtol=1e-6, atol=1e-6)
