"""The learned renderers of the paper: encoder E, mappings C and K, accumulation A, decoder D (table 1, sec. 3.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from tomosplat.dvr.accumulation import accumulate_volume
from tomosplat.dvr.chunked import march_chunked, sample_features
from tomosplat.dvr.levels import coarser_cameras, coarser_grid, padded_cameras, places_along_rays
from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.mappings import FIRST_RAW, Absorption, emission_of
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays, camera_rays
from tomosplat.dvr.renderer import Channels, Classification, VolumeRenderer
from tomosplat.dvr.tables import TableModel
from tomosplat.geometry import Cameras, Grid
from tomosplat.networks import ImageDecoder, RenderNet, RenderNetLayout, VNet, VNetEncoder, VNetLayout, perceptron
from tomosplat.networks.rendernet import PICTURE_MULTIPLE, PIXELS_PER_SAMPLE

#: A volume at one resolution as rays meet it: features [n_F, I, J, K] whose samples are mapped, or, mapped already,
#: emission [I, J, K, n_C] and absorption [I, J, K].
Level = tuple[Tensor] | tuple[Tensor, Tensor]
Encoded = TypeVar("Encoded")
#: What a RenderNet's pictures begin with before the sigmoid.
_FIRST_RAW_PICTURE = -2.5


class LearnedRenderer(nn.Module, ABC, Generic[Encoded]):
    """A volume is encoded once and drawn from anywhere."""

    @abstractmethod
    def encode(self, volume: Tensor) -> Encoded:
        """All that no camera changes of a volume [I, J, K] of normalised values."""

    @abstractmethod
    def draw(
        self, encoded: Encoded, grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
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

    def settle(self) -> None:
        """Hold the weights within their bounds; called after each step."""


class TableRenderer(LearnedRenderer[Features]):
    """Lookup and MLP: a transfer function of the value, looked up for each sample.

    Args:
        table: The transfer function.
    """

    def __init__(self, table: TableModel) -> None:
        super().__init__()
        self.table = table

    def encode(self, volume: Tensor) -> Features:
        """The values themselves."""
        return Features(volume.numpy())

    def draw(
        self, encoded: Features, grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``."""
        rays = camera_rays(cameras, grid)
        return render_table(encoded, self.table(), rays if jitter is None else rays.jittered(jitter), march)

    def settle(self) -> None:
        """See ``LearnedRenderer``."""
        self.table.settle()


