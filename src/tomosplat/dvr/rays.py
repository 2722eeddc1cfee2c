"""View rays cut to a grid, in index coordinates; lengths are counted in voxels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tomosplat.geometry import Cameras, Grid

#: Where the first sample of a ray without jitter lies in its first step.
_MIDDLE = 0.5


@dataclass(frozen=True, eq=False)
class Rays:
    """The parts of view rays that lie in a grid's voxels; a place is ``starts + t · directions``, 0 <= t < ``lengths``.

    Attributes:
        starts: [C, H, W, 3] index coordinates where each ray enters the voxels.
        directions: [C, H, W, 3] index coordinates per voxel edge d_v of travel (see ``voxel_edge``).
        lengths: [C, H, W] in d_v; 0 where a ray misses.
        offsets: [C, H, W] in [0, 1): the first sample of each ray, as a share of the step; 1/2 without jitter.
    """

    starts: Tensor
    directions: Tensor
    lengths: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: slice | list[int]) -> Rays:
        return Rays(self.starts[index], self.directions[index], self.lengths[index], self.offsets[index])

    def jittered(self, generator: torch.Generator) -> Rays:
        """The same rays, each with an offset drawn uniformly (eq. 7 with t_j,max = Δt)."""
        offsets = torch.rand(self.lengths.shape, generator=generator, dtype=self.lengths.dtype)
        return replace(self, offsets=offsets.to(self.lengths.device))

    def to(self, where: torch.device | torch.dtype) -> Rays:
        """The same rays on another device or in another precision."""
        return Rays(*(part.to(where) for part in (self.starts, self.directions, self.lengths, self.offsets)))


def voxel_edge(grid: Grid) -> float:
    """The voxel size d_v of eq. 4 in mm: the shortest of a voxel's edges."""
    return float(grid.spacing.min())


def camera_rays(cameras: Cameras, grid: Grid, dtype: torch.dtype = torch.float32) -> Rays:
    """Rays through the middle of every pixel, cut to the outer faces of the grid's voxels.

    Rays begin at the camera, so one that stands in the grid sees what is before it.
    """
    columns, rows = np.meshgrid(np.arange(cameras.width) + 0.5, np.arange(cameras.height) + 0.5)
    pixels = np.stack([columns, rows, np.ones_like(columns)], axis=-1)
    turned = np.linalg.inv(cameras.Ks @ cameras.viewmats[:, :3, :3])  # pixel → world, of any length
    world = np.einsum("cij,hwj->chwi", turned, pixels)
    world *= voxel_edge(grid) / np.linalg.norm(world, axis=-1, keepdims=True)
    directions = world @ np.linalg.inv(grid.affine[:3, :3]).T
    origins = grid.to_index(cameras.positions)[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (-0.5 - origins) / directions
        high = (np.array(grid.shape) - 0.5 - origins) / directions
    # A ray along a face divides 0 by 0: on the face counts as inside.
    near = np.nan_to_num(np.minimum(low, high), nan=-np.inf, posinf=np.inf, neginf=-np.inf).max(axis=-1)
    far = np.nan_to_num(np.maximum(low, high), nan=np.inf, posinf=np.inf, neginf=-np.inf).min(axis=-1)
    near = np.maximum(near, 0)
    lengths = np.where(np.isfinite(near), np.maximum(far - near, 0), 0)
    starts = origins + np.where(lengths > 0, near, 0)[..., None] * directions
    parts = (starts, directions, lengths, np.full(lengths.shape, _MIDDLE))
    return Rays(*(torch.from_numpy(np.ascontiguousarray(part)).to(dtype) for part in parts))
