"""Slices through Gaussians: closed forms, what must not change them, and the kernels against the reference."""

import numpy as np
import pytest
import torch
from tests.render.closeness import assert_gradient_close
from tests.render.sliced_gaussians import (
    AXIAL,
    OBLIQUE,
    plane_of,
    random_ellipses,
    random_gaussians,
    rotation,
    single,
    weighting,
)

from tomosplat.errors import GeometryError, InputError, ShapeError, UnitsError
from tomosplat.gaussians import from_matrix
from tomosplat.geometry import SlicePlane
from tomosplat.render import blend_ellipses, slice_gaussians
from tomosplat.render.reference.slices import ellipses_reference, slice_reference

BLENDINGS = ["normalised", "alpha", "additive"]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("blending", BLENDINGS)
def test_one_gaussian_on_an_oblique_plane_is_its_closed_form(blending, backend):
    mean, variance = np.array([0.4, -0.3, 0.9]), np.array([4.0, 1.0, 2.0])
    tensors = (
        torch.tensor(mean)[None],
        torch.tensor([[variance[0], 0, 0, variance[1], 0, variance[2]]]),
        torch.tensor([0.8], dtype=torch.float64),
        torch.tensor([[3.0, -1.0]], dtype=torch.float64),
    )
    (image,) = slice_gaussians(*tensors, [OBLIQUE], blending=blending, backend=backend)
    weight = 0.8 * np.exp(-0.5 * ((OBLIQUE.pixel_centers() - mean) ** 2 / variance).sum(-1))
    weight[weight <= 1 / 255] = 0
    assert 0.5 < weight.max() < 0.8
    expected = weight / (weight + 0.02) if blending == "normalised" else weight
    np.testing.assert_allclose(image.coverage.numpy(), weight, atol=1e-5)
    np.testing.assert_allclose(image.values.numpy(), expected[..., None] * [3.0, -1.0], atol=1e-4)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_a_motion_of_all_changes_nothing(blending):
    means, covs, opacities, values = random_gaussians()
    turn, shift = rotation((3, -1, 2), 65), np.array([12.0, -5.0, 7.0])
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn, shift
    matrices = np.zeros((len(means), 3, 3))
    rows, columns = np.triu_indices(3)
    matrices[:, rows, columns] = matrices[:, columns, rows] = covs.numpy()
    moved = (
        torch.tensor(means.numpy() @ turn.T + shift),
        from_matrix(torch.tensor(turn @ matrices @ turn.T)),
        opacities,
        values,
    )
    (before,) = slice_gaussians(means, covs, opacities, values, [OBLIQUE], blending=blending)
    (after,) = slice_gaussians(*moved, [SlicePlane(motion @ OBLIQUE.affine, 17, 15)], blending=blending)
    torch.testing.assert_close(after.values, before.values, rtol=1e-3, atol=1e-4)


def test_only_physical_places_count():
    """Every second pixel of a slice twice as fine is the slice; the size of the pixels weighs nothing."""
    tensors = random_gaussians()
    fine = OBLIQUE.affine @ np.diag([0.5, 0.5, 1, 1])
    coarse, twice = slice_gaussians(*tensors, [OBLIQUE, SlicePlane(fine, 34, 30)])
    torch.testing.assert_close(twice.values[::2, ::2], coarse.values, rtol=1e-3, atol=1e-4)


