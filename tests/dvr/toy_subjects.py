"""A small volume of two blobs, and pictures in which they have colours that their values do not tell."""

from __future__ import annotations

import numpy as np
import torch

from tomosplat.dvr.accumulation import accumulate_volume
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import camera_rays
from tomosplat.dvr.subjects import Subject
from tomosplat.geometry import Cameras, Grid, fibonacci_directions, frame_bounds
from tomosplat.volume import Volume


def toy_volume(n: int = 16, shift: float = 0.0) -> Volume:
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, n)] * 3, indexing="ij"), axis=-1)
    first = np.exp(-8 * ((places - [0.4, shift, 0.2]) ** 2).sum(axis=-1))
    second = np.exp(-8 * ((places - [-0.4, 0.3, -0.3]) ** 2).sum(axis=-1))
    return Volume((first + second).astype(np.float32), Grid.axis_aligned((n, n, n), 2.0))


def toy_cameras(volume: Volume, n: int = 4, size: int = 16) -> Cameras:
    return frame_bounds(volume.grid.bounds, fibonacci_directions(n), size, size)


def toy_subject(n: int = 16, n_views: int = 4, size: int = 16, name: str = "toy", shift: float = 0.0) -> Subject:
    volume = toy_volume(n, shift)
    cameras = toy_cameras(volume, n_views, size)
    left = torch.arange(n)[:, None, None].expand(n, n, n) < n // 2
    colors = torch.stack([left, ~left, torch.zeros_like(left)], dim=-1).float()
    absorption = torch.from_numpy((volume.values > 0.4).astype(np.float32))
    pictures = accumulate_volume(colors, absorption, camera_rays(cameras, volume.grid), March(2, associated=True))
    return Subject(name, volume, cameras, pictures)
