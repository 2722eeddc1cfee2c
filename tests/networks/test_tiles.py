"""Convolution, batch norm and ELU tile by tile against the modules themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.one_thread import one_thread  # noqa: F401
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tomosplat.networks import VNet, VNetEncoder, VNetLayout, tiles, vnet
from tomosplat.networks.tiles import apply_blocks

#: Tiles of one column, of some columns that divide no edge evenly, and of the whole volume.
SIZES = (1, 40, 200, 1 << 20)
LAYOUT = VNetLayout((2, 3, 4, 5), (1, 2, 1), (1, 1, 2), dropout=0.5)


def blocks(*channels: int, kernel: int = 5) -> list[nn.Sequential]:
    """Blocks in float64 from channels to channels, whose batch norms are away from where they begin."""
    torch.manual_seed(0)
    made = [
        nn.Sequential(
            nn.Conv3d(i, o, kernel, padding=kernel // 2), nn.BatchNorm3d(o, track_running_stats=False), nn.ELU()
        )
        for i, o in pairwise(channels)
    ]
    with torch.no_grad():
        for parameter in nn.ModuleList(made).double().parameters():
            parameter.add_(0.3 * torch.rand_like(parameter))
    return made


def plainly(x: Tensor, blocks: Sequence[nn.Sequential], *, residual: bool = False) -> Tensor:
    """What ``apply_blocks`` promises."""
    y = x
    for block in blocks:
        y = nn.Sequential.forward(block, y)
    return functional.elu(y + x) if residual else y


def outcome(apply: Callable[..., Tensor], x: Tensor, made: list[nn.Sequential], residual: bool) -> list[Tensor]:
    """Result and gradients of input, weights, biases, gammas and betas."""
    x = x.clone().requires_grad_()
    result = apply(x, made, residual=residual)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    return [result, *torch.autograd.grad(result, [x, *nn.ModuleList(made).parameters()], weights)]


def close(found: Sequence[Tensor], expected: Sequence[Tensor], rtol: float = 1e-10) -> None:
    """Every one to ``rtol`` of the largest number in it, or of 1: a bias before a batch norm has no gradient."""
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=rtol * max(1.0, float(b.detach().abs().max())))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [(3, 3), (3, 3, 3), (2, 2, 2, 2)])
@pytest.mark.parametrize("residual", [False, True])
def test_tiles_give_what_modules_give(
    monkeypatch: pytest.MonkeyPatch, size: int, channels: tuple[int, ...], residual: bool
) -> None:
    monkeypatch.setattr(tiles, "TILE", size)
    made, x = blocks(*channels), torch.randn(2, channels[0], 7, 6, 5, dtype=torch.float64)
    close(outcome(apply_blocks, x, made, residual), outcome(plainly, x, made, residual))


@pytest.mark.parametrize("shape", [(2, 1, 3), (1, 9, 1), (11, 2, 4)])
@pytest.mark.parametrize("size", SIZES)
def test_channels_change_and_edges_may_be_shorter_than_the_kernel(
    monkeypatch: pytest.MonkeyPatch, size: int, shape: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(tiles, "TILE", size)
    made, x = blocks(4, 2, 3), torch.randn(1, 4, *shape, dtype=torch.float64)
    close(outcome(apply_blocks, x, made, False), outcome(plainly, x, made, False))


@pytest.mark.parametrize("kernel", [1, 3])
def test_other_odd_kernels_do(monkeypatch: pytest.MonkeyPatch, kernel: int) -> None:
    monkeypatch.setattr(tiles, "TILE", 40)
    made, x = blocks(2, 2, kernel=kernel), torch.randn(1, 2, 5, 6, 4, dtype=torch.float64)
    close(outcome(apply_blocks, x, made, True), outcome(plainly, x, made, True))


def test_gradients_are_those_of_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILE", 12)
    made = blocks(2, 2, 2, kernel=3)
    names, parameters = zip(*nn.ModuleList(made).named_parameters(), strict=True)
    x = torch.randn(1, 2, 3, 3, 2, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, *given: Tensor) -> Tensor:
        with torch.nn.utils.stateless._reparametrize_module(nn.ModuleList(made), dict(zip(names, given, strict=True))):
            return apply_blocks(x, made, residual=True)

    assert torch.autograd.gradcheck(call, (x, *parameters), fast_mode=True)


def test_single_precision_is_as_exact_as_the_modules_even_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bias of a thousand times the deviation: squares summed up in float32 would leave nothing of it."""
    monkeypatch.setattr(tiles, "TILE", 1 << 10)
    made = blocks(3, 3)
    with torch.no_grad():
        made[0][0].bias.add_(300.0)  # type: ignore[union-attr, operator]
    x = torch.randn(1, 3, 16, 16, 16, dtype=torch.float64)
    exact = outcome(plainly, x, made, True)
    nn.ModuleList(made).float()

    def worst(found: list[Tensor]) -> list[float]:
        return [float((a - b).detach().abs().max()) for a, b in zip(found, exact, strict=True)]

    plain, tiled = (worst(outcome(apply, x.float(), made, True)) for apply in (plainly, apply_blocks))
    assert all(ours < 2 * theirs + 1e-6 for ours, theirs in zip(tiled, plain, strict=True))


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_networks_give_what_their_modules_give(monkeypatch: pytest.MonkeyPatch, dropout: bool, recompute: bool) -> None:
    monkeypatch.setattr(tiles, "TILE", 150)
    volume = torch.rand(1, 1, 13, 9, 16, dtype=torch.float64)

    def found(make: Callable[[], nn.Module]) -> list[Tensor]:
        torch.manual_seed(0)
        network = make().double().train(dropout)
        result = network(volume)
        levels = result if isinstance(result, list) else [result]
        torch.stack([level.square().mean() for level in levels]).sum().backward()
        return [*levels, *(parameter.grad for parameter in network.parameters() if parameter.grad is not None)]

    makes: list[Callable[[], nn.Module]] = [
        lambda: VNet(LAYOUT, 3, recompute=recompute),
        lambda: VNetEncoder(LAYOUT, recompute=recompute),
    ]
    tiled = [found(make) for make in makes]
    monkeypatch.setattr(vnet, "apply_blocks", plainly)
    for ours, make in zip(tiled, makes, strict=True):
        close(ours, found(make))


