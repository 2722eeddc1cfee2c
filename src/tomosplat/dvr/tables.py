"""Learned transfer functions: tables of emission and absorption, and perceptrons that write such tables.

Absorption that falls to zero exponentially, as a sigmoid or softplus of what is learned does, takes its own gradient
with it: a table that has become transparent stays so (the paper's CARP, sec. 4.1.2). Here the slope through which the
gradient reaches what is learned is held above a floor (``steady_softplus``, ``steady_sigmoid``), and what a lookup
table learns within bounds, so that no state is farther than some tens of steps from any other. ``benchmarks/dvr.md``
compares the remedies.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

#: Least slope through which a gradient reaches what is learned.
SLOPE_MIN = 0.05
#: What is learned of absorption stays above this: e⁻¹² = 6e-6 per voxel edge cannot be seen.
RAW_MIN = -12.0
#: What is learned of colours stays within: 3e-4 from black and white.
_COLOR_RAW_MAX = 8.0
#: Places at which perceptrons are asked for their table.
_NODES = 1024
_HIDDEN = 28


class _SteadySoftplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, raw: Tensor) -> Tensor:
        ctx.save_for_backward(raw)
        return torch.nn.functional.softplus(raw)

    @staticmethod
    def backward(ctx: Any, by_result: Tensor) -> Tensor:
        raw: Tensor = ctx.saved_tensors[0]
        return by_result * torch.sigmoid(raw).clamp(min=SLOPE_MIN)


class _SteadySigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, raw: Tensor) -> Tensor:
        result = torch.sigmoid(raw)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, by_result: Tensor) -> Tensor:
        result: Tensor = ctx.saved_tensors[0]
        return by_result * (result * (1 - result)).clamp(min=SLOPE_MIN)


def steady_softplus(raw: Tensor) -> Tensor:
    """log(1 + exp(raw)), whose derivative is taken for at least 0.05: its sign holds, and descent never stalls."""
    result: Tensor = _SteadySoftplus.apply(raw)  # type: ignore[no-untyped-call]
    return result


def steady_sigmoid(raw: Tensor) -> Tensor:
    """1 / (1 + exp(−raw)), with the same floor under its derivative."""
    result: Tensor = _SteadySigmoid.apply(raw)  # type: ignore[no-untyped-call]
    return result


def table_of(raw: Tensor, associated: bool) -> Tensor:
    """What is learned [..., 4] as emission and absorption: colours in 0..1 if associated, else not negative."""
    emission = steady_sigmoid(raw[..., :3]) if associated else steady_softplus(raw[..., :3])
    return torch.cat([emission, steady_softplus(raw[..., 3:])], dim=-1)


def raw_of(amount: float) -> float:
    """What ``steady_softplus`` makes ``amount`` of."""
    return float(torch.tensor(amount, dtype=torch.float64).expm1().log())


class LookupTable(nn.Module):
    """A table whose every entry is learned.

    Args:
        shape: (M,) or (G, M) entries.
        associated: Whether emission is multiplied by opacity (see ``March``).
        absorption: κ per voxel edge to begin with, everywhere; thin enough for light to pass through the volume.
        generator: Draws the first colours.
    """

    def __init__(self, shape: tuple[int, ...], associated: bool, absorption: float, generator: torch.Generator) -> None:
        super().__init__()
        self.associated = associated
        raw = torch.empty((*shape, 4))
        colors = torch.rand((*shape, 3), generator=generator).clamp(0.02, 0.98)
        raw[..., :3] = torch.logit(colors) if associated else (colors * absorption).expm1().log()
        raw[..., 3] = raw_of(absorption)
        self.raw = nn.Parameter(raw)

    def learned(self) -> Tensor:
        """What is learned of each entry, [..., 4]."""
        return self.raw

    def forward(self) -> Tensor:
        """The table [..., 4]."""
        return table_of(self.learned(), self.associated)

    @torch.no_grad()
    def settle(self) -> None:
        """Hold what is learned within its bounds; called after each step."""
        _hold(self.raw, self.associated)


class PerceptronTable(nn.Module):
    """A perceptron of one feature with two hidden layers, asked for a table of 1024 entries.

    Asked once for each step instead of once for each sample, it costs no more than a table. Its hidden units leak, for
    dead ones would never come back either, and their kinks begin evenly spread over the feature's range.

    Args:
        associated: As for :class:`LookupTable`.
        absorption: As there, about.
        generator: Draws the first weights.
    """

    nodes: Tensor

    def __init__(self, associated: bool, absorption: float, generator: torch.Generator) -> None:
        super().__init__()
        self.associated = associated
        self.layers = nn.Sequential(
            nn.Linear(1, _HIDDEN),
            nn.LeakyReLU(0.1),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LeakyReLU(0.1),
            nn.Linear(_HIDDEN, 4),
        )
        first, middle, last = (cast(nn.Linear, self.layers[i]) for i in (0, 2, 4))
        with torch.no_grad():
            signs = torch.where(torch.arange(_HIDDEN) % 2 == 0, 1.0, -1.0)
            first.weight.copy_((4 * signs)[:, None])
            first.bias.copy_(-4 * signs * torch.linspace(0, 1, _HIDDEN))
            for layer in (middle, last):
                bound = (6 / layer.in_features) ** 0.5
                layer.weight.copy_(bound * (2 * torch.rand(layer.weight.shape, generator=generator) - 1))
                layer.bias.zero_()
            last.weight.mul_(0.2)
            last.bias[3] = raw_of(absorption)
            if not associated:
                last.bias[:3] = raw_of(absorption / 2)
        self.register_buffer("nodes", torch.linspace(0, 1, _NODES)[:, None], persistent=False)

    def learned(self) -> Tensor:
        """What is learned of each entry, [1024, 4]."""
        learned: Tensor = self.layers(self.nodes)
        return learned

    def forward(self) -> Tensor:
        """The table [1024, 4]."""
        return table_of(self.learned(), self.associated)

    def settle(self) -> None:
        """Nothing is bounded."""


TableModel = LookupTable | PerceptronTable


def _hold(raw: Tensor, associated: bool) -> None:
    if associated:
        raw[..., :3].clamp_(-_COLOR_RAW_MAX, _COLOR_RAW_MAX)
    else:
        raw[..., :3].clamp_(min=RAW_MIN)
    raw[..., 3].clamp_(min=RAW_MIN)
