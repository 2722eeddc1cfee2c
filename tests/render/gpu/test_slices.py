"""The GPU's slice rasteriser against the reference: pictures, what covers them, and all gradients."""

import pytest
import torch
from tests.render.closeness import assert_gradient_close
from tests.render.sliced_gaussians import (
    OBLIQUE,
    plane_of,
    random_ellipses,
    random_gaussians,
    rotation,
    weighting,
)

from tomosplat.errors import BackendUnavailableError, MemoryLimitError, UnitsError
from tomosplat.geometry import SlicePlane
from tomosplat.render import blend_ellipses, slice_gaussians

BLENDINGS = ["normalised", "alpha", "additive"]


def there(tensors, device):
    """What is asked for on a GPU, or in the interpreter."""
    return [tensor.detach().float().to(device).requires_grad_() for tensor in tensors]


def compare(found, expected, leaves, exact):
    for image, truth in zip(found, expected, strict=True):
        torch.testing.assert_close(image.values.cpu().double(), truth.values, rtol=1e-4, atol=2e-5)
        torch.testing.assert_close(image.coverage.cpu().double(), truth.coverage, rtol=1e-4, atol=2e-5)
    gradients = torch.autograd.grad(weighting(found), leaves)
    for gradient, truth in zip(gradients, torch.autograd.grad(weighting(expected), exact), strict=True):
        assert_gradient_close(gradient.cpu(), truth)


@pytest.mark.parametrize(("blending", "channels"), [("normalised", 1), ("alpha", 3), ("additive", 6)])
def test_pictures_and_gradients_are_the_references(device, blending, channels):
    """Slices of several tiles, of which a part is beyond the edge, and more channels than one program blends."""
    exact = [tensor.requires_grad_() for tensor in random_gaussians(25, channels)]
    planes = [OBLIQUE, plane_of(rotation((0, 1, 0), 90), height=9, width=18)]
    leaves = there(exact, device)
    found = slice_gaussians(*leaves, planes, blending=blending, backend="gpu")
    expected = slice_gaussians(*exact, planes, blending=blending, backend="reference")
    assert found[0].values.device.type == device.type
    assert float(expected[0].coverage.detach().max()) > 0.5
    compare(found, expected, leaves, exact)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_ellipses_and_gradients_are_the_references(device, blending):
    exact = [tensor.requires_grad_() for tensor in random_ellipses(20)]
    leaves = there(exact, device)
    starts, sizes = [0, 12, 20], [(18, 11), (7, 20)]
    found = blend_ellipses(*leaves, starts, sizes, blending=blending, backend="gpu")
    compare(found, blend_ellipses(*exact, starts, sizes, blending=blending, backend="reference"), leaves, exact)


def test_what_is_behind_enough_is_hidden_and_weights_are_bounded(device):
    ellipses = torch.tensor([[4.0, 4, 60, 0, 60, 0.97]], dtype=torch.float64).repeat(12, 1)
    ellipses[0, 5] = 1.05  # covers 0.99 at most; the third of these is the last that the pixel in the middle takes
    values = torch.arange(12, dtype=torch.float64)[:, None] + 1
    exact = [ellipses.requires_grad_(), values.requires_grad_()]
    leaves = there(exact, device)
    found = blend_ellipses(*leaves, [0, 12], [(9, 9)], blending="alpha", backend="gpu")
    expected = blend_ellipses(*exact, [0, 12], [(9, 9)], blending="alpha", backend="reference")
    compare(found, expected, leaves, exact)
    assert float(found[0].coverage[4, 4].detach()) == pytest.approx(1 - 9e-6, abs=1e-6)


def test_the_cull_is_exact(device):
    """A Gaussian is drawn wherever it weighs more than 1/255, however far off and thin, and nowhere else."""
    covs = torch.tensor([[900.0, 0, 0, 0.04, 0, 0.04], [0.04, 0, 0, 0.04, 0, 900.0]], dtype=torch.float64)
    means = torch.tensor([[-60.0, 0.0, 0.5], [3.0, 3.0, -80.0]], dtype=torch.float64)
    tensors = (means, covs, torch.tensor([0.5, 0.9], dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64))
    plane = plane_of(spacing=(0.5, 0.5), height=33, width=33)
    (truth,) = slice_gaussians(*tensors, [plane], blending="additive", backend="reference")
    (found,) = slice_gaussians(*(t.to(device) for t in tensors), [plane], blending="additive", backend="gpu")
    assert int((truth.values > 0).sum()) > 20
    torch.testing.assert_close(found.values.cpu().double(), truth.values, atol=1e-5, rtol=1e-3)