class _Made(TorchDispatchMode):
    """Counts memory of at least ``numel`` numbers that operations give out, new or as views of what there was."""

    def __init__(self, numel: int) -> None:
        super().__init__()
        self._numel, self._storages = numel, dict[int, Any]()

    @property
    def count(self) -> int:
        return len(self._storages)

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = call(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor) and tensor.untyped_storage().nbytes() >= self._numel * tensor.element_size():
                self._storages[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
        return result


def test_nothing_but_the_convolution_the_result_and_a_gradient_is_as_large_as_the_volume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "TILE", 64)
    made, x = blocks(2, 2), torch.randn(1, 2, 16, 16, 4, dtype=torch.float64, requires_grad=True)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        if tensor.numel() >= x.numel():
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _Made(x.numel()) as forward:
        result = apply_blocks(x, made, residual=True)
    weights = torch.ones_like(result)
    with _Made(x.numel()) as backward:
        torch.autograd.grad(result, x, weights)
    assert len(kept) == 2  # the input and the convolution
    assert forward.count == 3  # these and the result
    assert backward.count == 4  # these, the gradient that comes and the one that goes


def test_checkpoints_of_before_have_the_same_names() -> None:
    with torch.device("meta"):
        names = set(VNet(LAYOUT, 3).state_dict())
    assert {"encoder.stages.2.blocks.1.0.weight", "encoder.stages.2.blocks.1.1.bias"} < names
    assert {
        "ups.2.blocks.1.0.bias",
        "ups.0.doubling.1.weight",
        "head.0.0.weight",
        "head.0.1.bias",
        "head.1.weight",
    } < names
    assert len(names) == 4 + 3 * 4 + 4 * 4 + 3 * 4 + 4 * 4 + 4 + 2
