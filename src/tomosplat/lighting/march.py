"""Light marched through a coarse grid: what reaches each point from the lights and the surroundings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import GeometryError, ShapeError
from tomosplat.geometry import Grid, fibonacci_directions
from tomosplat.lighting.coarse import coarsen_extinction
from tomosplat.lighting.response import MEAN_RESPONSE, response
from tomosplat.lighting.rigs import LightRig
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Past this optical depth less than 0.3 % of the light is left, and the ray ends.
_OPAQUE_DEPTH = 6.0
#: Coarse voxels along a ray before it goes on in a grid of twice their edge.
_NEAR_VOXELS = 8
#: Coarse voxels between a point and the start of its rays: its own voxel must not shadow it.
_GAP = 0.5
#: Coarse voxels by which a point on a surface is lifted along the normal: collisions happen at the outer side.
_LIFT = 0.75


@dataclass(frozen=True, eq=False)
class ArrivingLight:
    """Light at N points.

    Attributes:
        radiance: [N, 3] float32, linear RGB, mean over all directions.
        exposure: [N] float32 in 0..1, share of the environment that is seen.
    """

    radiance: Float32Array
    exposure: Float32Array


def march_rays(
    optical: OpticalVolume,
    rig: LightRig,
    points_mm: ArrayLike,
    normals: ArrayLike | None = None,
    *,
    n_directions: int = 14,
    samples_per_edge: int = 2,
    steps_per_voxel: int = 1,
) -> ArrivingLight:
    """Mean radiance that arrives at points from all directions, unscattered.

    J(p) = 1/(4π) ∫ L(ω) S(n·ω) exp(−∫ σ dt) dω: shadowed area lights, and the environment seen past what lies
    around. With an isotropic phase function, albedo · J is the light scattered once towards any viewer.
    In the open S = 1. On a surface, where collisions lie at all depths from which light still returns, light that
    comes in at cosine μ has S = μ / (μ + μ_out) (Lommel and Seeliger; Chandrasekhar 1960, sec. 20).

    Extinction is taken from the grid of 2×2×2 voxels, and from one of 4×4×4 further along the ray.

    Args:
        optical: What is visible, on an isotropic grid.
        rig: Lights around ``optical.grid.bounds``.
        points_mm: [N, 3] world mm, inside the grid.
        normals: [N, 3], outward; their length, 0..1, tells how much of a surface it is (default: 0, in the open).
        n_directions: Rays towards the environment, evenly spread.
        samples_per_edge: Each square light is sampled at this many places squared.
        steps_per_voxel: Samples per coarse voxel along a ray.

    Raises:
        ShapeError: ``points_mm`` or ``normals`` is not [N, 3].
        GeometryError: The grid's voxels are not cubes.
    """
    points = np.asarray(points_mm, dtype=np.float64)
    outward = np.zeros_like(points) if normals is None else np.asarray(normals, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or outward.shape != points.shape:
        raise ShapeError(f"points_mm and normals must be [N, 3], got {points.shape} and {outward.shape}")
    spacing = _voxel_edge(optical.grid)
    near = coarsen_extinction(optical.extinction, spacing)
    lights = rig.place(optical.grid.bounds)
    places, weights = lights.samples(samples_per_edge)
    rotation = optical.grid.direction
    directions = fibonacci_directions(n_directions, 1.0)
    lit, seen = _march(
        np.pad(near, 1) * np.float32(spacing),
        np.pad(coarsen_extinction(near, 2 * spacing), 1) * np.float32(spacing),
        optical.grid.to_index(points + 2 * spacing * _LIFT * outward).astype(np.float32),
        (outward @ rotation).astype(np.float32),
        (directions @ rotation).astype(np.float32),
        optical.grid.to_index(places).astype(np.float32),
        (np.repeat(lights.normals, samples_per_edge**2, axis=0) @ rotation).astype(np.float32),
        (weights / spacing**2).astype(np.float32),
        steps_per_voxel,
    )
    solidity = np.linalg.norm(outward, axis=1)[:, None].astype(np.float32)
    mean = 1 - solidity + solidity * np.float32(MEAN_RESPONSE)
    environment = np.asarray(rig.environment, dtype=np.float32)
    return ArrivingLight(lit + seen[:, None] * mean * environment, seen)


def _voxel_edge(grid: Grid) -> float:
    """Edge of a cubic voxel in mm."""
    if not grid.is_orthogonal() or np.ptp(grid.spacing) > 1e-3 * grid.spacing.mean():
        raise GeometryError(
            f"light is marched on cubic voxels, got edges of {grid.spacing.tolist()} mm; resample to a working grid"
        )
    return float(grid.spacing.mean())


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _trilinear(grid, x, y, z):  # type: ignore[no-untyped-def]
    """Value at an index position, or -1 outside the grid."""
    inside = x >= 0 and y >= 0 and z >= 0
    if not (inside and x < grid.shape[0] - 1 and y < grid.shape[1] - 1 and z < grid.shape[2] - 1):
        return np.float32(-1)
    i, j, k = int(x), int(y), int(z)
    fx, fy, fz = x - np.float32(i), y - np.float32(j), z - np.float32(k)
    a = grid[i, j, k] + fz * (grid[i, j, k + 1] - grid[i, j, k])
    b = grid[i, j + 1, k] + fz * (grid[i, j + 1, k + 1] - grid[i, j + 1, k])
    c = grid[i + 1, j, k] + fz * (grid[i + 1, j, k + 1] - grid[i + 1, j, k])
    d = grid[i + 1, j + 1, k] + fz * (grid[i + 1, j + 1, k + 1] - grid[i + 1, j + 1, k])
    low = a + fy * (b - a)
    return low + fx * (c + fy * (d - c) - low)


@njit(cache=True, fastmath=True, error_model="numpy")
def _transmittance(near, far, start, direction, steps_per_voxel):  # type: ignore[no-untyped-def]
    """From an index position along a unit direction to the edge of the grid; grids hold depth per voxel, padded by 1.

    Voxel i of the scan is at (i − 0.5) / 2 in ``near`` and at (i − 1.5) / 4 in ``far``, plus 1 for the padding.
    """
    step = np.float32(2) / np.float32(steps_per_voxel)
    t = np.float32(2 * _GAP) + np.float32(0.5) * step
    depth = np.float32(0)
    for _ in range(_NEAR_VOXELS * steps_per_voxel):
        x, y, z = start[0] + t * direction[0], start[1] + t * direction[1], start[2] + t * direction[2]
        half, shift = np.float32(0.5), np.float32(0.75)
        value = _trilinear(near, x * half + shift, y * half + shift, z * half + shift)
        depth += max(value, np.float32(0)) * step
        if value < 0 or depth > _OPAQUE_DEPTH:
            return math.exp(-depth)
        t += step
    t += np.float32(0.5) * step
    step *= np.float32(2)
    while True:
        x, y, z = start[0] + t * direction[0], start[1] + t * direction[1], start[2] + t * direction[2]
        quarter, shift = np.float32(0.25), np.float32(0.625)
        value = _trilinear(far, x * quarter + shift, y * quarter + shift, z * quarter + shift)
        depth += max(value, np.float32(0)) * step
        if value < 0 or depth > _OPAQUE_DEPTH:
            return math.exp(-depth)
        t += step


@njit(cache=True, fastmath=True, error_model="numpy", parallel=True)
def _march(near, far, starts, normals, directions, places, facings, weights, steps_per_voxel):  # type: ignore[no-untyped-def]
    """Light from the lamps [N, 3], and share of the environment that is seen [N]; all in index units."""
    lit = np.zeros((len(starts), 3), np.float32)
    seen = np.empty(len(starts), np.float32)
    for p in prange(len(starts)):
        start, normal = starts[p], normals[p]
        solidity = math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
        passed, possible = np.float32(0), np.float32(1e-6)
        for d in range(len(directions)):
            part = response(directions[d], normal, solidity)
            if part > 0:
                possible += part
                passed += part * _transmittance(near, far, start, directions[d], steps_per_voxel)
        seen[p] = passed / possible
        ray = np.empty(3, np.float32)
        for s in range(len(places)):
            ray[0], ray[1], ray[2] = places[s, 0] - start[0], places[s, 1] - start[1], places[s, 2] - start[2]
            squared = ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2
            ray /= np.float32(math.sqrt(squared))
            facing = -(ray[0] * facings[s, 0] + ray[1] * facings[s, 1] + ray[2] * facings[s, 2])
            share = response(ray, normal, solidity) * facing / squared
            if share > 0:
                share *= _transmittance(near, far, start, ray, steps_per_voxel)
                for c in range(3):
                    lit[p, c] += share * weights[s, c]
    return lit, seen
