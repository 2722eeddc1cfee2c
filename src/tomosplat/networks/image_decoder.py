"""The way up of a U-Net in two dimensions: rendered features of several resolutions in, one map out."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from tomosplat.errors import ShapeError


class ImageDecoder(nn.Module):
    """Doubles the coarsest map, joins it with the next finer one, convolves twice (3×3, norm, ELU), and so on.

    Norms go by each picture's own statistics, in use as in training, so that a picture is the same beside any others.
    By running ones, which lag behind the weights, held-out pictures were far worse than those trained on.
    784 800 parameters for the five levels of DVRNet (Weiss and Navab 2021, fig. 5).

    Args:
        features: Channels of each level, finest first.
    """

    def __init__(self, features: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(fine + coarse, fine), _convolution(fine, fine))
            for fine, coarse in itertools.pairwise(features)
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Bring the levels together.

        Args:
            levels: Level n: [B, features[n], H / 2^n, W / 2^n], H and W multiples of 2^(levels − 1).

        Returns:
            [B, features[0], H, W]. Differentiable in levels and weights.

        Raises:
            ShapeError: A level has another shape.
        """
        self._check(levels)
        x = levels[-1]
        for stage, finer in zip(reversed(self.stages), reversed(levels[:-1]), strict=True):
            doubled = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = stage(torch.cat([doubled, finer], dim=1))
        return x

    def _check(self, levels: list[Tensor]) -> None:
        found = [tuple(level.shape) for level in levels]
        b, _, h, w = found[0] if found and len(found[0]) == 4 else (0, 0, 0, 0)
        sizes = [(b, n, h >> at, w >> at) for at, n in enumerate(self.features)]
        multiple = 1 << (len(self.features) - 1)
        if found != sizes or h % multiple or w % multiple:
            raise ShapeError(f"levels must halve from edges that are multiples of {multiple}: {sizes}, got {found}")


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.InstanceNorm2d(out_channels, affine=True),
        nn.ELU(inplace=True),
    )
