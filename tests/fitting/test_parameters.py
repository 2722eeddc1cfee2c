from dataclasses import replace

import pytest
import torch
from tests.fitting.scenes import blobs, seen

from tomosplat.fitting.gaussians import DIFFERENTIABLE, FittedGaussians
from tomosplat.fitting.parameters import column_names, to_rows, to_scene
from tomosplat.gaussians import GaussianScene, from_matrix
from tomosplat.metrics import psnr
from tomosplat.render import rasterize


def tilted(n: int = 50) -> GaussianScene:
    """Gaussians of every shape, with gains and precisions of every kind."""
    rng = torch.Generator().manual_seed(1)
    half, halves_dir = torch.randn(2, n, 3, 3, generator=rng)
    return replace(
        blobs(n),
        covs=from_matrix(half @ half.mT + 0.1 * torch.eye(3)),
        precisions_dir=from_matrix(halves_dir @ halves_dir.mT + 0.1 * torch.eye(3)),
        gains=torch.randn(n, 3, 3, generator=rng),
        sh=torch.randn(n, 4, 3, generator=rng),
        opacities=torch.rand(n, generator=rng),
    )


def test_rows_mean_the_scene_that_they_were_made_of() -> None:
    scene = tilted()
    again = to_scene(to_rows(scene, "6dgs"), scene, "6dgs")
    for name, tensor in scene.tensors().items():
        torch.testing.assert_close(getattr(again, name), tensor, rtol=1e-4, atol=1e-4)


def test_flat_gaussians_become_thin_ones() -> None:
    scene = blobs(4)
    flat = replace(scene, covs=torch.tensor([4.0, 0, 0, 4, 0, 0]).repeat(4, 1))
    covs = to_scene(to_rows(flat, "6dgs"), flat, "6dgs").covs
    torch.testing.assert_close(covs, flat.covs, atol=1e-5, rtol=1e-4)


def test_plain_3dgs_looks_alike_from_all_sides() -> None:
    scene = blobs()
    plain = FittedGaussians.of(scene, "3dgs").scene()
    assert not bool(plain.precisions_dir.any())
    assert not bool(plain.gains.any())
    for view in seen(scene, 3):
        picture = rasterize(replace(plain, values=None), view.camera).rgba[0].detach()
        assert float(psnr(picture, view.rgba)) > 30


@pytest.mark.parametrize("model", ["6dgs", "3dgs"])
def test_the_kernels_do_what_autograd_does(model) -> None:
    scene = tilted()
    gaussians = FittedGaussians.of(scene, model)
    leaves = gaussians.leaf_scene()
    rows = gaussians.rows.clone().requires_grad_()
    expected = to_scene(rows, scene, model)
    names = DIFFERENTIABLE if model == "6dgs" else ("means", "covs", "opacities", "sh")
    rng = torch.Generator().manual_seed(2)
    loss = torch.zeros(())
    for name in DIFFERENTIABLE:
        weights = torch.randn(getattr(leaves, name).shape, generator=rng)
        getattr(leaves, name).grad = weights
        if name in names:
            torch.testing.assert_close(getattr(leaves, name).detach(), getattr(expected, name).detach())
            loss = loss + (weights * getattr(expected, name)).sum()
    loss.backward()
    gaussians.step(leaves, torch.zeros(rows.shape[1]))
    assert rows.grad is not None
    torch.testing.assert_close(gaussians.momentum, 0.1 * rows.grad, rtol=1e-4, atol=1e-5)


def test_the_step_is_that_of_adam_and_leaves_unseen_gaussians_alone() -> None:
    gaussians = FittedGaussians.of(blobs(), "6dgs")
    rows = gaussians.rows.clone().requires_grad_()
    adam = torch.optim.Adam([rows], lr=0.01, eps=1e-15)
    rng = torch.Generator().manual_seed(3)
    before = gaussians.rows.clone()
    for _ in range(3):
        leaves = gaussians.leaf_scene()
        for name in DIFFERENTIABLE:
            getattr(leaves, name).grad = torch.randn(getattr(leaves, name).shape, generator=rng)
            getattr(leaves, name).grad[60:] = 0
        expected = to_scene(rows, gaussians.base, "6dgs")
        adam.zero_grad()
        sum((getattr(leaves, n).grad * getattr(expected, n)).sum() for n in DIFFERENTIABLE).backward()
        adam.step()
        gaussians.step(leaves, torch.full((len(column_names("6dgs")),), 0.01))
    torch.testing.assert_close(gaussians.rows[:60], rows.detach()[:60], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gaussians.rows[60:], before[60:], rtol=0, atol=0)
