"""Light on the surfaces that gradients describe."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.geometry import Grid
from tomosplat.render.cpu.layout import F32, Scalar, f32
from tomosplat.render.cpu.vectors import maximum
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.lanes import exp2, log2, root, signed, wide
from tomosplat.render.raymarching.settings import Shading
from tomosplat.volume import Volume

#: Gradient at which half the shading is left by default: HU/mm, or share of the range per mm.
_FADE_HU, _FADE_SHARE = 25.0, 0.01
#: Against division by 0, and 2 to this power is as good as 0.
_LEAST, _LOWEST = f32(1e-30), f32(-120)


class Light(NamedTuple):
    """:class:`Shading` for the kernels."""

    on: bool
    headlight: bool
    direction: F32  # [3] unit, towards the light
    ambient: Scalar
    diffuse: Scalar
    specular: Scalar
    half_shininess: Scalar
    fade2: Scalar


def light_of(shading: Shading | None, volume: Volume) -> Light:
    """The light on a volume."""
    wanted = shading or Shading()
    light = np.array(wanted.light or (0, 0, 1), dtype=np.float64)
    return Light(
        on=shading is not None,
        headlight=wanted.light is None,
        direction=(light / np.linalg.norm(light)).astype(np.float32),
        ambient=f32(wanted.ambient),
        diffuse=f32(wanted.diffuse),
        specular=f32(wanted.specular),
        half_shininess=f32(wanted.shininess / 2),
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
    return (vx, vy, vz), (lx, ly, lz), f32(1) / math.sqrt(max(half, _LEAST))


@njit(**INLINE)
def shade(light: Light, x: Any, y: Any, z: Any, steepness: Any, viewer: Any, to_light: Any, per_half: Scalar) -> Any:
    """Factors on colours and white to add (see :class:`Shading`); normals are taken on the viewer's side.

    The gradients are ``steepness`` times (x, y, z), all of many lanes; the others are what ``light_on`` gives.
    """
    zero, least = wide(f32(0)), wide(_LEAST)
    squared = x * x + y * y + z * z
    towards = x * viewer[0] + y * viewer[1] + z * viewer[2]
    falling = x * to_light[0] + y * to_light[1] + z * to_light[2]
    steep = squared * (steepness * steepness)
    fade = steep / (steep + light.fade2)
    inverse = f32(1) / root(maximum(squared, least))
    # On the viewer's side both products have the sign of the first.
    half = (falling + towards) * per_half
    falling = maximum(signed(falling, towards) * inverse, zero)
    half = maximum(signed(half, towards) * inverse, zero)
    lit = fade * (falling * light.diffuse + (light.ambient - f32(1))) + f32(1)
    power = maximum(log2(maximum(half * half, least)) * light.half_shininess, wide(_LOWEST))
    return lit, fade * (exp2(power) * light.specular)
