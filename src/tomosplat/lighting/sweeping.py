"""The light of a rig past what covers the cells of a coarse lattice: fast enough to follow a switch."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from tomosplat.geometry import Grid, fibonacci_directions
from tomosplat.lighting.coverage import surface_normals
from tomosplat.lighting.response import MEAN_RESPONSE, response
from tomosplat.lighting.rigs import RGB, PlacedLights
from tomosplat.lighting.sweep import transmittances

Float32Array = NDArray[np.float32]

#: Rays towards the environment, and places on the edge of a light, squared.
_N_DIRECTIONS = 14
_PER_EDGE = 2
#: Cells by which a point on a surface is lifted along the normal: collisions happen at the outer side.
_LIFT = 0.75


def sweep_light(
    coverage: Float32Array, grid: Grid, environment: RGB, lights: PlacedLights, points_mm: ArrayLike
) -> Float32Array:
    """Mean radiance that arrives at points from all directions, unscattered, [N, 3] linear RGB.

    The integral of ``march_rays`` on a much coarser lattice, with the normals of what covers it.

    Args:
        coverage: [I, J, K] of ``cover``.
        grid: Of ``coarse_grid``.
        environment: Linear RGB radiance from every direction in which no light stands.
        lights: The lights, outside the lattice.
        points_mm: [N, 3] of the points that the lattice was put around.
    """
    index = grid.to_index(points_mm)
    normals = surface_normals(coverage, index)
    starts = (index + _LIFT * normals).astype(np.float32)
    directions = fibonacci_directions(_N_DIRECTIONS, 1.0)
    places, weights = lights.samples(_PER_EDGE)
    sources = np.concatenate([np.insert(directions, 3, 0, axis=1), np.insert(grid.to_index(places), 3, 1, axis=1)])
    sources = sources.astype(np.float32)
    passed = transmittances(coverage, sources, starts)
    lit, seen = _gathered(
        passed,
        sources,
        np.repeat(lights.normals, _PER_EDGE**2, axis=0).astype(np.float32),
        (weights / grid.spacing[0] ** 2).astype(np.float32),
        starts,
        normals,
    )
    light: Float32Array = lit + seen[:, None] * np.asarray(environment, dtype=np.float32)
    return light


@njit(cache=True, fastmath=True, error_model="numpy", parallel=True)
def _gathered(passed, sources, facings, weights, starts, normals):  # type: ignore[no-untyped-def]
    """Light from the lamps [N, 3], and mean response to what is seen of the environment [N]; lengths in cells."""
    lit = np.zeros((len(starts), 3), np.float32)
    seen = np.empty(len(starts), np.float32)
    n_directions = len(sources) - len(facings)
    for p in prange(len(starts)):
        start, normal = starts[p], normals[p]
        solidity = math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
        arrived, possible = np.float32(0), np.float32(1e-6)
        for s in range(n_directions):
            part = response(sources[s], normal, solidity)
            possible += part
            arrived += part * passed[s, p]
        seen[p] = arrived / possible * (np.float32(1) - solidity + solidity * np.float32(MEAN_RESPONSE))
        ray = np.empty(3, np.float32)
        for s in range(len(facings)):
            place, facing = sources[n_directions + s], facings[s]
            ray[0], ray[1], ray[2] = place[0] - start[0], place[1] - start[1], place[2] - start[2]
            squared = ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2
            ray /= np.float32(math.sqrt(squared))
            cosine = max(-(ray[0] * facing[0] + ray[1] * facing[1] + ray[2] * facing[2]), np.float32(0))
            share = response(ray, normal, solidity) * cosine / squared * passed[n_directions + s, p]
            for c in range(3):
                lit[p, c] += share * weights[s, c]
    return lit, seen
