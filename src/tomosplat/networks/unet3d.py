"""The 3D U-Net that writes a field of Gaussian parameters: a scan in, the half-resolution grid out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from tomosplat.errors import ShapeError

_SLOPE = 0.01


@dataclass(frozen=True)
class Layout:
    """Shape of a U-Net.

    Attributes:
        features: Channels of each stage, finest first.
        stem: "convolution": the first stage works on the scan's own grid, and the last up-stage of the decoder is left
            out (Render-FM, sec. 3.3); "fold": each 2×2×2 block of voxels becomes the channels of one, and the first
            stage works on the half-resolution grid.
        norm: "instance": over the grid, as nnU-Net has it, so a part of a scan gives another result than the whole;
            "channel": over the channels of each voxel, which knows nothing of the rest of the scan.
    """

    features: tuple[int, ...]
    stem: Literal["convolution", "fold"]
    norm: Literal["instance", "channel"]

    @property
    def halvings(self) -> int:
        """How often the scan's grid is halved until the coarsest stage."""
        return len(self.features) - (1 if self.stem == "convolution" else 0)

    @property
    def multiple(self) -> int:
        """Edges of the scan must be multiples of this."""
        return 1 << self.halvings

    @property
    def halo(self) -> int:
        """Voxels of the half-resolution grid on each side that a result depends on; a multiple of half of ``multiple``.

        Only the convolutions count: with "instance" norm everything depends on the whole grid.
        """
        step = self.multiple // 2
        radius = max(max(at - low, high - at) for at in range(step) for low, high in [self._seen_from(at)])
        return -(-radius // step) * step

    def _seen_from(self, at: int) -> tuple[int, int]:
        """First and last voxel of the half-resolution grid that the result at ``at`` depends on."""
        low = high = at
        depth = self.halvings - 1
        spans = []
        for _ in range(depth):  # down the decoder: two convolutions, then the coarser grid
            low, high = low - 2, high + 2
            spans.append((low, high))
            low, high = low // 2, high // 2
        low, high = low - 1, high + 1  # the coarsest stage's second convolution
        for skip_low, skip_high in reversed(spans):  # up the encoder: the first convolution strides
            low, high = min(2 * low - 1, skip_low), max(2 * high + 1, skip_high)
            low, high = low - 1, high + 1
        # What remains is the finest stage's first convolution, or two on the finer grid and the stride between.
        reach = 1 if self.stem == "fold" else 2
        return low - reach, high + reach


PRESETS: Mapping[str, Layout] = MappingProxyType(
    {
        "paper": Layout((32, 64, 128, 256, 320, 320), "convolution", "instance"),
        "compact": Layout((32, 64, 128, 256), "fold", "channel"),
    }
)


class UNet3D(nn.Module):
    """Encoder, decoder with skips and a 1×1×1 head; two convolutions of 3×3×3 in each stage (Isensee et al. 2021).

    The head begins at zero, so an untrained network returns zeros.

    Args:
        layout: Its shape.
        in_channels: Of the scan.
        light_channels: Of the half-resolution grid, beside the scan; 0 for none.
        out_channels: Of the result.
    """

    def __init__(self, layout: Layout, in_channels: int = 6, light_channels: int = 0, out_channels: int = 37) -> None:
        super().__init__()
        self.layout = layout
        self.in_channels, self.light_channels = in_channels, light_channels
        folded = layout.stem == "fold"
        first = (8 * in_channels if folded else in_channels) + light_channels
        widths = [first, *layout.features]
        strides = [1] + [2] * (len(layout.features) - 1)
        self.encoder = nn.ModuleList(
            _stage(i, o, stride, layout.norm)
            for (i, o), stride in zip(itertools.pairwise(widths), strides, strict=True)
        )
        finest = 0 if folded else 1
        pairs = [(layout.features[n + 1], layout.features[n]) for n in range(finest, len(layout.features) - 1)][::-1]
        self.up = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for coarse, fine in pairs)
        self.decoder = nn.ModuleList(_stage(2 * fine, fine, 1, layout.norm) for _, fine in pairs)
        self.head = nn.Conv3d(layout.features[finest], out_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.kaiming_normal_(module.weight, a=_SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.head.weight)
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, scan: Tensor, light: Tensor | None = None) -> Tensor:
        """Field on the half-resolution grid.

        Args:
            scan: [B, in_channels, I, J, K]; edges are multiples of ``layout.multiple``.
            light: [B, light_channels, I/2, J/2, K/2]; None without light channels.

        Returns:
            [B, out_channels, I/2, J/2, K/2].

        Raises:
            ShapeError: A shape disagrees.
        """
        return self.head(self.features(scan, light))  # type: ignore[no-any-return]

    def features(self, scan: Tensor, light: Tensor | None = None) -> Tensor:
        """What the head is given, [B, features, I/2, J/2, K/2]; see ``forward``."""
        self._check(scan, light)
        x = torch.cat([*self._brought_together(scan, light)], dim=1).contiguous(memory_format=torch.channels_last_3d)
        kept = []
        for stage in self.encoder:
            x = stage(x)
            kept.append(x)
        kept.pop()
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = stage(torch.cat([up(x), kept.pop()], dim=1))
        return x

    def _brought_together(self, scan: Tensor, light: Tensor | None) -> tuple[Tensor, ...]:
        """Scan and light on the grid of the first stage."""
        if self.layout.stem == "fold":
            scan = fold(scan)
        elif light is not None:
            light = light.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
        return (scan,) if light is None else (scan, light.to(scan.dtype))

    def _check(self, scan: Tensor, light: Tensor | None) -> None:
        multiple = self.layout.multiple
        if scan.ndim != 5 or scan.shape[1] != self.in_channels or any(n % multiple or not n for n in scan.shape[2:]):
            raise ShapeError(
                f"scan must be [B, {self.in_channels}, I, J, K] with edges that are multiples of {multiple}, "
                f"got {tuple(scan.shape)}"
            )
        half = (scan.shape[0], self.light_channels, *(n // 2 for n in scan.shape[2:]))
        found = None if light is None else tuple(light.shape)
        if found != (half if self.light_channels else None):
            raise ShapeError(f"light must be {half if self.light_channels else None}, got {found}")


def fold(scan: Tensor) -> Tensor:
    """Each 2×2×2 block as channels: [B, C, I, J, K] → [B, 8 C, I/2, J/2, K/2]."""
    b, c, i, j, k = scan.shape
    blocks = scan.reshape(b, c, i // 2, 2, j // 2, 2, k // 2, 2)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, 8 * c, i // 2, j // 2, k // 2)


class ChannelNorm(nn.Module):
    """Zero mean and unit variance over the channels of each voxel, then scale and shift (Ba et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, C, I, J, K]."""
        last = x.permute(0, 2, 3, 4, 1)  # a view: tensors are kept with channels last
        normalised = nn.functional.layer_norm(
            last, (x.shape[1],), self.weight.to(x.dtype), self.bias.to(x.dtype), eps=1e-5
        )
        return normalised.permute(0, 4, 1, 2, 3)


def _stage(in_channels: int, out_channels: int, stride: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, step in ((in_channels, stride), (out_channels, 1)):
        layers += [
            nn.Conv3d(channels, out_channels, 3, stride=step, padding=1),
            nn.InstanceNorm3d(out_channels, affine=True) if norm == "instance" else ChannelNorm(out_channels),
            nn.LeakyReLU(_SLOPE, inplace=True),
        ]
    return nn.Sequential(*layers)
