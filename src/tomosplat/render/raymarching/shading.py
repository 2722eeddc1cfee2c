"""Light on the surfaces that gradients describe."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.geometry import Grid
from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.sampling import lane, lerp
from tomosplat.render.raymarching.settings import Shading
from tomosplat.volume import Volume

#: Gradient at which half the shading is left by default: HU/mm, or share of the range per mm.
_FADE_HU, _FADE_SHARE = 25.0, 0.01
#: Share of a highlight that is left out, and table steps for the rest: powers are slow.
_UNSEEN, _HIGHLIGHTS = 1e-4, 512


class Light(NamedTuple):
    """:class:`Shading` for the kernels."""

    on: bool
    headlight: bool
    direction: F32  # [3] unit, towards the light
    ambient: Scalar
    diffuse: Scalar
    highlights: F32  # of cosines that are evenly spaced from ``dim`` to 1
    dim: Scalar
    per_cosine: Scalar
    fade2: Scalar


def light_of(shading: Shading | None, volume: Volume) -> Light:
    """The light on a volume."""
    wanted = shading or Shading()
    light = np.array(wanted.light or (0, 0, 1), dtype=np.float64)
    dim = _UNSEEN ** (1 / wanted.shininess) if wanted.shininess > 0 else 0.0
    highlights = (wanted.specular * np.linspace(dim, 1, _HIGHLIGHTS + 1) ** wanted.shininess).astype(np.float32)
    if wanted.shininess > 0:
        highlights[0] = 0
    highlights = np.append(highlights, highlights[-1])
    return Light(
        on=shading is not None,
        headlight=wanted.light is None,
        direction=(light / np.linalg.norm(light)).astype(np.float32),
        ambient=f32(wanted.ambient),
        diffuse=f32(wanted.diffuse),
        highlights=highlights,
        dim=f32(dim),
        per_cosine=f32(_HIGHLIGHTS / max(1 - dim, 1e-9)),
        # A gradient of exactly 0 has no direction, whatever the fade.
        fade2=f32(max(fade_of(wanted, volume) ** 2, 1e-20)),
    )


def gradient_to_world(grid: Grid) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Matrix [3, 3] from gradients per index unit to gradients per mm: the inverse transpose of the grid's axes."""
    return np.ascontiguousarray(np.linalg.inv(grid.affine[:3, :3]).T)


def fade_of(shading: Shading, volume: Volume) -> float:
    """Gradient at which half the shading is left, per mm."""
    if shading.fade is not None:
        return shading.fade
    return _FADE_HU if volume.unit == "HU" else _FADE_SHARE * float(np.ptp(volume.values))


@njit(**INLINE)
def light_on(light: Light, ray: Any) -> Any:
    """Directions to the viewer and to the light, and 1 / |l + v|."""
    vx, vy, vz = -ray[0], -ray[1], -ray[2]
    lx, ly, lz = vx, vy, vz
    if not light.headlight:
        lx, ly, lz = light.direction[0], light.direction[1], light.direction[2]
    half = (lx + vx) * (lx + vx) + (ly + vy) * (ly + vy) + (lz + vz) * (lz + vz)
    return (vx, vy, vz), (lx, ly, lz), f32(1) / math.sqrt(max(half, f32(1e-30)))


@njit(**INLINE)
def shade(light: Light, slope: Any, steepness: Scalar, viewer: Any, to_light: Any, per_half: Scalar) -> Any:
    """Factor on the colour and white to add (see :class:`Shading`); the normal is taken on the viewer's side.

    The gradient is ``steepness`` times the last three of ``slope``; the others are what ``light_on`` gives.
    """
    x, y, z = lane(slope, 1), lane(slope, 2), lane(slope, 3)
    squared = x * x + y * y + z * z
    towards = x * viewer[0] + y * viewer[1] + z * viewer[2]
    falling = x * to_light[0] + y * to_light[1] + z * to_light[2]
    steep = squared * (steepness * steepness)
    fade = steep / (steep + light.fade2)
    inverse = f32(1) / math.sqrt(max(squared, f32(1e-30)))
    side = inverse if towards >= f32(0) else -inverse
    half = (falling + towards) * side * per_half
    falling = max(falling * side, f32(0))
    lit = f32(1) + fade * (light.ambient + light.diffuse * falling - f32(1))
    at = min(max((half - light.dim) * light.per_cosine, f32(0)), f32(_HIGHLIGHTS))
    low = uint(int(at))
    return lit, fade * lerp(light.highlights[low], light.highlights[low + uint(1)], at - f32(low))
