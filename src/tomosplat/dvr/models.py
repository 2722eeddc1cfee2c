"""The learned renderers of the paper: encoder E, mappings C and K, accumulation A, decoder D (table 1, sec. 3.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from tomosplat.dvr.absorption import WARM, Absorption
from tomosplat.dvr.chunked import sample_features
from tomosplat.dvr.levels import coarser_cameras, coarser_grid, padded_cameras, places_along_rays
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays, camera_rays
from tomosplat.dvr.renderer import Channels, Classification, VolumeRenderer
from tomosplat.geometry import Cameras, Grid
from tomosplat.networks import ImageDecoder, RenderNet, RenderNetLayout, VNet, VNetEncoder, VNetLayout, perceptron
from tomosplat.networks.rendernet import PICTURE_MULTIPLE, PIXELS_PER_SAMPLE


class LearnedRenderer(nn.Module, ABC):
    """A volume is encoded once and drawn from anywhere."""

    @abstractmethod
    def encode(self, volume: Tensor) -> list[Tensor]:
        """What no camera changes of a volume [I, J, K] of normalised values: feature volumes [N, i, j, k]."""

    @abstractmethod
    def draw(
        self, encoded: list[Tensor], grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """Draw pictures.

        Args:
            encoded: What ``encode`` returned.
            grid: Of the volume.
            cameras: One picture for each.
            march: How rays are sampled.
            jitter: Draws where on each ray the first sample lies; None for the middle of its step.

        Returns:
            [C, H, W, 4] colour over black and opacity; differentiable in the weights and in ``encoded``.
        """


class SingleScale(LearnedRenderer):
    """An encoder on the volume's own grid and one way along the rays.

    Args:
        renderer: Its parts; the encoder takes [1, 1, I, J, K].
    """

    def __init__(self, renderer: VolumeRenderer) -> None:
        super().__init__()
        self.renderer = renderer

    def encode(self, volume: Tensor) -> list[Tensor]:
        """One volume of features."""
        return [self.renderer.encode(volume[None])]

    def draw(
        self, encoded: list[Tensor], grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``."""
        return self.renderer.render(encoded[0], _rays(cameras, grid, encoded[0], jitter), march)


class DvrNet(LearnedRenderer):
    """The way down of a V-Net, every level of which is drawn at its own resolution, and a U-Net's way up in pictures.

    On every level C is the identity and K a perceptron; the picture's opacity is that of the finest level. 24 908 232
    parameters with five levels (the paper: about 25.0 M).

    Args:
        layout: Of the encoder.
        recompute: As in ``VNetEncoder``.
        classification: As in ``VolumeRenderer``.
    """

    def __init__(self, layout: VNetLayout, *, recompute: bool = False, classification: Classification = "post") -> None:
        super().__init__()
        self.encoder = VNetEncoder(layout, recompute=recompute)
        self.levels = nn.ModuleList(
            VolumeRenderer(color=Channels(0, n), opacity=Absorption(n), classification=classification)
            for n in layout.features
        )
        self.decoder = ImageDecoder(layout.features)
        self.head = nn.Sequential(perceptron(layout.features[0], 3), nn.Sigmoid())

    def encode(self, volume: Tensor) -> list[Tensor]:
        """Features of every level, finest first."""
        return [level[0] for level in self.encoder(volume[None, None])]

    def draw(
        self, encoded: list[Tensor], grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``; every level is sampled ``march.rate`` times per edge of its own voxels."""
        padded = padded_cameras(cameras, 1 << (len(encoded) - 1))
        renderers = cast("list[VolumeRenderer]", list(self.levels))
        images = [
            renderer.accumulated(
                level, _rays(coarser_cameras(padded, 1 << n), coarser_grid(grid, 1 << n), level, jitter), march
            )
            for n, (renderer, level) in enumerate(zip(renderers, encoded, strict=True))
        ]
        decoded = self.decoder([image[..., :-1].movedim(-1, 1) for image in images]).movedim(1, -1)
        pictures = torch.cat([self.head(decoded), images[0][..., -1:]], dim=-1)
        return pictures[:, : cameras.height, : cameras.width]


class ViewSpace(LearnedRenderer):
    """The RenderNet baseline: the volume resampled along the rays of every fourth pixel, then convolutions.

    Args:
        layout: Of the network.
    """

    def __init__(self, layout: RenderNetLayout) -> None:
        super().__init__()
        self.network = RenderNet(layout)

    def encode(self, volume: Tensor) -> list[Tensor]:
        """The volume itself: all that this network computes depends on the camera."""
        return [volume[None]]

    def draw(
        self, encoded: list[Tensor], grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``; ``march`` and ``jitter`` mean nothing here, the samples are the network's."""
        padded = coarser_cameras(padded_cameras(cameras, PICTURE_MULTIPLE), PIXELS_PER_SAMPLE)
        places = torch.from_numpy(places_along_rays(padded, grid, self.network.layout.depth)).to(encoded[0])
        inside = ((places >= -0.5) & (places <= places.new_tensor(grid.shape) - 0.5)).all(dim=-1)
        sampled = sample_features(encoded[0], places.reshape(-1, 3)).reshape(inside.shape) * inside
        pictures = torch.sigmoid(self.network(sampled[:, None])).movedim(1, -1)
        return pictures[:, : cameras.height, : cameras.width]


class Preclassified(nn.Module):
    """E of VNet4-4: colour and absorption of voxels."""

    def __init__(self, network: VNet) -> None:
        super().__init__()
        self.network = network
        bias: Tensor = network.head[-1].bias  # type: ignore[assignment]
        with torch.no_grad():
            bias[3] = WARM

    def forward(self, volume: Tensor) -> Tensor:
        """[1, 1, I, J, K] → [1, 4, I, J, K]."""
        return torch.sigmoid(self.network(volume))


class PictureHead(nn.Module):
    """D of VNetL16-17: a perceptron for each pixel of [C, N, H, W]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 3)

    def forward(self, image: Tensor) -> Tensor:
        """[C, N, H, W] → [C, 3, H, W]."""
        return torch.sigmoid(self.perceptron(image.movedim(1, -1))).movedim(-1, 1)


def _rays(cameras: Cameras, grid: Grid, features: Tensor, jitter: torch.Generator | None) -> Rays:
    rays = camera_rays(cameras, grid, features.dtype)
    if jitter is not None:
        rays = rays.jittered(jitter)
    return rays.to(features.device)
