"""A small volume of smooth values, and pictures of it through a known table."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import camera_rays
from tomosplat.dvr.table_fitting import Pictures
from tomosplat.geometry import Grid, fibonacci_directions, frame_bounds

GRID = Grid.axis_aligned((16, 16, 16), 2.0, (-15.0, -15.0, -15.0))


def ball_values() -> Tensor:
    """[16, 16, 16]: 1 in the middle, falling to 0 at the faces, a little tilted."""
    axes = [torch.linspace(-1, 1, n) for n in GRID.shape]
    x, y, z = torch.meshgrid(*axes, indexing="ij")
    return (1 - (x**2 + y**2 + z**2).sqrt() + 0.1 * x).clamp(0, 1)


def ball_features() -> Features:
    """Of the ball."""
    return Features(ball_values().numpy())


def known_table(n: int = 24) -> Tensor:
    """A red shell around a blue core, per voxel edge."""
    at = torch.linspace(0, 1, n)[:, None]
    shell, core = ((at - 0.35).abs() < 0.12).float(), (at > 0.6).float()
    color = shell * torch.tensor([0.9, 0.2, 0.1]) + core * torch.tensor([0.1, 0.3, 1.0])
    return torch.cat([color, 0.15 * shell + 0.6 * core], dim=1)


def pictures(n: int = 6, pixels: int = 20, brightness: float = 1.0) -> Pictures:
    """Of the ball through the known table."""
    cameras = frame_bounds(GRID.bounds, fibonacci_directions(n), pixels, pixels)
    rays = camera_rays(cameras, GRID)
    table = known_table() * torch.tensor([brightness, brightness, brightness, 1.0])
    return Pictures(rays, render_table(ball_features(), table, rays, March(3, associated=True)))
