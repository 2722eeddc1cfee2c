"""Gaussians modulated by three feature planes (the tri-plane method on InnerGS)."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.slices.fit_settings import SliceBlending, SliceRates
from tomosplat.slices.gaussian_model import GaussianModel
from tomosplat.slices.seeding import Seeds

#: Channels and edge of each plane (at most a texel per pixel), and width of the network that reads them; the paper
#: leaves them open.
_CHANNELS, _EDGE, _HIDDEN = 16, 128, 64
#: Coordinates that each plane spans.
_SPANS = ((0, 1), (1, 2), (0, 2))
#: Weight of the planes' total variation.
_TV_WEIGHT = 1e-4


class TriplaneModel(GaussianModel):
    """3D Gaussians whose parameters are offset by a network that reads three planes at their means.

    Features of the planes xy, yz and xz, sampled bilinearly, stand beside each other and go through two hidden layers
    to offsets of mean (at most half the pitch of the start), log_scales, shears, opacity, colour and scores. The last
    layer is zero at first, so that the fit begins as that of plain Gaussians. Once fitted, the offsets are part of the
    Gaussians: a scene needs no planes.
    """

    def __init__(
        self, seeds: Seeds, pixel_mm: float, blending: SliceBlending, rates: SliceRates, n_classes: int, coloured: bool
    ) -> None:
        super().__init__(seeds, pixel_mm, blending, rates, n_classes, coloured)
        low, high = seeds.means.amin(dim=0), seeds.means.amax(dim=0)
        self.register_buffer("middle", (low + high) / 2)
        self.register_buffer("half_extent", ((high - low) / 2).clamp_min(pixel_mm))
        # The generator of its own keeps the start the same whatever was drawn before.
        generator = torch.Generator().manual_seed(0)
        edge = int(min(_EDGE, 2 * float(self.half_extent.max()) / pixel_mm + 1))
        self.planes = torch.nn.Parameter(0.1 * torch.randn(3, _CHANNELS, edge, edge, generator=generator))
        outputs = 3 + 3 + 3 + 1 + self.colours.shape[1] + self.scores.shape[1]
        last = torch.nn.Linear(_HIDDEN, outputs)
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        self.network = torch.nn.Sequential(
            _linear(3 * _CHANNELS, _HIDDEN, generator),
            torch.nn.ReLU(),
            _linear(_HIDDEN, _HIDDEN, generator),
            torch.nn.ReLU(),
            last,
        )

    middle: Tensor
    half_extent: Tensor

    def rates(self) -> dict[str, float]:
        """Those of the Gaussians, the planes and the network."""
        return super().rates() | {"planes": self._rates.planes, "network": self._rates.network}

    def raw(self, chosen: Tensor | None) -> tuple[Tensor, ...]:
        """Raw parameters of some Gaussians, offset; None: of all."""
        means, log_scales, shears, logits, colours, scores = super().raw(chosen)
        # Where the planes are read is not optimised: it would make the Gaussians run after the features.
        read = self.network(self._features(means.detach()))
        widths = [3, 3, 3, 1, colours.shape[1], scores.shape[1]]
        move, scale, shear, logit, colour, score = read.split(widths, dim=1)
        return (
            means + self.pixel_mm * torch.tanh(move),
            log_scales + scale,
            shears + shear,
            logits + logit[:, 0],
            colours + colour,
            scores + score,
        )

    def penalty(self) -> Tensor:
        """Total variation of the planes."""
        across = (self.planes[..., 1:] - self.planes[..., :-1]).abs().mean()
        down = (self.planes[..., 1:, :] - self.planes[..., :-1, :]).abs().mean()
        return _TV_WEIGHT * (across + down)

    def _features(self, means: Tensor) -> Tensor:
        places = (means - self.middle) / self.half_extent
        grid = torch.stack([places[:, span] for span in _SPANS])[:, None]
        sampled = torch.nn.functional.grid_sample(self.planes, grid, align_corners=True, padding_mode="border")
        return sampled[:, :, 0].permute(2, 0, 1).flatten(1)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs)
    torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
    torch.nn.init.zeros_(layer.bias)
    return layer
