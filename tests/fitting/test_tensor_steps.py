"""Steps by PyTorch's own operations, which rows on a GPU take, against the kernels; here on the CPU."""

import pytest
import torch
from tests.fitting.scenes import blobs, faded, seen

from tomosplat.errors import DivergedError
from tomosplat.fitting import DensityControl, FitSettings, fit
from tomosplat.fitting.gaussians import DIFFERENTIABLE, FittedGaussians


@pytest.fixture
def without_kernels(monkeypatch):
    return lambda: monkeypatch.setattr("tomosplat.fitting.gaussians.has_kernels", lambda rows: False)


@pytest.mark.parametrize("model", ["6dgs", "3dgs"])
def test_a_fit_takes_the_steps_that_it_takes_with_kernels(without_kernels, model) -> None:
    """Density control included: rows are cloned, split and pruned on the way."""
    scene, views = faded(blobs(60)), seen(blobs(60), 4)
    control = DensityControl(densify=True, every=4, begin=2)
    settings = FitSettings(iterations=9, evaluate_every=9, model=model, density=control)
    expected = fit(scene, views, settings).gaussians
    without_kernels()
    found = fit(scene, views, settings).gaussians
    assert torch.equal(found.origin, expected.origin)
    assert torch.equal(found.counts, expected.counts)
    torch.testing.assert_close(found.rows, expected.rows, rtol=1e-3, atol=1e-4)


def test_what_is_not_finite_is_named_and_what_has_no_gradient_stays(without_kernels) -> None:
    without_kernels()
    gaussians = FittedGaussians.of(blobs(8), "6dgs")
    before, leaves = gaussians.rows.clone(), gaussians.leaf_scene()
    for name in DIFFERENTIABLE:
        getattr(leaves, name).grad = torch.zeros_like(getattr(leaves, name))
    leaves.means.grad[2] = 1.0
    leaves.opacities.grad[5] = torch.nan
    with pytest.raises(DivergedError, match="opacity_logits of Gaussian 5"):
        gaussians.step(leaves, torch.full((gaussians.rows.shape[1],), 0.5))
    moved = (gaussians.rows != before).any(dim=1).nonzero().flatten().tolist()
    assert moved == [2]
    assert gaussians.counts.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    # Adam's first step is the rate, whatever the gradient.
    torch.testing.assert_close(gaussians.rows[2, :3], before[2, :3] - 0.5)
