"""V-Net (Milletari et al. 2016) and its light form: a volume in, feature volumes out.

A training step shows one volume, whose own statistics batch norm then goes by. It goes by them in use, too: running
statistics, which mix the volumes and lag behind the weights, make other pictures than those that were trained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tomosplat.errors import ShapeError
from tomosplat.networks.tiles import apply_blocks

#: Levels from here on are halved or doubled under dropout; the skips always are.
_FIRST_DROPPED = 2


@dataclass(frozen=True)
class VNetLayout:
    """Shape of a V-Net.

    Attributes:
        features: Channels of each level, finest first; each level has half the resolution of the one before.
        down_blocks: Convolutions of each level below the finest, finest first.
        up_blocks: Convolutions of each level above the coarsest, finest first.
        dropout: Share of channels that are left out in training.
    """

    features: tuple[int, ...] = (16, 32, 64, 128, 256)
    down_blocks: tuple[int, ...] = (1, 2, 3, 2)
    up_blocks: tuple[int, ...] = (1, 1, 2, 2)
    dropout: float = 0.5

    @property
    def multiple(self) -> int:
        """Volumes are padded with zeros until their edges are multiples of this."""
        return 1 << (len(self.features) - 1)

    def scaled(self, width: int) -> VNetLayout:
        """The same with ``width`` channels on the finest level, and the others in proportion."""
        return replace(self, features=tuple(n * width // self.features[0] for n in self.features))


VNET = VNetLayout()
#: One level less.
VNET_LIGHT = VNetLayout((16, 32, 64, 128), (1, 2, 3), (1, 1, 2))


class VNetEncoder(nn.Module):
    """The way down: 5×5×5 convolutions with batch norm and ELU, residual on every level.

    The finest level adds the volume, repeated, to its convolution. 24 034 816 parameters with five levels.

    Args:
        layout: Its shape; ``up_blocks`` is not used.
        recompute: Keep only what passes between levels and compute the rest again in the backward pass (gradient
            checkpointing); results and gradients are the same to the bit.
    """

    def __init__(self, layout: VNetLayout, *, recompute: bool = False) -> None:
        super().__init__()
        self.layout, self.recompute = layout, recompute
        levels = enumerate(zip(layout.features, layout.features[1:], layout.down_blocks, strict=False))
        downs = [_Down(i, o, n, layout.dropout if at >= _FIRST_DROPPED else 0.0) for at, (i, o, n) in levels]
        self.stages = nn.ModuleList([_Input(layout.features[0]), *downs])

    def forward(self, volume: Tensor) -> list[Tensor]:
        """Features of each level, finest first.

        Args:
            volume: [B, 1, I, J, K] of any size.

        Returns:
            Level n: [B, features[n], ceil(I / 2^n), ceil(J / 2^n), ceil(K / 2^n)]. Differentiable in both.

        Raises:
            ShapeError: The volume has another shape.
        """
        size = volume.shape[2:]
        levels = self.padded_levels(pad_to_multiple(volume, self.layout.multiple))
        return [_cropped(level, size, 1 << n) for n, level in enumerate(levels)]

    def padded_levels(self, volume: Tensor) -> list[Tensor]:
        """What ``forward`` returns of a volume whose edges are multiples of ``layout.multiple``."""
        levels = []
        for stage in self.stages:
            volume = run_stage(stage, volume, recompute=self.recompute)
            levels.append(volume)
        return levels


class VNet(nn.Module):
    """Encoder, decoder with skips, and ``out_channels`` on the volume's own grid, without activation.

    45 608 336 parameters for ``VNET`` with 4 channels, 12 294 576 for ``VNET_LIGHT`` with 16, as many as the paper's
    (Weiss and Navab 2021, table 1).

    Args:
        layout: Its shape.
        out_channels: Of the result.
        recompute: As in ``VNetEncoder``.
    """

    def __init__(self, layout: VNetLayout, out_channels: int, *, recompute: bool = False) -> None:
        super().__init__()
        self.layout, self.recompute = layout, recompute
        self.encoder = VNetEncoder(layout, recompute=recompute)
        features = layout.features
        coarser = [2 * n for n in features[1:-1]] + [features[-1]]
        self.ups = nn.ModuleList(
            _Up(coarse, fine, n, layout.dropout, dropped_input=at >= _FIRST_DROPPED, recompute=recompute)
            for at, (coarse, fine, n) in enumerate(zip(coarser, features, layout.up_blocks, strict=False))
        )
        self.head = nn.Sequential(
            _Convolution(2 * features[0], out_channels), nn.Conv3d(out_channels, out_channels, kernel_size=1)
        )

    def forward(self, volume: Tensor) -> Tensor:
        """[B, 1, I, J, K] of any size to [B, out_channels, I, J, K]; differentiable in volume and weights.

        Raises:
            ShapeError: The volume has another shape.
        """
        skips = self.encoder.padded_levels(pad_to_multiple(volume, self.layout.multiple))
        x = skips.pop()
        for up in reversed(self.ups):
            x = run_stage(up, x, skips.pop(), recompute=self.recompute)
        return _cropped(run_stage(self.head, x, recompute=self.recompute), volume.shape[2:], 1)


def pad_to_multiple(volume: Tensor, multiple: int) -> Tensor:
    """Zeros behind the last voxel of each axis of [B, 1, I, J, K], so that edges are multiples, and at least twice.

    Raises:
        ShapeError: The volume has another shape.
    """
    if volume.ndim != 5 or volume.shape[1] != 1 or not volume.numel():
        raise ShapeError(f"a volume must be [B, 1, I, J, K] and not empty, got {tuple(volume.shape)}")
    missing = [max(-n % multiple, 2 * multiple - n) for n in reversed(volume.shape[2:])]
    return functional.pad(volume, [n for m in missing for n in (0, m)])


def run_stage(stage: nn.Module, *inputs: Tensor, recompute: bool) -> Tensor:
    """``stage(*inputs)``, computed again in the backward pass instead of kept if ``recompute``."""
    if not (recompute and torch.is_grad_enabled()):
        return stage(*inputs)  # type: ignore[no-any-return]
    return checkpoint(stage, *inputs, use_reentrant=False)  # type: ignore[no-any-return]


def _cropped(features: Tensor, size: tuple[int, ...], stride: int) -> Tensor:
    i, j, k = (-(-n // stride) for n in size)
    return features[:, :, :i, :j, :k]


def _norm(channels: int) -> nn.BatchNorm3d:
    """Batch norm by the statistics of what it is given, in use as in training."""
    return nn.BatchNorm3d(channels, track_running_stats=False)


class _Convolution(nn.Sequential):
    """A convolution, batch norm and ELU, tile by tile."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv3d(in_channels, out_channels, kernel_size=5, padding=2),
            _norm(out_channels),
            nn.ELU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """See ``apply_blocks``."""
        return apply_blocks(x, [self])


