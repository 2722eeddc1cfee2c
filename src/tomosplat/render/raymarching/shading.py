"""Light on the surfaces that gradients describe."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.geometry import Grid
from tomosplat.render.cpu.layout import F32, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import INLINE
from tomosplat.render.raymarching.sampling import lerp
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
    to_world: F32  # [3, 3] gradients per index unit → per mm
    ambient: Scalar
    diffuse: Scalar
    highlights: F32  # of cosines that are evenly spaced from ``dim`` to 1
    dim: Scalar
    fade2: Scalar


def light_of(shading: Shading | None, volume: Volume) -> Light:
    """The light on a volume."""
    wanted = shading or Shading()
    light = np.array(wanted.light or (0, 0, 1), dtype=np.float64)
    dim = _UNSEEN ** (1 / wanted.shininess) if wanted.shininess > 0 else 0.0
    return Light(
        on=shading is not None,
        headlight=wanted.light is None,
        direction=(light / np.linalg.norm(light)).astype(np.float32),
        to_world=gradient_to_world(volume.grid).astype(np.float32),
        ambient=f32(wanted.ambient),
        diffuse=f32(wanted.diffuse),
        highlights=(wanted.specular * np.linspace(dim, 1, _HIGHLIGHTS + 1) ** wanted.shininess).astype(np.float32),
        dim=f32(dim),
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
def shade(light: Light, ray: Any, gradient: Any) -> Any:
    """Factor on the colour and white to add (see :class:`Shading`); the normal is taken on the viewer's side."""
    gx, gy, gz = gradient
    m = light.to_world
    nx = m[0, 0] * gx + m[0, 1] * gy + m[0, 2] * gz
    ny = m[1, 0] * gx + m[1, 1] * gy + m[1, 2] * gz
    nz = m[2, 0] * gx + m[2, 1] * gy + m[2, 2] * gz
    squared = nx * nx + ny * ny + nz * nz
    fade = squared / (squared + light.fade2)
    to_viewer = -(nx * ray[0] + ny * ray[1] + nz * ray[2])
    inverse = f32(1) / math.sqrt(max(squared, f32(1e-30)))
    if light.headlight:
        falling = abs(to_viewer) * inverse
        towards_half = falling
    else:
        if to_viewer < 0:
            inverse = -inverse
        lx, ly, lz = light.direction[0], light.direction[1], light.direction[2]
        falling = max((nx * lx + ny * ly + nz * lz) * inverse, f32(0))
        hx, hy, hz = lx - ray[0], ly - ray[1], lz - ray[2]
        half = math.sqrt(max(hx * hx + hy * hy + hz * hz, f32(1e-30)))
        towards_half = max((nx * hx + ny * hy + nz * hz) * inverse / half, f32(0))
    lit = f32(1) + fade * (light.ambient + light.diffuse * falling - f32(1))
    if towards_half <= light.dim:
        return lit, f32(0)
    at = min((towards_half - light.dim) / (f32(1) - light.dim), f32(1)) * f32(_HIGHLIGHTS)
    low = min(int(at), _HIGHLIGHTS - 1)
    return lit, fade * lerp(light.highlights[uint(low)], light.highlights[uint(low + 1)], at - f32(low))
