"""K as a perceptron."""

from __future__ import annotations

from torch import Tensor, nn

from tomosplat.dvr.tables import raw_of, steady_softplus
from tomosplat.networks import perceptron

#: Absorption begins with 0.03 per voxel edge, so that light passes through all of a volume; before its activation.
FIRST_RAW = raw_of(0.03)


class Absorption(nn.Module):
    """Features [..., N] → absorption [...] per voxel edge, above 0.

    The paper has a sigmoid, which ends at an opacity of 0.63 per voxel and lets no gradient through where it is near 0.
    ``steady_softplus`` knows neither end.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 1)
        nn.init.constant_(self.perceptron[-1].bias, FIRST_RAW)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Absorption of features."""
        return steady_softplus(self.perceptron(features)[..., 0])
