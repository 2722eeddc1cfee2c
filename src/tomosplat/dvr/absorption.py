"""K as a perceptron."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tomosplat.networks import perceptron

#: Where absorption begins: sigmoid(−3) = 0.05 per voxel edge, so that at first light passes through all of a volume.
WARM = -3.0


class Absorption(nn.Module):
    """Features [..., N] → absorption [...] per voxel edge, between 0 and 1."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 1)
        nn.init.constant_(self.perceptron[-1].bias, WARM)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Absorption of features."""
        return torch.sigmoid(self.perceptron(features)[..., 0])
