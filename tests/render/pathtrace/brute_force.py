"""The plainest right volume path tracer: one global majorant, float64, no direct light, no roulette."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tomosplat.gaussians.shading import srgb_to_linear
from tomosplat.volume import OpticalVolume


def mean_radiance(
    optical: OpticalVolume, max_albedo: float, start: np.ndarray, direction: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean radiance [3] of ``n`` paths along one ray under a white sky that is not itself seen, and its error [3].

    Start in mm from the first voxel's outer corner, on a grid of cubes.
    """
    scattering = optical.extinction[..., None] * np.minimum(srgb_to_linear(optical.rgb), max_albedo)
    fields = np.concatenate([optical.extinction[..., None], scattering], axis=-1).astype(np.float64)
    padded = np.pad(fields, ((1, 1), (1, 1), (1, 1), (0, 0)), mode="edge")
    sums = _trace(padded, float(optical.grid.spacing[0]), start, direction, n, np.random.default_rng(1))
    mean = sums[0] / n
    return mean, np.sqrt((sums[1] / n - mean**2) / n)


@njit
def _field(fields, x, y, z, out):
    """Extinction and scattering, interpolated at a place in padded voxels whose centres are whole numbers."""
    i, j, k = int(x), int(y), int(z)
    fx, fy, fz = x - i, y - j, z - k
    out[:] = 0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (fx if a else 1 - fx) * (fy if b else 1 - fy) * (fz if c else 1 - fz)
                out += weight * fields[i + a, j + b, k + c]


@njit
def _trace(fields, spacing, start, direction, n, rng):
    ni, nj, nk = fields.shape[0] - 2, fields.shape[1] - 2, fields.shape[2] - 2
    majorant = fields[..., 0].max()
    sums, here = np.zeros((2, 3)), np.zeros(4)
    for _ in range(n):
        x, y, z = start
        dx, dy, dz = direction
        carried, collided = np.ones(3), False
        while True:
            t = -math.log(1 - rng.random()) / majorant
            x, y, z = x + t * dx, y + t * dy, z + t * dz
            i, j, k = x / spacing, y / spacing, z / spacing
            if not (0 < i < ni and 0 < j < nj and 0 < k < nk):
                break
            _field(fields, i + 0.5, j + 0.5, k + 0.5, here)
            if rng.random() * majorant < here[0]:
                collided = True
                carried *= here[1:] / here[0]
                dz = 1 - 2 * rng.random()
                radius, phi = math.sqrt(1 - dz * dz), 2 * math.pi * rng.random()
                dx, dy = radius * math.cos(phi), radius * math.sin(phi)
        if collided:
            sums[0] += carried
            sums[1] += carried * carried
    return sums
