"""The networks of learned volume rendering: their size, their shapes, their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from tests.one_thread import one_thread  # noqa: F401
from torch import Tensor, nn

from tomosplat.errors import ShapeError
from tomosplat.networks import (
    VNET,
    VNET_LIGHT,
    ImageDecoder,
    RenderNet,
    RenderNetLayout,
    VNet,
    VNetEncoder,
    VNetLayout,
    perceptron,
)

SMALL = VNetLayout((2, 3, 4), (1, 2), (1, 2), dropout=0.0)
TINY = VNetLayout((2, 3), (1,), (1,), dropout=0.0)
SMALL_RENDERNET = RenderNetLayout(8, (2, 3, 4), 6, (5, 4, 3, 3, 2, 2, 2), volume_blocks=1, picture_blocks=(1, 1))


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """With PReLU slopes and batch norms away from where they begin, so that a mistake there shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.rand(parameter.shape, generator=generator, dtype=parameter.dtype))
    return network


def test_they_have_as_many_parameters_as_the_papers() -> None:
    with torch.device("meta"):
        assert size(VNet(VNET, 4)) == 45_608_336
        assert size(VNet(VNET_LIGHT, 16)) == 12_294_576
        decoder_and_heads = [ImageDecoder(VNET.features), perceptron(16, 3), *(perceptron(n, 1) for n in VNET.features)]
        assert size(VNetEncoder(VNET)) == 24_034_816
        assert size(decoder_and_heads[0]) == 784_800
        assert 24_034_816 + sum(map(size, decoder_and_heads)) == 24_908_232
        assert size(RenderNet(RenderNetLayout(), 3)) == 227_832_731
    assert (size(perceptron(16, 1)), size(perceptron(16, 3))) == (289, 323)


@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 7, 9), (1, 2, 3), (13, 4, 6)])
def test_a_vnet_takes_volumes_of_any_size_as_if_zeros_followed(shape: tuple[int, int, int]) -> None:
    network = randomised(VNet(SMALL, 5)).eval()
    volume = torch.rand(1, 1, *shape)
    result = network(volume)
    assert result.shape == (1, 5, *shape)
    wider = torch.zeros(1, 1, *(-(-n // 4) * 4 for n in shape))
    wider[:, :, : shape[0], : shape[1], : shape[2]] = volume
    torch.testing.assert_close(result, network(wider)[:, :, : shape[0], : shape[1], : shape[2]], rtol=0, atol=0)


def test_the_encoder_returns_each_level_at_its_resolution() -> None:
    levels = VNetEncoder(SMALL).eval()(torch.rand(2, 1, 5, 8, 9))
    assert [tuple(level.shape) for level in levels] == [(2, 2, 5, 8, 9), (2, 3, 3, 4, 5), (2, 4, 2, 2, 3)]


def test_a_layout_keeps_its_proportions_when_scaled() -> None:
    assert VNET.scaled(4).features == (4, 8, 16, 32, 64)
    assert VNET_LIGHT.scaled(2).features == (2, 4, 8, 16)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_computing_again_changes_no_bit(dropout: float) -> None:
    layout = VNetLayout((2, 3, 4, 5), (1, 1, 1), (1, 1, 1), dropout)
    volume = torch.rand(1, 1, 16, 16, 16)
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = VNet(layout, 3, recompute=recompute).train()
        network(volume).square().mean().backward()
        found.append([p.grad for p in network.parameters()] + [buffer for _, buffer in sorted(network.named_buffers())])
    for kept, computed_again in zip(*found, strict=True):
        assert torch.equal(kept, computed_again)


def test_computing_again_keeps_less() -> None:
    def kept(recompute: bool) -> int:
        network = VNet(SMALL, 2, recompute=recompute).to("meta")
        total = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            network(torch.empty(1, 1, 16, 16, 16, device="meta"))
        return total

    assert kept(True) < kept(False) / 3


PARTS: dict[str, tuple[Callable[[], nn.Module], Sequence[tuple[int, ...]]]] = {
    "vnet": (lambda: VNet(TINY, 2), [(1, 1, 4, 4, 3)]),
    "encoder": (lambda: VNetEncoder(TINY), [(1, 1, 4, 4, 4)]),
    "decoder": (lambda: ImageDecoder((2, 3)), [(2, 2, 4, 2), (2, 3, 2, 1)]),
    "rendernet": (
        lambda: RenderNet(RenderNetLayout(4, (1, 2, 2), 3, (3, 2, 2, 2, 2, 2, 2), 1, (1, 1)), 2),
        [(1, 1, 2, 2, 4)],
    ),
    "perceptron": (lambda: perceptron(3, 2), [(4, 3)]),
}


@pytest.mark.parametrize("part", PARTS)
def test_gradients_are_those_of_finite_differences(part: str) -> None:
    make, shapes = PARTS[part]
    network = make()
    network = randomised(network.double().train())
    for module in network.modules():
        if isinstance(module, nn.Dropout3d):
            module.eval()
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.rand(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    names = [name for name, _ in network.named_parameters()][:: max(1, len(list(network.parameters())) // 3)]
    weights = [network.get_parameter(name) for name in names]

    def call(*tensors: Tensor) -> tuple[Tensor, ...]:
        given, replaced = tensors[: len(inputs)], dict(zip(names, tensors[len(inputs) :], strict=True))
        arguments = (list(given),) if isinstance(network, ImageDecoder) else given
        result = torch.func.functional_call(network, replaced, arguments)
        return tuple(result) if isinstance(result, list) else (result,)

    assert torch.autograd.gradcheck(call, (*inputs, *weights), fast_mode=True)


@pytest.mark.parametrize(("height", "width"), [(8, 16), (24, 8)])
def test_a_rendernet_makes_a_picture_four_times_as_wide_as_its_volume(height: int, width: int) -> None:
    picture = RenderNet(SMALL_RENDERNET).eval()(torch.rand(2, 1, height // 4, width // 4, 8))
    assert picture.shape == (2, 4, height, width)


def test_a_scaled_rendernet_is_a_rendernet() -> None:
    layout = RenderNetLayout().scaled(4, depth=16)
    assert (layout.features, layout.projected, layout.decoded[:2]) == ((1, 2, 4), 128, (64, 32))
    assert RenderNet(layout)(torch.rand(1, 1, 2, 2, 16)).shape == (1, 4, 8, 8)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ShapeError, match=r"\[B, 1, I, J, K\]"):
        VNet(SMALL, 2)(torch.rand(1, 2, 4, 4, 4))
    with pytest.raises(ShapeError, match="must halve"):
        ImageDecoder((2, 3))([torch.rand(1, 2, 5, 4), torch.rand(1, 3, 2, 2)])
    with pytest.raises(ShapeError, match="even edges"):
        RenderNet(SMALL_RENDERNET)(torch.rand(1, 1, 3, 2, 8))
    with pytest.raises(ShapeError, match="multiple of 4"):
        RenderNet(RenderNetLayout(depth=6))