class _Convolutions(nn.Sequential):
    """Several, of as many channels as they are given."""

    def __init__(self, channels: int, n: int) -> None:
        super().__init__(*(_Convolution(channels, channels) for _ in range(n)))

    def forward(self, x: Tensor, *, residual: bool = False) -> Tensor:
        """See ``apply_blocks``."""
        blocks = cast("list[nn.Sequential]", list(self))
        return apply_blocks(x, blocks, residual=residual)


class _Input(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(1, channels, kernel_size=5, padding=2)
        self.norm = _norm(channels)

    def forward(self, volume: Tensor) -> Tensor:
        return functional.elu(self.norm(self.convolution(volume)) + volume, inplace=True)


class _Down(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, n_blocks: int, dropout: float) -> None:
        super().__init__()
        self.halving = nn.Sequential(
            nn.Conv3d(in_channels, out_channels, kernel_size=2, stride=2),
            _norm(out_channels),
            nn.ELU(inplace=True),
        )
        self.dropout = nn.Dropout3d(dropout)
        self.blocks = _Convolutions(out_channels, n_blocks)

    def forward(self, x: Tensor) -> Tensor:
        halved = self.halving(x)
        return functional.elu(self.blocks(self.dropout(halved)) + halved, inplace=True)


class _Up(nn.Module):
    def __init__(
        self, coarse: int, fine: int, n_blocks: int, dropout: float, *, dropped_input: bool, recompute: bool
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.dropout = nn.Dropout3d(dropout if dropped_input else 0.0)
        self.skip_dropout = nn.Dropout3d(dropout)
        self.doubling = nn.Sequential(
            nn.ConvTranspose3d(coarse, fine, kernel_size=2, stride=2), _norm(fine), nn.ELU(inplace=True)
        )
        self.blocks = _Convolutions(2 * fine, n_blocks)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        # Doubling keeps much and costs little: it is computed once more. Its result has no name, which would hold it in
        # memory while the blocks are computed.
        result: Tensor = self.blocks(
            torch.cat(
                [run_stage(self.doubling, self.dropout(x), recompute=self.recompute), self.skip_dropout(skip)], dim=1
            ),
            residual=True,
        )
        return result
