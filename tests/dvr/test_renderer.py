import torch
from tests.dvr.small import jittered_rays, random_volume
from torch import Tensor, nn

from tomosplat.dvr.march import March
from tomosplat.dvr.renderer import Channels, VolumeRenderer

RAYS = jittered_rays(n=2)


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def test_of_linear_mappings_both_classifications_are_the_same() -> None:
    features = random_volume(4).movedim(-1, 0).contiguous().float()
    rays = RAYS.to(torch.float32)
    pictures = [
        VolumeRenderer(color=Channels(0, 3), opacity=Channels(3), classification=how).render(features, rays, March(1.5))
        for how in ("post", "pre")
    ]
    assert pictures[0].shape == (*RAYS.lengths.shape, 4)
    torch.testing.assert_close(pictures[0], pictures[1], rtol=1e-4, atol=1e-4)


def test_every_part_takes_part() -> None:
    volume = random_volume(1).movedim(-1, 0).contiguous()
    plain = VolumeRenderer(color=nn.Identity(), opacity=Channels(0))

    def bright(emissions: Tensor, opacities: Tensor) -> Tensor:
        return torch.cat([emissions.amax(dim=1), opacities.amax(dim=1, keepdim=True)], dim=1)

    march = March(1.1)
    picture = plain(volume, RAYS, march)
    encoded = VolumeRenderer(encoder=Doubled(), color=nn.Identity(), opacity=Channels(0))(volume, RAYS, march)
    decoded = VolumeRenderer(decoder=Doubled(), color=nn.Identity(), opacity=Channels(0))(volume, RAYS, march)
    accumulated = VolumeRenderer(accumulate=bright, color=nn.Identity(), opacity=Channels(0))(volume, RAYS, march)
    torch.testing.assert_close(encoded, plain.render(2 * volume, RAYS, march))
    torch.testing.assert_close(decoded[..., :1], 2 * picture[..., :1])
    torch.testing.assert_close(decoded[..., 1], picture[..., 1])
    assert float(accumulated[..., 0].max()) <= float(volume.max()) / march.rate + 1e-12


def test_gradients_reach_the_encoder_through_both_classifications() -> None:
    volume = random_volume(1).movedim(-1, 0).contiguous().float()
    gradients = []
    for how in ("post", "pre"):
        torch.manual_seed(0)
        encoder = nn.Conv3d(1, 4, 3, padding=1)
        renderer = VolumeRenderer(
            encoder=nn.Sequential(encoder, nn.Softplus()), color=Channels(0, 3), opacity=Channels(3), classification=how
        )
        renderer(volume, RAYS.to(torch.float32), March(1.5)).square().sum().backward()
        assert encoder.weight.grad is not None
        gradients.append(encoder.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=2e-3, atol=2e-3 * float(gradients[0].abs().max()))
