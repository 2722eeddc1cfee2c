"""The environment in kernels: radiance from a direction, and directions in proportion to radiance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tomosplat.lighting.environment import Environment
from tomosplat.render.pathtracer.kernels import F32, I32, INLINE, f32
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix

_ZERO, _ONE = f32(0), f32(1)
_PI, _TWO_PI, _INV_PI, _INV_2PI = f32(math.pi), f32(2 * math.pi), f32(1 / math.pi), f32(0.5 / math.pi)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


class Dome(NamedTuple):
    """An environment map with its alias table (Walker 1977; Vose 1991).

    Attributes:
        radiance: [H, W, 3].
        density: [H·W] per steradian, of choosing a direction in the pixel.
        keep: [H·W] probability with which a pixel that was drawn stays; otherwise ``other`` takes its place.
        other: [H·W].
        edges: [H + 1] height z of the borders between the rows, from 1 down to −1.
    """

    radiance: F32
    density: F32
    keep: F32
    other: I32
    edges: F32


def build_dome(environment: Environment) -> Dome:
    """Prepare an environment for sampling in proportion to luminance."""
    height, width = environment.radiance.shape[:2]
    edges = np.cos(np.linspace(0, math.pi, height + 1))
    solid_angles = np.repeat((edges[:-1] - edges[1:]) * 2 * math.pi / width, width)
    power = (environment.radiance.reshape(-1, 3) @ _LUMINANCE) * solid_angles
    chances = power / power.sum() if power.sum() > 0 else solid_angles / (4 * math.pi)
    keep, other = _alias_table(chances)
    return Dome(
        environment.radiance,
        (chances / solid_angles).astype(np.float32),
        keep.astype(np.float32),
        other,
        edges.astype(np.float32),
    )


def _alias_table(chances: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[F32, I32]:
    """Pair each outcome that is rarer than the mean with one that fills its share up."""
    share = chances * len(chances)
    keep, other = np.ones(len(share), np.float32), np.arange(len(share), dtype=np.int32)
    poor, rich = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while poor and rich:
        p, r = poor.pop(), rich[-1]
        keep[p], other[p] = share[p], r
        share[r] -= 1 - share[p]
        if share[r] < 1:
            poor.append(rich.pop())
    return keep, other


@njit(**INLINE)
def dome_pixel(dome, w):  # type: ignore[no-untyped-def]
    """Number of the pixel that a direction looks at."""
    height, width = dome.radiance.shape[0], dome.radiance.shape[1]
    if height * width == 1:
        return 0
    row = min(int(math.acos(min(max(w[2], -_ONE), _ONE)) * _INV_PI * f32(height)), height - 1)
    turn = math.atan2(-w[0], w[1]) * _INV_2PI
    turn = turn + _ONE if turn < 0 else turn
    return row * width + min(int(turn * f32(width)), width - 1)


@njit(**INLINE)
def dome_radiance(dome, pixel):  # type: ignore[no-untyped-def]
    """Colour of a pixel."""
    width = dome.radiance.shape[1]
    i, j = pixel // width, pixel % width
    return dome.radiance[i, j, 0], dome.radiance[i, j, 1], dome.radiance[i, j, 2]


@njit(**INLINE)
def sample_dome(dome, counter):  # type: ignore[no-untyped-def]
    """Direction in proportion to luminance: (direction, pixel, counter); its density is ``dome.density[pixel]``."""
    n, width = dome.keep.size, dome.radiance.shape[1]
    counter += STEP
    word = mix(counter)
    pixel = min(int(high_unit(word) * f32(n)), n - 1)
    if low_unit(word) >= dome.keep[pixel]:
        pixel = dome.other[pixel]
    row, column = pixel // width, pixel % width
    counter += STEP
    word = mix(counter)
    z = dome.edges[row] + high_unit(word) * (dome.edges[row + 1] - dome.edges[row])
    phi = (f32(column) + low_unit(word)) / f32(width) * _TWO_PI
    radius = math.sqrt(max(_ZERO, _ONE - z * z))
    return (-radius * math.sin(phi), radius * math.cos(phi), z), pixel, counter
