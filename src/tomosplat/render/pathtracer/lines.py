"""Kernels that start light paths where cameras could see: at the first collision of random lines through the scan."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tomosplat.render.pathtracer.bricks import BRICK
from tomosplat.render.pathtracer.integrator import scattered_light
from tomosplat.render.pathtracer.kernels import ENTRY, F32, INLINE, f32
from tomosplat.render.pathtracer.medium import Medium
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix, path_counter
from tomosplat.render.pathtracer.tracking import fly
from tomosplat.render.pathtracer.vectors import add, around, row, scale, transform

_ZERO, _ONE, _HALF = f32(0), f32(1), f32(0.5)
_FAR = f32(1e30)
_TWO_PI = f32(2 * math.pi)
_WHITE = _ONE, _ONE, _ONE


class Box(NamedTuple):
    """Box around all filled bricks, through which the lines go.

    Attributes:
        low: [3] corner in voxels.
        size: [3] voxels.
        normals: [3, 3] unit world vectors at right angles to the faces, towards higher indices.
        chances: [2] probability of a line to start on a face across the first axis, and across the first or second.
    """

    low: F32
    size: F32
    normals: F32
    chances: F32


def filled_box(medium: Medium) -> Box:
    """Bound what is visible."""
    bricks = np.argwhere(medium.majorants.reshape(medium.n_bricks) > 0)
    low = np.maximum(bricks.min(axis=0) * BRICK, 0.5)
    size = np.minimum((bricks.max(axis=0) + 1) * BRICK, medium.top) - low
    normals = medium.to_voxels / np.linalg.norm(medium.to_voxels, axis=1, keepdims=True)
    edges = (medium.to_world * size).T
    areas = np.linalg.norm(np.cross(edges[[1, 2, 0]], edges[[2, 0, 1]]), axis=1)
    chances = np.cumsum(areas / areas.sum())[:2]
    return Box(*(np.ascontiguousarray(a, np.float32) for a in (low, size, normals, chances)))


@njit(**INLINE)
def _line(box, counter):  # type: ignore[no-untyped-def]
    """Random line: (start in voxels, world direction, counter).

    Starts spread evenly over the box and directions by the cosine make lines evenly spread over places and directions
    (Santaló, Integral Geometry and Geometric Probability, 1976), so all sides of what is in the box are seen alike.
    """
    counter += STEP
    word = mix(counter)
    choice, far = high_unit(word), low_unit(word) < _HALF
    axis = (1 if choice >= box.chances[0] else 0) + (1 if choice >= box.chances[1] else 0)
    side = _ONE if far else _ZERO
    counter += STEP
    word = mix(counter)
    u, v = high_unit(word), low_unit(word)
    x, y, z = (side, u, v) if axis == 0 else ((u, side, v) if axis == 1 else (u, v, side))
    p = box.low[0] + x * box.size[0], box.low[1] + y * box.size[1], box.low[2] + z * box.size[2]
    counter += STEP
    word = mix(counter)
    inward = scale(row(box.normals, axis), -_ONE if far else _ONE)
    return p, around(inward, math.sqrt(high_unit(word)), low_unit(word) * _TWO_PI), counter


@njit(**ENTRY)
def trace_lines(world, box, g, max_depth, seed, first, last, cells, light):  # type: ignore[no-untyped-def]
    """Write what lines ``first`` to ``last`` see: voxel of the first collision (−1 if none), light that arrives there.

    Light that is scattered against the line by a white particle is the mean of what arrives, weighted by the phase
    function; the particle's own albedo is left to the caller.
    """
    medium = world.medium
    for n in range(first, last):
        p, w, counter = _line(box, path_counter(seed, n, 0))
        d = transform(medium.to_voxels, w)
        t, cell, _, counter = fly(medium, world.planes, p, d, _FAR, False, counter)
        cells[n] = cell
        if cell >= 0:
            seen = scattered_light(world, g, max_depth, add(p, d, t), w, _WHITE, counter)
            light[n, 0], light[n, 1], light[n, 2] = seen
