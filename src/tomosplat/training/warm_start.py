"""The first weights of the head in closed form: what a linear readout of random features can know of the light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tomosplat.files.dataset import Manifest
from tomosplat.training.crops import Crop, draw_crop
from tomosplat.training.losses import COLOR, GAMMA
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState

#: Ridge, relative to the mean square of the features.
_RIDGE = 1e-3


def warm_start(state: TrainState, manifest: Manifest, looks: list[Path], settings: TrainSettings, n_crops: int) -> None:
    """Solve the head's colour channels by least squares on a few crops; the other channels stay as they are.

    A network whose layers are random already tells surfaces from depths, so that its readout saves the first few
    hundred steps. The loss is linearised: the gamma of a colour times exp(x) is about 1 + gamma x times its own.

    Args:
        state: A training that has not begun.
        manifest: The dataset.
        looks: Its baked looks.
        settings: How it is trained.
        n_crops: How many crops to look at.
    """
    normal = [_Normal.zeros(state.network.head.in_channels + 1) for _ in range(3)]
    for n in range(n_crops):
        rng = np.random.default_rng([settings.seed, n, n_crops])
        crop = draw_crop(manifest, looks, settings.crop, settings.model.scale, rng)
        features = _features(state, crop, settings)
        weights = (crop.weights / crop.weights.sum()).double()
        for channel, equations in enumerate(normal):
            own = crop.marched[:, channel].double() ** GAMMA
            equations.add(features * (GAMMA * own)[:, None], crop.baked[:, channel].double() ** GAMMA - own, weights)
    solved = torch.stack([equations.solve() for equations in normal]).float()
    with torch.no_grad():
        for network in (state.network, state.average):
            network.head.weight[COLOR] = solved[:, :-1, None, None, None]
            assert network.head.bias is not None
            network.head.bias[COLOR] = solved[:, -1]


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


def _features(state: TrainState, crop: Crop, settings: TrainSettings) -> torch.Tensor:
    """What the head is given at each Gaussian, and 1, [M, C + 1] float64."""
    light = crop.light[None] if settings.model.light_channels else None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        field = state.network.features(crop.scan[None], light)[0]
    i, j, k = crop.places.unbind(dim=1)
    rows = field[:, i, j, k].T.double()
    return torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
