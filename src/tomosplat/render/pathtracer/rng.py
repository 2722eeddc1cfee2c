"""Counter-based random numbers: the n-th draw of a path is a hash of (seed, pixel, sample) and n.

SplitMix64 (Steele, Lea and Flood 2014): the counter moves by a constant and a mixing function of 64 bits makes a word
of it. No state outlives a path, so pictures depend neither on threads nor on how samples are split into passes.
"""

from __future__ import annotations

from numba import njit

from tomosplat.render.pathtracer.kernels import INLINE, f32, u64

#: Added to the counter before each draw: ``counter += STEP; word = mix(counter)``.
STEP = u64(0x9E3779B97F4A7C15)
_M1, _M2 = u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)
_S27, _S30, _S31 = u64(27), u64(30), u64(31)
_S40, _S16 = u64(40), u64(16)
_LOW24 = u64(0xFFFFFF)
_HALF, _UNIT24 = f32(0.5), f32(2.0**-24)


@njit(**INLINE)
def mix(z):  # type: ignore[no-untyped-def]
    """64 random bits of a counter (Stafford's variant 13)."""
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@njit(**INLINE)
def path_counter(seed, pixel, sample):  # type: ignore[no-untyped-def]
    """Where the counter of a path starts; each argument is hashed in turn, so that neighbours share nothing."""
    return mix(mix(mix(u64(seed) + STEP) ^ u64(pixel)) ^ (u64(sample) * STEP))


@njit(**INLINE)
def high_unit(word):  # type: ignore[no-untyped-def]
    """Number in (0, 1) of the top 24 bits."""
    return (f32(word >> _S40) + _HALF) * _UNIT24


@njit(**INLINE)
def low_unit(word):  # type: ignore[no-untyped-def]
    """Number in (0, 1) of 24 bits that ``high_unit`` does not use."""
    return (f32((word >> _S16) & _LOW24) + _HALF) * _UNIT24
