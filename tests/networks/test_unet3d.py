"""The U-Net's layouts, what it returns, and how far it sees."""

from __future__ import annotations

import pytest
import torch

from tomosplat.errors import ShapeError
from tomosplat.networks import PRESETS, Layout, UNet3D
from tomosplat.networks.unet3d import fold

SMALL = Layout((4, 6, 8, 10), "fold", "channel")
SMALL_PAPER = Layout((4, 6, 8), "convolution", "instance")


def convolutions(network: UNet3D) -> list[tuple[int, int, int, int]]:
    """In, out, kernel and stride of every convolution, in the order in which they work."""
    kinds = (torch.nn.Conv3d, torch.nn.ConvTranspose3d)
    parts = [network.encoder]
    for up, stage in zip(network.up, network.decoder, strict=True):
        parts += [up, stage]
    parts.append(network.head)
    found = [m for part in parts for m in part.modules() if isinstance(m, kinds)]
    return [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in found]


def test_the_papers_network_has_as_many_parameters_and_layers_as_nnunets() -> None:
    network = UNet3D(PRESETS["paper"])
    assert sum(p.numel() for p in network.parameters()) == 31_101_157
    encoder = [(6, 32, 3, 1), (32, 32, 3, 1)]
    for i, o in ((32, 64), (64, 128), (128, 256), (256, 320), (320, 320)):
        encoder += [(i, o, 3, 2), (o, o, 3, 1)]
    decoder = []
    for i, o in ((320, 320), (320, 256), (256, 128), (128, 64)):
        decoder += [(i, o, 2, 2), (2 * o, o, 3, 1), (o, o, 3, 1)]
    assert convolutions(network) == [*encoder, *decoder, (64, 37, 1, 1)]
    assert network.layout.multiple == 32


def test_the_compact_network_works_from_half_resolution_with_a_sixth_of_the_parameters() -> None:
    network = UNet3D(PRESETS["compact"])
    assert sum(p.numel() for p in network.parameters()) == 5_644_325
    assert convolutions(network)[:4] == [(48, 32, 3, 1), (32, 32, 3, 1), (32, 64, 3, 2), (64, 64, 3, 1)]
    assert network.layout.multiple == 16


@pytest.mark.parametrize("layout", [SMALL, SMALL_PAPER], ids=["fold", "convolution"])
@pytest.mark.parametrize("light", [0, 3])
def test_an_untrained_network_returns_zeros_on_the_half_resolution_grid(layout: Layout, light: int) -> None:
    network = UNet3D(layout, light_channels=light)
    field = network(torch.randn(2, 6, 16, 32, 16), torch.randn(2, light, 8, 16, 8) if light else None)
    assert field.shape == (2, 37, 8, 16, 8)
    assert not field.any()


@pytest.mark.parametrize("layout", [SMALL, SMALL_PAPER], ids=["fold", "convolution"])
def test_gradients_reach_every_weight_once_the_head_is_not_zero(layout: Layout) -> None:
    network = UNet3D(layout, light_channels=2)
    torch.nn.init.ones_(network.head.weight)
    network(torch.randn(1, 6, 16, 16, 16), torch.randn(1, 2, 8, 8, 8)).square().sum().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert dead == []
    assert all(p.grad.any() for n, p in network.named_parameters() if n.endswith("weight"))


def test_folding_keeps_every_voxel_of_a_block_together() -> None:
    scan = torch.arange(2 * 4 * 4 * 4.0).reshape(1, 2, 4, 4, 4)
    folded = fold(scan)
    assert folded.shape == (1, 16, 2, 2, 2)
    block = scan[0, :, 2:4, 0:2, 2:4].flatten()
    assert torch.equal(folded[0, :, 1, 0, 1], block)


def test_what_is_further_than_the_halo_does_not_matter_and_what_is_nearer_does() -> None:
    torch.manual_seed(0)
    network = UNet3D(SMALL, light_channels=1).eval()
    torch.nn.init.normal_(network.head.weight)
    halo, n = SMALL.halo, 136
    assert halo == 48
    scan, light = torch.randn(1, 6, 2 * n, 16, 16), torch.randn(1, 1, n, 8, 8)
    with torch.no_grad():
        before = network(scan, light)[0]
        for at in (64, 67, 71):
            seen = []
            for changed in (at - halo, at - 31, at + 31, at + halo):
                other = light.clone()
                other[:, :, changed] += 10
                seen.append(not torch.equal(network(scan, other)[0, :, at], before[:, at]))
            assert seen == [False, True, True, False]


def test_light_is_given_where_the_layout_expects_it() -> None:
    # The convolution stem works on the fine grid: light is spread over the eight voxels of its block.
    torch.manual_seed(0)
    network = UNet3D(SMALL_PAPER, light_channels=1).eval()
    torch.nn.init.normal_(network.head.weight)
    scan, light = torch.randn(1, 6, 16, 16, 16), torch.randn(1, 1, 8, 8, 8)
    spread = light.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    beside = UNet3D(SMALL_PAPER, in_channels=7).eval()
    beside.load_state_dict(network.state_dict())
    assert torch.allclose(network(scan, light), beside(torch.cat([scan, spread], dim=1)), atol=1e-6)


@pytest.mark.parametrize(
    ("scan", "light"),
    [
        ((1, 6, 16, 16, 20), (1, 2, 8, 8, 10)),
        ((1, 5, 16, 16, 16), (1, 2, 8, 8, 8)),
        ((1, 6, 16, 16, 16), (1, 3, 8, 8, 8)),
        ((1, 6, 16, 16, 16), (1, 2, 16, 16, 16)),
        ((1, 6, 16, 16, 16), None),
    ],
    ids=["edge", "channels", "light channels", "light grid", "no light"],
)
def test_other_shapes_are_refused(scan: tuple[int, ...], light: tuple[int, ...] | None) -> None:
    network = UNet3D(SMALL, light_channels=2)
    with pytest.raises(ShapeError):
        network(torch.zeros(scan), None if light is None else torch.zeros(light))
