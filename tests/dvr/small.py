"""Small volumes, and rays through them from outside."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tomosplat.dvr.rays import Rays, camera_rays
from tomosplat.dvr.reference import look_up, trilinear
from tomosplat.geometry import Grid, fibonacci_directions, frame_bounds

GRID = Grid.axis_aligned((9, 8, 7), (1.0, 1.2, 1.5))


def jittered_rays(grid: Grid = GRID, n: int = 2, width: int = 19, height: int = 18) -> Rays:
    """float64; some pass the volume by."""
    cameras = frame_bounds(grid.bounds, fibonacci_directions(n), width, height)
    return camera_rays(cameras, grid, torch.float64).jittered(torch.Generator().manual_seed(3))


def random_volume(*channels: int, seed: int = 0, grid: Grid = GRID) -> Tensor:
    """[I, J, K, ...] float64 in 0..1."""
    return torch.from_numpy(np.random.default_rng(seed).random((*grid.shape, *channels)))


def look_up_two(table: Tensor, others: Tensor, values: Tensor) -> Tensor:
    """Bilinear interpolation of a table [G, M, 4]."""
    rows = torch.stack([look_up(row, values) for row in table])
    n = len(table)
    places = (others.clamp(0, 1) * (n - 1))[None] - torch.arange(n).reshape(-1, *(1,) * others.ndim)
    return ((1 - places.abs()).clamp(min=0)[..., None] * rows).sum(dim=0)


def sampled(volume: Tensor, places: Tensor) -> Tensor:
    """Trilinear values of a volume without channels."""
    return trilinear(volume[..., None], places)[..., 0]