class SingleScale(LearnedRenderer[Level]):
    """An encoder on the volume's own grid and one way along the rays.

    Args:
        renderer: Its parts; the encoder takes [1, 1, I, J, K].
    """

    def __init__(self, renderer: VolumeRenderer) -> None:
        super().__init__()
        self.renderer = renderer

    def encode(self, volume: Tensor) -> Level:
        """The volume's features."""
        return _level(self.renderer, self.renderer.encode(volume[None]))

    def draw(
        self, encoded: Level, grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``."""
        image = _accumulated(self.renderer, encoded, _rays(cameras, grid, encoded[0], jitter), march)
        colors = self.renderer.decoder(image[..., :-1].movedim(-1, 1)).movedim(1, -1)
        return torch.cat([colors, image[..., -1:]], dim=-1)


class DvrNet(LearnedRenderer[list[Level]]):
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

    def encode(self, volume: Tensor) -> list[Level]:
        """Every level of the encoder."""
        levels = self.encoder(volume[None, None])
        return [_level(renderer, level[0]) for renderer, level in zip(self._renderers, levels, strict=True)]

    def draw(
        self, encoded: list[Level], grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``; every level is sampled ``march.rate`` times per edge of its own voxels."""
        padded = padded_cameras(cameras, 1 << (len(encoded) - 1))
        images = []
        for n, (renderer, level) in enumerate(zip(self._renderers, encoded, strict=True)):
            rays = _rays(coarser_cameras(padded, 1 << n), coarser_grid(grid, 1 << n), level[0], jitter)
            images.append(_accumulated(renderer, level, rays, march))
        decoded = self.decoder([image[..., :-1].movedim(-1, 1) for image in images]).movedim(1, -1)
        pictures = torch.cat([self.head(decoded), images[0][..., -1:]], dim=-1)
        return pictures[:, : cameras.height, : cameras.width]

    @property
    def _renderers(self) -> list[VolumeRenderer]:
        return cast("list[VolumeRenderer]", list(self.levels))


class ViewSpace(LearnedRenderer[Tensor]):
    """The RenderNet baseline: the volume resampled along the rays of every fourth pixel, then convolutions.

    Args:
        layout: Of the network.
    """

    def __init__(self, layout: RenderNetLayout) -> None:
        super().__init__()
        self.network = RenderNet(layout)
        # Pictures begin dark: from mid-grey the way down to black is so steep that the network stays black.
        (*_, last) = (m for m in self.network.modules() if isinstance(m, nn.ConvTranspose2d))
        nn.init.constant_(last.bias, _FIRST_RAW_PICTURE)  # type: ignore[arg-type]

    def encode(self, volume: Tensor) -> Tensor:
        """The volume itself: all that this network computes depends on the camera."""
        return volume[None]

    def draw(
        self, encoded: Tensor, grid: Grid, cameras: Cameras, march: March, jitter: torch.Generator | None = None
    ) -> Tensor:
        """See ``LearnedRenderer``; ``march`` and ``jitter`` mean nothing here, the samples are the network's."""
        padded = coarser_cameras(padded_cameras(cameras, PICTURE_MULTIPLE), PIXELS_PER_SAMPLE)
        places = torch.from_numpy(places_along_rays(padded, grid, self.network.layout.depth)).to(encoded)
        inside = ((places >= -0.5) & (places <= places.new_tensor(grid.shape) - 0.5)).all(dim=-1)
        sampled = sample_features(encoded, places.reshape(-1, 3)).reshape(inside.shape) * inside
        pictures = torch.sigmoid(self.network(sampled[:, None])).movedim(1, -1)
        return pictures[:, : cameras.height, : cameras.width]


class Preclassified(nn.Module):
    """E of VNet4-4: colour and absorption of voxels."""

    def __init__(self, network: VNet, associated: bool) -> None:
        super().__init__()
        self.network, self.associated = network, associated
        bias: Tensor = network.head[-1].bias  # type: ignore[assignment]
        with torch.no_grad():
            bias[3 if associated else 0 :] = FIRST_RAW

    def forward(self, volume: Tensor) -> Tensor:
        """[1, 1, I, J, K] → [1, 4, I, J, K]."""
        raw = self.network(volume)
        return torch.cat([emission_of(raw[:, :3], self.associated), softplus(raw[:, 3:])], dim=1)


class PictureHead(nn.Module):
    """D of VNetL16-17: a perceptron for each pixel of [C, N, H, W]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.perceptron = perceptron(features, 3)

    def forward(self, image: Tensor) -> Tensor:
        """[C, N, H, W] → [C, 3, H, W]."""
        return torch.sigmoid(self.perceptron(image.movedim(1, -1))).movedim(-1, 1)


def _level(renderer: VolumeRenderer, features: Tensor) -> Level:
    """Features [n_F, I, J, K] mapped voxel by voxel, if the renderer maps voxels."""
    if renderer.classification == "post":
        return (features,)
    for axis in range(1, 4):
        if features.shape[axis] == 1:  # kernels interpolate between two voxels
            features = features.repeat_interleave(2, dim=axis)
    voxels = features.movedim(0, -1).contiguous()  # once for both
    return renderer.color(voxels).contiguous(), renderer.opacity(voxels).contiguous()


def _accumulated(renderer: VolumeRenderer, level: Level, rays: Rays, march: March) -> Tensor:
    """Channels and opacity [C, H, W, n_C + 1]."""
    if len(level) == 1:
        return march_chunked(level[0], renderer.color, renderer.opacity, rays, march, renderer.accumulate)
    return accumulate_volume(*level, rays, march)


def _rays(cameras: Cameras, grid: Grid, features: Tensor, jitter: torch.Generator | None) -> Rays:
    rays = camera_rays(cameras, grid, features.dtype)
    if jitter is not None:
        rays = rays.jittered(jitter)
    return rays.to(features.device)
