"""C and K as perceptrons."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from tomosplat.dvr.tables import raw_of
from tomosplat.networks import perceptron

#: Absorption begins with 0.03 per voxel edge, so that light passes through all of a volume, and emission with as much,
#: if it is not associated, so that pictures do not begin white; before their activation.
FIRST_RAW = raw_of(0.03)


class Absorption(nn.Module):
    """Features [..., N] → absorption [...] per voxel edge, above 0.

    The paper has a sigmoid, which ends at an opacity of 0.63 per voxel. The softplus here is the exact one: many voxels
    share weights, so that holding up its slope, as tables do (``steady_softplus``), would let the air, whose gradients
    then never end, drown what else there is to learn; and batch norm keeps networks from becoming transparent for good.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 1)
        nn.init.constant_(self.perceptron[-1].bias, FIRST_RAW)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Absorption of features."""
        return softplus(self.perceptron(features)[..., 0])


class Emission(nn.Module):
    """Features [..., N] → emission [..., 3]: colours in 0..1 if associated, else above 0.

    The paper has a sigmoid. What is opaque within a voxel edge could then not be bright, for a sample emits c·Δt before
    it hides what is behind it; unless emission is associated, there is no upper end here.
    """

    def __init__(self, features: int, associated: bool) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 3)
        self.associated = associated
        if not associated:
            nn.init.constant_(self.perceptron[-1].bias, FIRST_RAW)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Emission of features."""
        return emission_of(self.perceptron(features), self.associated)


def emission_of(raw: Tensor, associated: bool) -> Tensor:
    """What ``Emission`` makes of the last layer's numbers."""
    return torch.sigmoid(raw) if associated else softplus(raw)
