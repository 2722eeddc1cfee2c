"""From offsets to Gaussians: nothing changes at zero, closed forms hold, gradients are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.feedforward.subjects import cloudy, primed_of

from tomosplat.errors import ShapeError
from tomosplat.feedforward.head import CHANNELS, N_CHANNELS, Primed, activate, light_change, lit
from tomosplat.gaussians import from_matrix, linear_to_srgb, to_matrix
from tomosplat.geometry import SH_C0

OPTICAL = cloudy((12, 12, 12))


@pytest.fixture(scope="module", params=[True, False], ids=["lit", "plain"])
def primed(request) -> Primed:
    return primed_of(OPTICAL, lit=request.param)


def offsets_with(n: int, **values: float | torch.Tensor) -> torch.Tensor:
    parts = [torch.zeros(n, width) + torch.as_tensor(values.get(name, 0.0)) for name, width in CHANNELS.items()]
    return torch.cat(parts, dim=1)


def in_double(primed: Primed) -> Primed:
    return replace(primed, scene=primed.scene.to(torch.float64))


def test_there_are_the_papers_37_channels() -> None:
    assert list(CHANNELS.values()) == [3, 3, 9, 1, 6, 15]
    assert N_CHANNELS == 37


def test_without_offsets_the_scene_is_the_primed_one(primed) -> None:
    scene = activate(primed, torch.zeros(len(primed.scene), N_CHANNELS))
    for name, tensor in primed.scene.tensors().items():
        if name in ("covs", "precisions_dir", "means_dir"):  # factored and multiplied again
            assert torch.allclose(getattr(scene, name), tensor, rtol=2e-6, atol=2e-6), name
        else:
            assert torch.equal(getattr(scene, name), tensor), name


def test_light_is_multiplied_and_the_colour_follows() -> None:
    primed = primed_of(OPTICAL)
    scene = activate(primed, offsets_with(len(primed.scene), color=0.3))
    factor = np.exp(4 * np.tanh(0.3 / 4))
    expected = linear_to_srgb(primed.radiance * np.float32(factor))
    assert np.allclose(0.5 + SH_C0 * scene.sh[:, 0].numpy(), expected, atol=2e-6)
    assert torch.allclose(scene.illumination, primed.scene.illumination * factor)


def test_no_offset_makes_light_infinite() -> None:
    primed = primed_of(OPTICAL)
    scene = activate(primed, offsets_with(len(primed.scene), color=1e4))
    assert scene.sh.isfinite().all()
    assert scene.illumination.isfinite().all()
    assert torch.allclose(light_change(torch.tensor([0.0, 0.01, -0.01])), torch.tensor([0.0, 0.01, -0.01]), atol=1e-6)


def test_without_light_colours_are_added_as_the_paper_has_it() -> None:
    primed = primed_of(OPTICAL, lit=False)
    scene = activate(primed, offsets_with(len(primed.scene), color=0.3, color_view=torch.arange(9.0)))
    assert torch.allclose(scene.sh[:, 0], primed.scene.sh[:, 0] + 0.3)
    assert torch.allclose(scene.sh[:, 1:] - primed.scene.sh[:, 1:], torch.arange(9.0).reshape(3, 3).expand(1, 3, 3))


def test_opacity_moves_along_its_logit_and_stays_finite_at_both_ends(primed) -> None:
    ends = torch.linspace(0, 1, len(primed.scene))
    ended = replace(primed, scene=replace(primed.scene, opacities=ends))
    scene = activate(ended, offsets_with(len(ends), opacity=-1.5))
    expected = torch.sigmoid(torch.logit(ends.double()) - 1.5).float()
    assert torch.allclose(scene.opacities, expected, atol=1e-6)
    assert scene.opacities[0] == 0
    assert scene.opacities[-1] == 1


def test_the_mean_direction_stays_a_unit_vector(primed) -> None:
    scene = activate(primed, offsets_with(len(primed.scene), means_dir=torch.tensor([0.5, -2.0, 0.1])))
    assert torch.allclose(scene.means_dir.norm(dim=1), torch.ones(len(scene)))
    assert not torch.allclose(scene.means_dir, primed.scene.means_dir, atol=0.1)


def test_the_covariance_is_that_of_the_dense_six_dimensional_matrix(primed) -> None:
    primed, n = in_double(primed), 20
    primed = primed.select(torch.arange(n))
    offsets = torch.randn(n, N_CHANNELS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scene = activate(primed, offsets)
    *_, log_scales, shears = offsets.split(list(CHANNELS.values()), dim=1)
    base = torch.zeros(n, 6, 6, dtype=torch.float64)
    base[:, :3, :3] = torch.linalg.cholesky(to_matrix(primed.scene.covs))
    # Any factor of the covariance of direction; the precision's inverse transposed is one.
    base[:, 3:, 3:] = torch.linalg.inv(torch.linalg.cholesky(to_matrix(primed.scene.precisions_dir))).mT
    rows, cols = torch.tril_indices(6, 6, offset=-1)
    lower = torch.eye(6, dtype=torch.float64).repeat(n, 1, 1)
    lower[:, rows, cols] = torch.tanh(shears)
    half = base @ torch.diag_embed(log_scales.exp()) @ lower
    sigma = half @ half.mT
    pp, pd, dd = sigma[:, :3, :3], sigma[:, :3, 3:], sigma[:, 3:, 3:]
    gain = pd @ torch.linalg.inv(dd)
    assert torch.allclose(scene.gains, gain, rtol=1e-9, atol=1e-9)
    assert torch.allclose(scene.covs, from_matrix(pp - gain @ pd.mT), rtol=1e-9, atol=1e-9)
    assert torch.allclose(scene.precisions_dir, from_matrix(torch.linalg.inv(dd)), rtol=1e-9, atol=1e-9)


def test_gradients_of_all_channels_are_right(primed) -> None:
    primed = in_double(primed).select(torch.arange(3))
    names = [name for name in primed.scene.tensors() if name not in ("labels", "means", "values")]

    def outputs(offsets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        scene = activate(primed, offsets)
        return tuple(getattr(scene, name) for name in names)

    offsets = 0.3 * torch.randn(3, N_CHANNELS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(outputs, offsets.requires_grad_(), fast_mode=True)


def test_encoding_is_that_of_arrays_and_has_a_gradient_in_the_dark() -> None:
    radiance = torch.tensor([[0.0, 0.001, 0.0031308], [0.2, 1.0, 3.0]])
    assert np.allclose(lit(radiance, torch.zeros(2, 3)).numpy(), linear_to_srgb(radiance.numpy()), atol=1e-6)
    color = torch.zeros(2, 3, requires_grad=True)
    lit(radiance, color).sum().backward()
    assert color.grad.isfinite().all()
    assert color.grad[0, 0] == 0
    assert color.grad[0, 1] > 0


def test_other_shapes_are_refused(primed) -> None:
    with pytest.raises(ShapeError, match="37"):
        activate(primed, torch.zeros(len(primed.scene), 36))
