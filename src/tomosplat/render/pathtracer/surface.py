"""Surfaces in the scan: their normals, and a Lambert base below a GGX coat."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter

from tomosplat.render.pathtracer.kernels import INLINE, f32
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix
from tomosplat.render.pathtracer.settings import SurfaceMode
from tomosplat.render.pathtracer.vectors import add, around, dot, normalize, scale
from tomosplat.transfer import OPACITY_LENGTH_MM
from tomosplat.volume.volume import OpticalVolume

_ZERO, _ONE, _TWO, _FOUR = f32(0), f32(1), f32(2), f32(4)
_INV_PI, _TWO_PI = f32(1 / math.pi), f32(2 * math.pi)
_BASE = f32(28 / (23 * math.pi))
_SMALL, _QUARTER = f32(1e-6), f32(0.25)
#: Opacity is blurred this many voxels before its slope is taken, or the noise of the scan would bump every surface.
_SMOOTHING = 0.8


class Surfaces(NamedTuple):
    """Slopes of opacity and what surfaces are made of.

    Attributes:
        slopes: [I, J, K, 3] int16, gradient of opacity along world axes; empty where there is no surface mode.
        unit: Gradient per mm of one count, times the mode's strength.
        alpha: GGX roughness.
        specular: Reflectance at normal incidence.
    """

    slopes: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    unit: np.float32
    alpha: np.float32
    specular: np.float32


def build_surfaces(optical: OpticalVolume, mode: SurfaceMode | None) -> Surfaces:
    """Take the gradient of opacity at every voxel."""
    if mode is None or mode.strength == 0:
        return Surfaces(np.zeros((0, 0, 0, 3), np.int16), f32(0), f32(1), f32(0))
    opacity = -np.expm1(-optical.extinction * np.float32(OPACITY_LENGTH_MM))
    opacity = gaussian_filter(opacity, _SMOOTHING, mode="nearest", output=opacity)
    to_voxels = np.linalg.inv(optical.grid.affine[:3, :3]).astype(np.float32)
    slopes = np.zeros((*opacity.shape, 3), np.float32)
    for axis in range(3):
        if opacity.shape[axis] > 1:
            slopes += np.gradient(opacity, axis=axis)[..., None] * to_voxels[axis]
    steepest = max(float(np.abs(slopes).max()), 1e-30)
    counts = np.rint(slopes * np.float32(32767 / steepest)).astype(np.int16)
    return Surfaces(counts, f32(steepest / 32767 * mode.strength), f32(mode.roughness**2), f32(mode.specular))


@njit(**INLINE)
def surface_slope(surfaces, p):  # type: ignore[no-untyped-def]
    """Trilinear gradient of opacity times strength at a place in the medium's voxels (index + 1)."""
    slopes = surfaces.slopes
    ni, nj, nk = slopes.shape[0], slopes.shape[1], slopes.shape[2]
    i, j, k = int(p[0]), int(p[1]), int(p[2])
    fx, fy, fz = p[0] - f32(i), p[1] - f32(j), p[2] - f32(k)
    total = _ZERO, _ZERO, _ZERO
    for corner in range(8):
        a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (fx if a else _ONE - fx) * (fy if b else _ONE - fy) * (fz if c else _ONE - fz)
        x, y, z = min(max(i + a - 1, 0), ni - 1), min(max(j + b - 1, 0), nj - 1), min(max(k + c - 1, 0), nk - 1)
        slope = f32(slopes[x, y, z, 0]), f32(slopes[x, y, z, 1]), f32(slopes[x, y, z, 2])
        total = add(total, slope, weight)
    return scale(total, surfaces.unit)


@njit(**INLINE)
def _fresnel(specular, cosine):  # type: ignore[no-untyped-def]
    """Schlick's approximation."""
    m = min(max(_ONE - cosine, _ZERO), _ONE)
    return specular + (_ONE - specular) * m * m * m * m * m


@njit(**INLINE)
def _passing(cosine):  # type: ignore[no-untyped-def]
    """Share of light that passes the coat at an angle, but for a factor."""
    m = _ONE - cosine * f32(0.5)
    return _ONE - m * m * m * m * m


@njit(**INLINE)
def _coat_chance(specular, nv):  # type: ignore[no-untyped-def]
    """How often the coat is sampled: at least a quarter of the time, as its light is the most concentrated."""
    return min(_QUARTER + _fresnel(specular, nv), f32(1) - _QUARTER)


@njit(**INLINE)
def _unmasked(alpha, cosine):  # type: ignore[no-untyped-def]
    """Smith's share of microfacets that are seen from an angle (Walter et al. 2007, eq. 34)."""
    a2 = alpha * alpha
    return _TWO * cosine / (cosine + math.sqrt(a2 + (_ONE - a2) * cosine * cosine))


@njit(**INLINE)
def surface_value(surfaces, n, v, out):  # type: ignore[no-untyped-def]
    """What a surface with normal n sends from ``out`` to v or back, both pointing away from it.

    Returns (base, coat, density of sampling ``out``). Both values hold the cosine of ``out``; the base is to be
    multiplied with the albedo. The coat is a GGX microfacet layer
    (Walter et al. 2007, eq. 20 and 33) with Schlick's Fresnel term; the base gets what the coat lets in and
    out again (Ashikhmin and Shirley 2000, eq. 5), so that no more light leaves than came.
    """
    nl, nv = dot(n, out), dot(n, v)
    if nl <= _SMALL or nv <= _SMALL:
        return _ZERO, _ZERO, _ZERO
    h, _ = normalize(add(out, v, _ONE))
    nh = dot(n, h)
    fresnel = _fresnel(surfaces.specular, dot(v, h))
    a2 = surfaces.alpha * surfaces.alpha
    spread = nh * nh * (a2 - _ONE) + _ONE
    # The cosine nl cancels against the microfacet formula's denominator 4 nl nv.
    seen = a2 * _INV_PI / (spread * spread) * _unmasked(surfaces.alpha, nv) / (_FOUR * nv)
    coat = fresnel * seen * _unmasked(surfaces.alpha, nl)
    chance = _coat_chance(surfaces.specular, nv)
    base = _BASE * (_ONE - surfaces.specular) * _passing(nl) * _passing(nv) * nl
    return base, coat, chance * seen + (_ONE - chance) * nl * _INV_PI


@njit(**INLINE)
def _stretch(a, n, factor):  # type: ignore[no-untyped-def]
    """Vector with what is across n scaled, normalised."""
    along = dot(a, n)
    return normalize(add(scale(a, factor), n, along * (_ONE - factor)))[0]


@njit(**INLINE)
def sample_surface(surfaces, n, v, counter):  # type: ignore[no-untyped-def]
    """Direction in which light leaves, (direction, counter): by the cosine, or mirrored in a microfacet seen from v.

    Visible microfacets: Dupuy and Benyoub, Sampling visible GGX normals with spherical caps, 2023.
    """
    counter += STEP
    choice = high_unit(mix(counter))
    counter += STEP
    word = mix(counter)
    u, phi = high_unit(word), low_unit(word) * _TWO_PI
    if choice >= _coat_chance(surfaces.specular, dot(n, v)):
        return around(n, math.sqrt(_ONE - u), phi), counter
    # Squeezed along the normal, the microfacets that v sees are a cap of a sphere, on which sampling is even.
    seen = _stretch(v, n, surfaces.alpha)
    nv = dot(seen, n)
    cap = around(n, (_ONE - u) * (_ONE + nv) - nv, phi)
    h = _stretch(add(cap, seen, _ONE), n, surfaces.alpha)
    return add(scale(h, _TWO * dot(v, h)), v, -_ONE), counter
