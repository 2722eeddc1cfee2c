"""Directions that light scatters into: the Henyey-Greenstein phase function, isotropic where g is 0."""

from __future__ import annotations

import math

from numba import njit

from tomosplat.render.pathtracer.kernels import INLINE, f32
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix
from tomosplat.render.pathtracer.vectors import around

_ONE, _TWO = f32(1), f32(2)
_INV_4PI = f32(0.25 / math.pi)
_TWO_PI = f32(2 * math.pi)
#: Below this g the inversion formula divides by nearly nothing, and the function is isotropic to 3e-3.
_ISOTROPIC = f32(1e-3)


@njit(**INLINE)
def phase_density(g, cosine):  # type: ignore[no-untyped-def]
    """Density per steradian of turning by an angle: (1 − g²) / (4π (1 + g² − 2 g cos θ)^1.5)."""
    if abs(g) < _ISOTROPIC:
        return _INV_4PI
    base = _ONE + g * g - _TWO * g * cosine
    return _INV_4PI * (_ONE - g * g) / (base * math.sqrt(base))


@njit(**INLINE)
def sample_phase(g, w, counter):  # type: ignore[no-untyped-def]
    """New direction of light that travelled along w: (direction, density, counter)."""
    counter += STEP
    word = mix(counter)
    u, phi = high_unit(word), low_unit(word) * _TWO_PI
    if abs(g) < _ISOTROPIC:
        z = _ONE - _TWO * u
        radius = math.sqrt(max(f32(0), _ONE - z * z))
        return (radius * math.cos(phi), radius * math.sin(phi), z), _INV_4PI, counter
    part = (_ONE - g * g) / (_ONE - g + _TWO * g * u)
    cosine = min(max((_ONE + g * g - part * part) / (_TWO * g), -_ONE), _ONE)
    return around(w, cosine, phi), phase_density(g, cosine), counter
