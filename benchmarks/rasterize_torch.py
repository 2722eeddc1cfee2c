"""The baseline: what a plain, vectorised PyTorch compositor does, one tile after the other.

It is given what our kernels prepare for free: projected Gaussians, sorted tile lists, and where each list may stop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tomosplat.render.constants import ALPHA_MAX, ALPHA_MIN, TRANSMITTANCE_MIN
from tomosplat.render.cpu.frame import Frame
from tomosplat.render.cpu.layout import BLUE, RECORD, TILE


@dataclass(frozen=True)
class Seconds:
    """Wall and processor seconds."""

    wall: float = 0.0
    cpu: float = 0.0

    @classmethod
    def now(cls) -> Seconds:
        """Both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: Seconds) -> Seconds:
        """Time that passed."""
        return Seconds(self.wall - start.wall, self.cpu - start.cpu)

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True)
class Tiles:
    """Everything to composite.

    Attributes:
        records: [N, 9], projected Gaussians.
        lists: Indices of each tile's Gaussians, nearest first, as long as any of its pixels is unfinished.
        pixels: [256, 2], pixel centres of each tile.
    """

    records: Tensor
    lists: list[Tensor]
    pixels: list[Tensor]


def tiles_of(frame: Frame, size: int) -> Tiles:
    """Every tile of a frame that shows anything."""
    records = torch.from_numpy(frame.records.reshape(-1, int(RECORD))[:, : int(BLUE) + 1].copy())
    tiles_x = -(-size // TILE)
    rows, columns = torch.meshgrid(torch.arange(TILE), torch.arange(TILE), indexing="ij")
    corner = torch.stack([columns, rows], dim=-1).reshape(-1, 2) + 0.5
    tiles = Tiles(records, [], [])
    for tile in np.flatnonzero(frame.n_blended):
        start = int(frame.tile_starts[tile])
        indices = frame.lists[start : start + int(frame.n_blended[tile])].astype(np.int64)
        tiles.lists.append(torch.from_numpy(indices))
        tiles.pixels.append(corner + torch.tensor([tile % tiles_x, tile // tiles_x]) * TILE)
    return tiles


def alphas(records: Tensor, pixels: Tensor) -> Tensor:
    """What N Gaussians cover of a tile's pixels, [N, 256]."""
    dx, dy = (pixels[None, :, :] - records[:, None, :2]).unbind(-1)
    xx, xy, yy, log_opacity = records[:, 2:6, None].unbind(1)
    alpha = torch.exp2(log_opacity + xx * dx * dx + xy * dx * dy + yy * dy * dy).clamp_max(ALPHA_MAX)
    return torch.where(alpha > ALPHA_MIN, alpha, 0)


def composite(records: Tensor, pixels: Tensor) -> Tensor:
    """Blend one tile: [256, 4]."""
    alpha = alphas(records, pixels)
    after = torch.cumprod(1 - alpha, dim=0)
    before = torch.cat([torch.ones_like(after[:1]), after[:-1]])
    weights = torch.where(before > TRANSMITTANCE_MIN, alpha * before, 0)
    return torch.cat([weights.T @ records[:, 6:9], weights.sum(dim=0)[:, None]], dim=1)


def time_forward(tiles: Tiles) -> tuple[Seconds, float]:
    """Composite every tile without a graph; also return the sum of alpha."""
    start = Seconds.now()
    with torch.no_grad():
        blended = [
            composite(tiles.records[indices], pixels) for indices, pixels in zip(tiles.lists, tiles.pixels, strict=True)
        ]
    return Seconds.now().since(start), float(torch.cat(blended)[:, 3].double().sum())


def time_backward(tiles: Tiles) -> Seconds:
    """Autograd's backward pass, tile by tile so that the graph fits into memory; the forward passes are not counted."""
    total, gradients = Seconds(), torch.zeros_like(tiles.records)
    for indices, pixels in zip(tiles.lists, tiles.pixels, strict=True):
        leaf = tiles.records[indices].requires_grad_()
        blended = composite(leaf, pixels)
        gradient = torch.ones_like(blended)
        start = Seconds.now()
        gradients.index_add_(0, indices, torch.autograd.grad(blended, leaf, gradient)[0])
        total = total + Seconds.now().since(start)
    return total
