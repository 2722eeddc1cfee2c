"""Area lights in kernels: points on them, and what a ray meets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from tomosplat.lighting import LightRig
from tomosplat.lighting.rigs import PlacedLights
from tomosplat.render.pathtracer.dome import Dome
from tomosplat.render.pathtracer.kernels import F32, F64, INLINE, f32
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix
from tomosplat.render.pathtracer.vectors import add, normalize, row, scale, transform, transform_by
from tomosplat.volume.volume import OpticalVolume

_ZERO, _ONE, _TWO = f32(0), f32(1), f32(2)
_GRAZING, _ALMOST = f32(1e-12), f32(1 - 1e-4)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


class Lights(NamedTuple):
    """Square lights in the medium's voxel coordinates; distances stay in mm.

    Attributes:
        centers: [L, 3].
        edges_u: [L, 3], from the centre to the middle of a side.
        edges_v: [L, 3], the same to a neighbouring side.
        frames: [L, 3, 3], from an offset to the centre to (along one edge, along the other, mm in front); a point of
            the square has −1..1, −1..1, 0.
        radiances: [L, 3].
        areas: [L] mm².
        chances: [L + 1] probability of being chosen for direct light; the last is the environment's.
    """

    centers: F32
    edges_u: F32
    edges_v: F32
    frames: F32
    radiances: F32
    areas: F32
    chances: F32


def build_lights(rig: LightRig, dome: Dome, optical: OpticalVolume) -> Lights:
    """Place a rig's lights around the scan and share out direct light by what each gives to the scan's middle.

    An environment that is the same everywhere gets no share: scattered light finds it without being aimed.
    """
    placed = rig.place(optical.grid.bounds)
    to_voxels = np.linalg.inv(optical.grid.affine[:3, :3])
    edges = placed.half_edges @ to_voxels.T
    normals = placed.normals @ to_voxels.T
    frames = np.linalg.inv(np.concatenate([edges, normals[:, None]], axis=1).transpose(0, 2, 1))
    areas = 4 * np.linalg.norm(placed.half_edges, axis=2).prod(axis=1)
    return Lights(
        (optical.grid.to_index(placed.centers) + 1).astype(np.float32),
        np.ascontiguousarray(edges[:, 0], np.float32),
        np.ascontiguousarray(edges[:, 1], np.float32),
        frames.astype(np.float32),
        placed.radiances.astype(np.float32),
        areas.astype(np.float32),
        _chances(placed, areas, dome, optical.grid.center).astype(np.float32),
    )


def _chances(placed: PlacedLights, areas: F64, dome: Dome, middle: F64) -> F64:
    squared = ((placed.centers - middle) ** 2).sum(axis=1)
    from_lights = placed.radiances @ _LUMINANCE * areas / squared
    textured = dome.radiance.shape[:2] != (1, 1)
    # The table's density is luminance over total power.
    bright = int(dome.density.argmax())
    power = float(dome.radiance.reshape(-1, 3)[bright] @ _LUMINANCE) / float(dome.density[bright]) if textured else 0.0
    shares = np.append(from_lights, power)
    return shares / shares.sum() if shares.sum() > 0 else shares


@njit(**INLINE)
def meet_light(lights, p, d, t_max):  # type: ignore[no-untyped-def]
    """Nearest light on a ray before ``t_max`` mm, from either side: (light or −1, distance, cosine at its front)."""
    nearest, found, cosine = t_max, -1, _ZERO
    for light in range(lights.areas.size):
        slope = transform_by(lights.frames, light, d)
        start = transform_by(lights.frames, light, add(p, row(lights.centers, light), -_ONE))
        t = -start[2] / slope[2] if slope[2] != 0 else -_ONE
        if _ZERO < t < nearest and abs(start[0] + t * slope[0]) <= _ONE and abs(start[1] + t * slope[1]) <= _ONE:
            nearest, found, cosine = t, light, -slope[2]
    return found, nearest, cosine


@njit(**INLINE)
def choose_light(chances, u):  # type: ignore[no-untyped-def]
    """Light for a number in (0, 1), by the lights' chances; the last stands for the environment."""
    light = 0
    while light < chances.size - 1 and u >= chances[light]:
        u -= chances[light]
        light += 1
    return light


@njit(**INLINE)
def light_density(lights, light, cosine, distance):  # type: ignore[no-untyped-def]
    """Density per steradian with which direct light aims at a point of a light that is seen at this angle."""
    return lights.chances[light] * distance * distance / (max(cosine, _GRAZING) * lights.areas[light])


@njit(**INLINE)
def aim_at_light(lights, light, to_world, p, counter):  # type: ignore[no-untyped-def]
    """Point of a light, evenly spread: (direction in voxels per mm, world direction, distance, density, counter).

    The density is 0 where the light does not shine, behind it or behind another.
    """
    counter += STEP
    word = mix(counter)
    a, b = _TWO * high_unit(word) - _ONE, _TWO * low_unit(word) - _ONE
    offset = add(p, row(lights.centers, light), -_ONE)
    d = add(add(scale(row(lights.edges_u, light), a), row(lights.edges_v, light), b), offset, -_ONE)
    w, distance = normalize(transform(to_world, d))
    d = scale(d, _ONE / distance)
    cosine = transform_by(lights.frames, light, offset)[2] / distance
    density = _ZERO
    # Just short of the light, lest it hide itself.
    if cosine > 0 and meet_light(lights, p, d, distance * _ALMOST)[0] < 0:
        density = light_density(lights, light, cosine, distance)
    return d, w, distance, density, counter
