import math

import pytest
import torch
from tests.dvr.small import jittered_rays, random_volume

from tomosplat.dvr.chunked import march_chunked
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays
from tomosplat.dvr.reference import look_up, march_reference, trilinear


def one_ray(length: float, offset: float = 0.5) -> Rays:
    start, direction = torch.zeros(1, 1, 1, 3).double(), torch.tensor([[[[1.0, 0, 0]]]]).double()
    return Rays(
        start,
        direction,
        torch.full((1, 1, 1), length, dtype=torch.float64),
        torch.full((1, 1, 1), offset, dtype=torch.float64),
    )


@pytest.mark.parametrize("associated", [False, True])
def test_a_homogeneous_slab_follows_beer_and_lambert(associated: bool) -> None:
    kappa, color, rate, length = 0.3, 0.7, 4.0, 5.0

    def classify(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((*places.shape[:-1], 1), color, dtype=torch.float64), torch.full(
            places.shape[:-1], kappa, dtype=torch.float64
        )

    image = march_reference(classify, one_ray(length), March(rate, associated))[0, 0, 0]
    alpha = 1 - math.exp(-kappa * length)
    assert image[1].item() == pytest.approx(alpha, abs=1e-12)
    # The sum of c Δt exp(−κΔt)ⁿ, or c times the opacity.
    step = 1 / rate
    expected = color * alpha if associated else color * step * alpha / (1 - math.exp(-kappa * step))
    assert image[0].item() == pytest.approx(expected, abs=1e-12)


def test_emission_without_absorption_shows_unless_it_is_associated() -> None:
    def classify(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones((*places.shape[:-1], 1)).double(), torch.zeros(places.shape[:-1]).double()

    free = march_reference(classify, one_ray(3), March(2))[0, 0, 0]
    tied = march_reference(classify, one_ray(3), March(2, associated=True))[0, 0, 0]
    torch.testing.assert_close(free, torch.tensor([3.0, 0.0]).double())
    torch.testing.assert_close(tied, torch.zeros(2).double())


def test_jitter_decides_whether_a_last_sample_still_fits() -> None:
    def classify(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones((*places.shape[:-1], 1)).double(), torch.zeros(places.shape[:-1]).double()

    sums = [march_reference(classify, one_ray(2.25, offset), March(1))[0, 0, 0, 0].item() for offset in (0.1, 0.9)]
    assert sums == [3, 2]


def test_interpolation_gives_back_a_linear_volume_and_its_table() -> None:
    grid = torch.stack(torch.meshgrid(*(torch.arange(n).double() for n in (4, 5, 6)), indexing="ij"), dim=-1)
    volume = (grid @ torch.tensor([1.0, 2.0, 3.0]).double())[..., None]
    place = torch.tensor([[1.25, 3.5, 4.75], [-0.4, 2, 5.4]]).double()
    torch.testing.assert_close(trilinear(volume, place)[:, 0], torch.tensor([22.5, 0 + 4 + 15]).double())
    table = torch.linspace(0, 3, 7).double()[:, None]
    torch.testing.assert_close(
        look_up(table, torch.tensor([0.1, 2.0], dtype=torch.float64))[:, 0], torch.tensor([0.3, 3.0]).double()
    )


@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_chunks_give_what_the_reference_gives(associated: bool, chunk: int) -> None:
    rays, march = jittered_rays(), March(1.3, associated)
    features = random_volume(3)
    weights = torch.tensor([[1.0, -0.5, 0.2], [0.3, 0.8, 0.1]]).double()

    def color(f: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(f @ weights.T)

    def opacity(f: torch.Tensor) -> torch.Tensor:
        return f[..., 0] * f[..., 2]

    def classify(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sampled = trilinear(features, places)
        return color(sampled), opacity(sampled)

    expected = march_reference(classify, rays, march)
    chunked = march_chunked(features.movedim(-1, 0), color, opacity, rays, march, chunk=chunk)
    torch.testing.assert_close(chunked, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("associated", [False, True])
def test_gradients_of_features_and_mappings_are_those_of_finite_differences(associated: bool) -> None:
    rays = jittered_rays(n=1, width=3, height=2)
    features = random_volume(2)[:3, :3, :3].movedim(-1, 0).contiguous().requires_grad_()
    weights = torch.tensor([[0.4, 0.7]]).double().requires_grad_()

    def render(features: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return march_chunked(
            features, lambda f: f * weights, lambda f: (f * weights).sum(-1), rays, March(0.7, associated), chunk=4
        )

    assert torch.autograd.gradcheck(render, (features, weights), eps=1e-6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("associated", [False, True])
def test_gradients_of_the_reference_are_those_of_finite_differences(associated: bool) -> None:
    rays, values = jittered_rays(n=1, width=3, height=2), random_volume(1)
    table = torch.rand((5, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)

    def render(table: torch.Tensor) -> torch.Tensor:
        def classify(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            numbers = look_up(table, trilinear(values, places)[..., 0])
            return numbers[..., :3], numbers[..., 3]

        return march_reference(classify, rays, March(0.8, associated))

    assert torch.autograd.gradcheck(render, (table,), eps=1e-6, atol=1e-6, rtol=1e-4)