def test_it_is_what_the_cpu_draws(device):
    tensors = random_gaussians(30, 2)
    (expected,) = slice_gaussians(*tensors, [OBLIQUE], blending="alpha", backend="cpu")
    (found,) = slice_gaussians(*(t.to(device) for t in tensors), [OBLIQUE], blending="alpha", backend="gpu")
    torch.testing.assert_close(found.values.cpu(), expected.values, rtol=1e-4, atol=2e-5)


def test_nothing_to_show_is_black(device):
    leaves = there(random_gaussians(5), device)
    (image,) = slice_gaussians(*leaves, [plane_of(corner=(0, 0, 500))], backend="gpu")
    assert not image.values.any()
    image.values.sum().backward()
    assert not any(leaf.grad.any() for leaf in leaves)
    (none,) = slice_gaussians(*(leaf[:0] for leaf in leaves), [OBLIQUE], blending="alpha", backend="gpu")
    assert not none.coverage.any()
    assert slice_gaussians(*leaves, [], blending="alpha", backend="gpu") == []


def test_no_channels_still_tell_what_is_covered(device):
    tensors = random_gaussians(5, 0)
    (expected,) = slice_gaussians(*tensors, [OBLIQUE], backend="reference")
    (found,) = slice_gaussians(*(tensor.to(device) for tensor in tensors), [OBLIQUE], backend="gpu")
    assert found.values.shape == (17, 15, 0)
    torch.testing.assert_close(found.coverage.cpu().double(), expected.coverage, rtol=1e-4, atol=1e-5)


def test_bad_gaussians_are_refused_by_name(device):
    means, covs, opacities, values = (tensor.to(device) for tensor in random_gaussians(6))
    for tensor, n in ((means, 3), (covs, 4), (opacities, 5)):
        spoilt = tensor.clone()
        spoilt[n] = torch.nan
        given = [spoilt if t is tensor else t for t in (means, covs, opacities)]
        with pytest.raises(UnitsError, match=f"Gaussian {n} cannot be sliced"):
            slice_gaussians(*given, values, [OBLIQUE], backend="gpu")
    flat = covs.clone()
    flat[2] = torch.tensor([1.0, 1, 0, 1, 0, 1])
    with pytest.raises(UnitsError, match="Gaussian 2"):
        slice_gaussians(means, flat, opacities, values, [plane_of(height=20, width=23)], backend="gpu")
    ellipses = torch.tensor([[0.0, 0, 1, 0, 1, 1], [0.0, 0, 1, 2, 1, 1]], device=device)
    with pytest.raises(UnitsError, match="ellipse 1"):
        blend_ellipses(ellipses, torch.ones(2, 1, device=device), [0, 1, 2], [(3, 3), (3, 3)], backend="gpu")


def test_memory_is_asked_for_before_it_is_taken(device, monkeypatch):
    from tomosplat.render.gpu import binning

    monkeypatch.setattr(binning, "free_memory", lambda _: 500)
    with pytest.raises(MemoryLimitError, match="pairs of a tile and a Gaussian"):
        slice_gaussians(*there(random_gaussians(), device), [OBLIQUE], backend="gpu")


def test_a_gpu_that_is_asked_for_and_absent_is_an_error(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendUnavailableError, match="not possible here"):
        slice_gaussians(*random_gaussians(3), [OBLIQUE], backend="gpu")
    with pytest.raises(BackendUnavailableError, match="GPU"):
        slice_gaussians(*(tensor.to("meta") for tensor in random_gaussians(3)), [OBLIQUE])


def test_a_picture_of_one_pixel(device):
    tensors = random_gaussians(8, 1)
    plane = SlicePlane(OBLIQUE.affine, 1, 1)
    (expected,) = slice_gaussians(*tensors, [plane], backend="reference")
    (found,) = slice_gaussians(*(tensor.to(device) for tensor in tensors), [plane], backend="gpu")
    torch.testing.assert_close(found.values.cpu().double(), expected.values, rtol=1e-4, atol=1e-5)