def test_a_plane_seen_from_behind_or_transposed_shows_the_same():
    tensors = random_gaussians()
    back = SlicePlane(OBLIQUE.affine[:, [1, 0, 2, 3]], OBLIQUE.width, OBLIQUE.height)
    for blending in BLENDINGS:
        front, behind = slice_gaussians(*tensors, [OBLIQUE, back], blending=blending)
        torch.testing.assert_close(behind.values.transpose(0, 1), front.values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_pictures_and_gradients_are_the_references(blending):
    exact = [tensor.requires_grad_() for tensor in random_gaussians()]
    planes = [OBLIQUE, AXIAL, plane_of(rotation((0, 1, 0), 90))]
    expected = slice_gaussians(*exact, planes, blending=blending, backend="reference")
    leaves = single([tensor.detach() for tensor in exact])
    found = slice_gaussians(*leaves, planes, blending=blending)
    for image, truth in zip(found, expected, strict=True):
        torch.testing.assert_close(image.values.double(), truth.values, rtol=1e-4, atol=2e-5)
        torch.testing.assert_close(image.coverage.double(), truth.coverage, rtol=1e-4, atol=2e-5)
    gradients = torch.autograd.grad(weighting(found), leaves)
    truths = torch.autograd.grad(weighting(expected), exact)
    for gradient, truth in zip(gradients, truths, strict=True):
        assert_gradient_close(gradient, truth)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_ellipses_and_gradients_are_the_references(blending):
    exact = [tensor.requires_grad_() for tensor in random_ellipses()]
    leaves = single([tensor.detach() for tensor in exact])
    starts, sizes = [0, 18, 30], [(20, 19), (9, 31)]
    expected = blend_ellipses(*exact, starts, sizes, blending=blending, backend="reference")
    found = blend_ellipses(*leaves, starts, sizes, blending=blending)
    for image, truth in zip(found, expected, strict=True):
        torch.testing.assert_close(image.values.double(), truth.values, rtol=1e-4, atol=2e-5)
    gradients = torch.autograd.grad(weighting(found), leaves)
    truths = torch.autograd.grad(weighting(expected), exact)
    for gradient, truth in zip(gradients, truths, strict=True):
        assert_gradient_close(gradient, truth)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_gradcheck_of_the_reference(blending):
    tensors = [tensor.requires_grad_() for tensor in random_gaussians(4, 2)]
    small = plane_of(rotation((1, 2, -1), 40), spacing=(3, 3), height=4, width=5)

    def render(*leaves):
        return slice_reference(*leaves, small, blending, smooth_cutoff=True)

    assert torch.autograd.gradcheck(render, tensors)
    ellipses = torch.tensor([[1.0, 2, 2, 0.3, 1, 0.5], [2, 0.5, 1, -0.2, 3, 0.7]], dtype=torch.float64)
    leaves = [ellipses.requires_grad_(), torch.tensor([[1.0], [2]], dtype=torch.float64).requires_grad_()]
    assert torch.autograd.gradcheck(lambda e, v: ellipses_reference(e, v, 4, 3, blending, smooth_cutoff=True), leaves)


def test_the_cull_is_exact():
    """A Gaussian is drawn wherever it weighs more than 1/255, however far off and thin, and nowhere else."""
    covs = torch.tensor([[900.0, 0, 0, 0.04, 0, 0.04], [0.04, 0, 0, 0.04, 0, 900.0]], dtype=torch.float64)
    means = torch.tensor([[-60.0, 0.0, 0.5], [3.0, 3.0, -80.0]], dtype=torch.float64)
    tensors = (means, covs, torch.tensor([0.5, 0.9], dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64))
    (found,) = slice_gaussians(*tensors, [plane_of(spacing=(0.5, 0.5), height=40, width=40)], blending="additive")
    (truth,) = slice_gaussians(
        *tensors, [plane_of(spacing=(0.5, 0.5), height=40, width=40)], blending="additive", backend="reference"
    )
    assert int((truth.values > 0).sum()) > 20
    torch.testing.assert_close(found.values.double(), truth.values, atol=1e-5, rtol=1e-3)


def test_channels_do_not_see_each_other():
    means, covs, opacities, values = random_gaussians(channels=7)
    (all_at_once,) = slice_gaussians(means, covs, opacities, values, [OBLIQUE])
    (alone,) = slice_gaussians(means, covs, opacities, values[:, 4:5], [OBLIQUE])
    torch.testing.assert_close(all_at_once.values[..., 4:5], alone.values, rtol=1e-6, atol=1e-6)


def test_nothing_to_show_is_black():
    tensors = [tensor.requires_grad_() for tensor in random_gaussians(5)]
    (image,) = slice_gaussians(*tensors, [plane_of(corner=(0, 0, 500))])
    assert not image.values.any()
    image.values.sum().backward()
    (none,) = slice_gaussians(*(tensor[:0] for tensor in tensors), [OBLIQUE], blending="alpha")
    assert not none.coverage.any()


def test_bad_gaussians_and_planes_are_refused_by_name():
    means, covs, opacities, values = random_gaussians(6)
    spoilt = means.clone()
    spoilt[3, 1] = torch.nan
    with pytest.raises(UnitsError, match="Gaussian 3"):
        slice_gaussians(spoilt, covs, opacities, values, [OBLIQUE])
    flat = covs.clone()
    flat[2] = torch.tensor([1.0, 1, 0, 1, 0, 1])
    with pytest.raises(UnitsError, match="Gaussian 2"):
        slice_gaussians(means, flat, opacities, values, [AXIAL])
    with pytest.raises(UnitsError, match="ellipse 0"):
        blend_ellipses(torch.tensor([[0.0, 0, 1, 2, 1, 1]]), torch.ones(1, 1), [0, 1], [(3, 3)])
    with pytest.raises(ShapeError):
        slice_gaussians(means, covs[:, :3], opacities, values, [OBLIQUE])
    with pytest.raises(InputError, match="blending"):
        slice_gaussians(means, covs, opacities, values, [OBLIQUE], blending="max")
    with pytest.raises(GeometryError, match="parallel"):
        SlicePlane(np.diag([1.0, 0, 1, 1]), 4, 4)
