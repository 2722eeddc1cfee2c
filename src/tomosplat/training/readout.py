"""The head's weights in closed form: the best linear readout of what the network sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tomosplat.files.dataset import Manifest
from tomosplat.networks import UNet3D
from tomosplat.training.crops import Crop, draw_crop
from tomosplat.training.losses import COLOR, GAMMA, SCALES
from tomosplat.training.settings import TrainSettings

#: Ridge, relative to the mean square of the features.
_RIDGE = 1e-3


def solve_head(network: UNet3D, manifest: Manifest, looks: list[Path], settings: TrainSettings) -> None:
    """Solve the head's colours and sizes by least squares on ``settings.solve_crops`` crops; the others stay.

    Layers that are still random already tell surfaces from depths, so that at the beginning this saves hundreds of
    steps; at the end it takes out what the last steps' noise has left. The features do not depend on the head, so doing
    it twice changes nothing. The loss is linearised: the gamma of a colour times exp(x) is about 1 + gamma x times its
    own.

    Args:
        network: Its head is changed.
        manifest: The dataset.
        looks: Its fitted looks.
        settings: How it is trained.
    """
    normal = [_Normal.zeros(network.head.in_channels + 1) for _ in range(4)]
    for n in range(settings.solve_crops):
        rng = np.random.default_rng([settings.seed, n, settings.solve_crops])
        crop = draw_crop(manifest, looks, settings.crop, settings.model.scale, rng)
        features = _features(network, crop, settings)
        weights = (crop.weights / crop.weights.sum()).double()
        for channel, equations in enumerate(normal[:3]):
            own = GAMMA * crop.marched[:, channel].double() ** GAMMA
            equations.add(features * own[:, None], own * crop.brightening[:, channel], weights)
        normal[3].add(features, crop.swelling.double(), weights)
    solved = torch.stack([equations.solve() for equations in normal]).float()
    with torch.no_grad():
        for channels, rows in ((COLOR, solved[:3]), (SCALES, solved[3:].expand(3, -1))):
            network.head.weight[channels] = rows[:, :-1, None, None, None]
            if network.head.bias is not None:
                network.head.bias[channels] = rows[:, -1]


class _Normal:
    """Weighted normal equations."""

    def __init__(self, left: torch.Tensor, right: torch.Tensor) -> None:
        self._left, self._right = left, right

    @classmethod
    def zeros(cls, n: int) -> _Normal:
        return cls(torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64))

    def add(self, rows: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> None:
        self._left += rows.T @ (rows * weights[:, None])
        self._right += rows.T @ (weights * targets)

    def solve(self) -> torch.Tensor:
        ridge = _RIDGE * self._left.diagonal().mean().clamp_min(1e-12)
        left = self._left + ridge * torch.eye(len(self._right), dtype=torch.float64)
        solved: torch.Tensor = torch.linalg.solve(left, self._right)
        return solved


def _features(network: UNet3D, crop: Crop, settings: TrainSettings) -> torch.Tensor:
    """What the head is given at each Gaussian, and 1, [M, C + 1] float64."""
    light = crop.light[None] if settings.model.light_channels else None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        field = network.features(crop.scan[None], light)[0]
    i, j, k = crop.places.unbind(dim=1)
    rows = field[:, i, j, k].T.double()
    return torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
