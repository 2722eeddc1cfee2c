"""The generalised renderer (eq. 8 to 13): encoder, colour and opacity mappings, accumulation and image decoder."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tomosplat.dvr.accumulation import accumulate_volume
from tomosplat.dvr.chunked import Accumulation, blend, march_chunked
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays

Classification = Literal["post", "pre"]


class VolumeRenderer(nn.Module):
    """Five replaceable parts.

    ``post`` maps samples: features are interpolated and then classified (eq. 9 to 11), in PyTorch, chunk by chunk.
    ``pre`` maps voxels, and their colours and opacities are interpolated, by kernels that are many times faster; where
    both mappings are linear, as in VNet4-4, it is the same.

    Args:
        encoder: E: volume [1, n_I, I, J, K] → features [1, n_F, I, J, K].
        color: C: features [..., n_F] → emission [..., n_C].
        opacity: K: features [..., n_F] → absorption [...] per voxel edge, not negative.
        decoder: D: accumulated channels [C, n_C, H, W] → colours [C, 3, H, W].
        accumulate: A: emissions [R, S, n_C], opacities [R, S] → [R, n_C + 1]; ``pre`` always blends.
        classification: What the mappings are applied to.
    """

    def __init__(
        self,
        *,
        color: nn.Module,
        opacity: nn.Module,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        accumulate: Accumulation = blend,
        classification: Classification = "post",
    ) -> None:
        super().__init__()
        self.encoder = encoder or nn.Identity()
        self.color = color
        self.opacity = opacity
        self.decoder = decoder or nn.Identity()
        self.accumulate = accumulate
        self.classification = classification

    def encode(self, volume: Tensor) -> Tensor:
        """Features [n_F, I, J, K] of a volume [n_I, I, J, K]; no camera changes them, so they can be kept."""
        features: Tensor = self.encoder(volume[None])[0]
        return features

    def accumulated(self, features: Tensor, rays: Rays, march: March) -> Tensor:
        """Channels and opacity [C, H, W, n_C + 1] before the decoder."""
        if self.classification == "post":
            return march_chunked(features, self.color, self.opacity, rays, march, self.accumulate)
        voxels = features.movedim(0, -1)
        return accumulate_volume(self.color(voxels), self.opacity(voxels), rays, march)

    def render(self, features: Tensor, rays: Rays, march: March) -> Tensor:
        """Pictures [C, H, W, 4] of features: decoded colours, premultiplied, and opacity."""
        image = self.accumulated(features, rays, march)
        colors = self.decoder(image[..., :-1].movedim(-1, 1)).movedim(1, -1)
        return torch.cat([colors, image[..., -1:]], dim=-1)

    def forward(self, volume: Tensor, rays: Rays, march: March) -> Tensor:
        """Pictures [C, H, W, 4] of a volume [n_I, I, J, K]."""
        return self.render(self.encode(volume), rays, march)


class Channels(nn.Module):
    """The identity on some channels, as C or K of features that hold colour or opacity themselves.

    Args:
        first: First channel.
        last: Behind the last one; None for a single channel without an axis of its own, as K has it.
    """

    def __init__(self, first: int, last: int | None = None) -> None:
        super().__init__()
        self.index = first if last is None else slice(first, last)

    def forward(self, features: Tensor) -> Tensor:
        """These channels."""
        return features[..., self.index]
