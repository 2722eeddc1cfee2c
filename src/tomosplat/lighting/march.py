"""Light marched through a coarse grid: what reaches each point from the lights and the surroundings."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import ShapeError
from tomosplat.geometry import fibonacci_directions
from tomosplat.lighting.coarse import coarsen_extinction
from tomosplat.lighting.rigs import LightRig, PlacedLights
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Past this optical depth less than 0.3 % of the light is left, and the ray ends.
_OPAQUE_DEPTH = 6.0
#: Fine steps before a ray goes on in the coarser grid.
_NEAR_STEPS = 8
#: First sample of a ray in units of the coarse pitch: its own voxel must not shadow the point.
_START = 0.5
_LIFT = 0.75
_EXIT_COSINE = 0.6
_MEAN_EXIT = 0.206


def march_light(
    optical: OpticalVolume,
    rig: LightRig,
    points_mm: ArrayLike,
    normals: ArrayLike | None = None,
    *,
    n_directions: int = 14,
    samples_per_edge: int = 2,
    steps_per_voxel: int = 1,
) -> Float32Array:
    """Mean radiance that arrives at points from all directions, unscattered.

    J(p) = 1/(4π) ∫ L(ω) T(p, ω) dω with transmittance T = exp(−∫ σ dt): shadowed area lights plus the environment
    seen through what lies around. With an isotropic phase function, albedo · J is the light scattered once towards
    any viewer (Kajiya and Von Herzen 1984, eq. 2). Extinction is averaged over 2×2×2 voxels, and over 4×4×4 further
    along the ray.

    Args:
        optical: What is visible.
        rig: Lights around ``optical.grid.bounds``.
        points_mm: [N, 3] world mm, inside the grid.
        normals: [N, 3] outward; length 0 where light may come from all sides alike, up to 1 on the surface of a solid,
            which sees only its own half and is lit through slanted paths (default: 0).
        n_directions: Rays towards the environment, evenly spread.
        samples_per_edge: Each square light is sampled at this many places squared.
        steps_per_voxel: Samples per coarse voxel along a ray.

    Returns:
        [N, 3] linear RGB.

    Raises:
        ShapeError: ``points_mm`` is not [N, 3].
    """
    points = np.ascontiguousarray(points_mm, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ShapeError(f"points_mm must be [N, 3], got {points.shape}")
    surface = np.zeros_like(points) if normals is None else np.ascontiguousarray(normals, dtype=np.float32)
    spacing = float(optical.grid.spacing.mean())
    near = coarsen_extinction(optical.extinction, spacing)
    lights = rig.place(optical.grid.bounds)
    samples, weights = _light_samples(lights, samples_per_edge)
    step_mm = 2 * float(optical.grid.spacing.mean()) / steps_per_voxel
    arriving: Float32Array = _march(
        np.pad(near, 1),
        np.pad(coarsen_extinction(near, 2 * spacing), 1),
        points,
        surface,
        optical.grid.affine[:3, 3].astype(np.float32),
        np.linalg.inv(optical.grid.affine[:3, :3]).astype(np.float32),
        fibonacci_directions(n_directions, 1.0).astype(np.float32),
        np.asarray(rig.environment, dtype=np.float32),
        samples,
        np.repeat(lights.normals, samples_per_edge**2, axis=0).astype(np.float32),
        weights,
        np.float32(step_mm),
        _NEAR_STEPS * steps_per_voxel,
    )
    return arriving


def _light_samples(lights: PlacedLights, per_edge: int) -> tuple[Float32Array, Float32Array]:
    """Places on the lights [L·n², 3] and radiance · area / (4π n²) of each, [L·n², 3]."""
    ticks = (np.arange(per_edge) + 0.5) / per_edge * 2 - 1
    u, v = (grid.ravel() for grid in np.meshgrid(ticks, ticks, indexing="ij"))
    edge_u, edge_v = lights.half_edges[:, None, 0], lights.half_edges[:, None, 1]
    places = lights.centers[:, None] + u[:, None] * edge_u + v[:, None] * edge_v
    areas = 4 * np.linalg.norm(lights.half_edges, axis=2).prod(axis=1)
    weights = np.repeat(lights.radiances * areas[:, None], per_edge**2, axis=0) / (4 * math.pi * per_edge**2)
    return places.reshape(-1, 3).astype(np.float32), weights.astype(np.float32)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _sample(grid, x, y, z):  # type: ignore[no-untyped-def]
    """Trilinear value at an index position of a zero-padded grid; −1 outside."""
    if not (x >= 0 and y >= 0 and z >= 0 and x < grid.shape[0] - 1 and y < grid.shape[1] - 1 and z < grid.shape[2] - 1):
        return np.float32(-1)
    i, j, k = int(x), int(y), int(z)
    fx, fy, fz = x - np.float32(i), y - np.float32(j), z - np.float32(k)
    a = grid[i, j, k] + fz * (grid[i, j, k + 1] - grid[i, j, k])
    b = grid[i, j + 1, k] + fz * (grid[i, j + 1, k + 1] - grid[i, j + 1, k])
    c = grid[i + 1, j, k] + fz * (grid[i + 1, j, k + 1] - grid[i + 1, j, k])
    d = grid[i + 1, j + 1, k] + fz * (grid[i + 1, j + 1, k + 1] - grid[i + 1, j + 1, k])
    ab = a + fy * (b - a)
    return ab + fx * (c + fy * (d - c) - ab)


@njit(cache=True, fastmath=True, error_model="numpy")
def _transmittance(near, far, x, y, z, dx, dy, dz, step, n_near):  # type: ignore[no-untyped-def]
    """From an index position of the fine grid along (dx, dy, dz) per mm, to the edge of the grid."""
    depth = np.float32(0)
    t = step * np.float32(0.5) + np.float32(_START) * step
    # A coarse centre lies half a fine index beyond its first voxel; the padding adds one.
    half, quarter = np.float32(0.5), np.float32(0.25)
    for _ in range(n_near):
        value = _sample(
            near,
            (x + dx * t) * half + np.float32(0.75),
            (y + dy * t) * half + np.float32(0.75),
            (z + dz * t) * half + np.float32(0.75),
        )
        if value < 0:
            return math.exp(-depth)
        depth += value * step
        t += step
        if depth > _OPAQUE_DEPTH:
            return np.float32(0)
    t += step * half
    step *= np.float32(2)
    while True:
        value = _sample(
            far,
            (x + dx * t) * quarter + np.float32(0.625),
            (y + dy * t) * quarter + np.float32(0.625),
            (z + dz * t) * quarter + np.float32(0.625),
        )
        if value < 0:
            return math.exp(-depth)
        depth += value * step
        t += step
        if depth > _OPAQUE_DEPTH:
            return np.float32(0)


@njit(cache=True, fastmath=True, error_model="numpy", parallel=True)
def _march(  # type: ignore[no-untyped-def]
    near, far, points, normals, origin, to_index, directions, environment, places, light_normals, weights, step, n_near
):
    n = points.shape[0]
    n_directions = directions.shape[0]
    out = np.empty((n, 3), np.float32)
    for p in prange(n):
        gx, gy, gz = normals[p, 0], normals[p, 1], normals[p, 2]
        solidity = math.sqrt(gx * gx + gy * gy + gz * gz)
        inv = 1 / max(solidity, 1e-6)
        lift = np.float32(_LIFT) * step
        px, py, pz = points[p, 0] + lift * gx, points[p, 1] + lift * gy, points[p, 2] + lift * gz
        x0, y0, z0 = px - origin[0], py - origin[1], pz - origin[2]
        x = to_index[0, 0] * x0 + to_index[0, 1] * y0 + to_index[0, 2] * z0
        y = to_index[1, 0] * x0 + to_index[1, 1] * y0 + to_index[1, 2] * z0
        z = to_index[2, 0] * x0 + to_index[2, 1] * y0 + to_index[2, 2] * z0
        seen, total = np.float32(0), np.float32(0)
        r, g, b = np.float32(0), np.float32(0), np.float32(0)
        for q in range(n_directions + places.shape[0]):
            weight = np.float32(1)
            if q < n_directions:
                ux, uy, uz = directions[q, 0], directions[q, 1], directions[q, 2]
            else:
                s = q - n_directions
                ux, uy, uz = places[s, 0] - px, places[s, 1] - py, places[s, 2] - pz
                distance = math.sqrt(ux * ux + uy * uy + uz * uz)
                ux, uy, uz = ux / distance, uy / distance, uz / distance
                weight = -(ux * light_normals[s, 0] + uy * light_normals[s, 1] + uz * light_normals[s, 2]) / (
                    distance * distance
                )
            mu = max(np.float32(0), (ux * gx + uy * gy + uz * gz) * inv)
            weight *= np.float32(1) - solidity + solidity * mu / (mu + np.float32(_EXIT_COSINE))
            if q < n_directions:
                total += weight
            if weight <= 0:
                continue
            dx = to_index[0, 0] * ux + to_index[0, 1] * uy + to_index[0, 2] * uz
            dy = to_index[1, 0] * ux + to_index[1, 1] * uy + to_index[1, 2] * uz
            dz = to_index[2, 0] * ux + to_index[2, 1] * uy + to_index[2, 2] * uz
            light = weight * _transmittance(near, far, x, y, z, dx, dy, dz, step, n_near)
            if q < n_directions:
                seen += light
            else:
                r += light * weights[q - n_directions, 0]
                g += light * weights[q - n_directions, 1]
                b += light * weights[q - n_directions, 2]
        seen *= (np.float32(1) - solidity + solidity * np.float32(_MEAN_EXIT)) / max(total, np.float32(1e-6))
        out[p, 0] = r + seen * environment[0]
        out[p, 1] = g + seen * environment[1]
        out[p, 2] = b + seen * environment[2]
    return out
