"""The GPU's rasteriser against the reference: pictures, depth, coverage and all gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.render.closeness import assert_gradient_close
from tests.render.random_scenes import (
    DIFFERENTIABLE,
    front_camera,
    joined,
    one_gaussian,
    random_scene,
    two_cameras,
    with_gradients,
)

from tomosplat.errors import MemoryLimitError, UnitsError
from tomosplat.geometry import Cameras, look_at
from tomosplat.render import rasterize
from tomosplat.render.gpu import backend

GROUPS = [[1, 2], [3], [], [4, 5], range(256)]  # more than one program collects


def scene_and_cameras(n=40, spread=15.0):
    """Small enough for the interpreter: two views of 2 x 2 tiles, none of whose sides are whole."""
    return random_scene(n, spread=spread), two_cameras(30, 21)


def gradients(picture, scene):
    """Gradients of a random weighting of every value of the picture."""
    weights = torch.randn(picture.shape, generator=torch.Generator().manual_seed(3)).to(picture.device)
    leaves = [getattr(scene, name) for name in DIFFERENTIABLE]
    found = torch.autograd.grad((picture * weights).sum(), leaves)
    return {name: gradient.cpu() for name, gradient in zip(DIFFERENTIABLE, found, strict=True)}


@pytest.fixture(scope="module")
def truth():
    scene, cameras = scene_and_cameras()
    leaves = with_gradients(scene)
    output = rasterize(leaves, cameras, depth=True, coverage=GROUPS, backend="reference")
    return output, gradients(output.rgba, leaves)


@pytest.mark.parametrize("tiles", ["exact", "aabb"])
def test_picture_and_gradients_are_the_references(device, truth, tiles):
    expected, expected_gradients = truth
    scene, cameras = scene_and_cameras()
    leaves = with_gradients(scene.to(torch.float32).to(device))
    rgba = rasterize(leaves, cameras, tiles=tiles, backend="gpu").rgba
    assert rgba.device.type == device.type
    torch.testing.assert_close(rgba.detach().cpu(), expected.rgba.detach(), rtol=1e-4, atol=1e-5)
    for name, gradient in gradients(rgba, leaves).items():
        assert_gradient_close(gradient, expected_gradients[name])


def test_depth_and_coverage_are_the_references(device, truth):
    expected, _ = truth
    scene, cameras = scene_and_cameras()
    found = rasterize(scene.to(device), cameras, depth=True, coverage=GROUPS, backend="gpu")
    torch.testing.assert_close(found.depth.cpu(), expected.depth, rtol=1e-5, atol=1e-3, equal_nan=True)
    torch.testing.assert_close(found.coverage.cpu(), expected.coverage, rtol=1e-4, atol=1e-5)
    assert bool(found.depth.isnan().any())


def test_finished_tiles_stop_early_and_alpha_is_bounded(device):
    wide = one_gaussian(
        covs=400 * torch.tensor([[1.0, 0, 0, 1, 0, 1]], dtype=torch.float64),
        opacities=torch.tensor([1.0], dtype=torch.float64),
    )
    layers = [replace(wide, means=torch.tensor([[0.0, -y, 0]], dtype=torch.float64)) for y in range(70)]
    scene, cameras = with_gradients(joined(*layers)), front_camera(9)
    expected = rasterize(scene, cameras, backend="reference").rgba
    leaves = with_gradients(joined(*layers).to(device))
    found = rasterize(leaves, cameras, backend="gpu").rgba
    torch.testing.assert_close(found.detach().cpu(), expected.detach(), rtol=1e-4, atol=1e-5)
    assert float(found[0, 4, 4, 3].detach()) == pytest.approx(1 - 1e-4, abs=1e-6)
    (expected[..., 3].sum() + expected[..., 0].sum()).backward()
    (found[..., 3].sum() + found[..., 0].sum()).backward()
    for name in ("sh", "opacities", "covs"):
        found_gradient, gradient = getattr(leaves, name).grad.cpu(), getattr(scene, name).grad
        torch.testing.assert_close(found_gradient, gradient, rtol=1e-3, atol=1e-3 * float(gradient.abs().max()) + 1e-9)


def test_lists_are_not_walked_beyond_what_is_visible(device):
    from tomosplat.render.gpu.frame import Parameters, draw
    from tomosplat.render.projection import camera_row

    wide = one_gaussian(
        covs=64 * torch.tensor([[1.0, 0, 0, 1, 0, 1]], dtype=torch.float64),
        opacities=torch.tensor([0.9], dtype=torch.float64),
    )
    scene = joined(*[wide] * 70).to(torch.float32).to(device)
    parameters = Parameters(0.35, tuple(getattr(scene, name) for name in DIFFERENTIABLE), scene.labels)
    visible, camera = torch.ones(256, dtype=torch.uint8), torch.from_numpy(camera_row(front_camera(9), 0))
    frame = draw(parameters, visible.to(device), camera.to(device), True, torch.empty(9, 9, 4, device=device))
    # Ten of them finish the picture; the tile reaches beyond it, where twice as many as are looked at would not.
    assert frame.lists.starts.tolist() == [0, 70]
    assert 10 <= int(frame.n_blended[0]) < 40


def test_hidden_labels_leave_the_picture_of_the_others(device):
    scene, cameras = random_scene(20).to(device), two_cameras(16, 16)
    shown = rasterize(scene, cameras, visible=[2, 4], backend="gpu").rgba
    alone = rasterize(scene.select((scene.labels == 2) | (scene.labels == 4)), cameras, backend="gpu").rgba
    torch.testing.assert_close(shown, alone, rtol=0, atol=0)
    assert float(rasterize(scene, cameras, visible=[], backend="gpu").rgba.abs().max()) == 0


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 5)])
def test_any_picture_size(device, size):
    scene, cameras = random_scene(15, spread=10.0), two_cameras(*size)
    expected = rasterize(scene, cameras, backend="reference").rgba
    found = rasterize(scene.to(device), cameras, backend="gpu").rgba
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-5)


def test_views_from_within_the_scene_are_the_references(device):
    scene = random_scene(25).to(torch.float32)
    viewmats = look_at(np.stack([scene.means[5].double().numpy(), np.zeros(3)]), (1, 2, 3))
    cameras = Cameras(viewmats, two_cameras().Ks, 30, 21)
    leaves = with_gradients(scene.to(device))
    found = rasterize(leaves, cameras, backend="gpu").rgba
    found.sum().backward()
    assert all(bool(getattr(leaves, name).grad.isfinite().all()) for name in DIFFERENTIABLE)
    # From the very point where a Gaussian stands, its direction is rounding.
    leaves, doubles = with_gradients(scene.to(device)), with_gradients(scene.to(torch.float64))
    found = rasterize(leaves, cameras[[1]], backend="gpu").rgba
    expected = rasterize(doubles, cameras[[1]], backend="reference").rgba
    torch.testing.assert_close(found.detach().cpu(), expected.detach(), rtol=1e-3, atol=1e-3)
    truth = gradients(expected, doubles)
    for name, gradient in gradients(found, leaves).items():
        assert_gradient_close(gradient, truth[name], relative=2e-3)


def test_gradient_reaches_only_what_asks_for_it(device):
    scene = random_scene(10).to(torch.float32).to(device)
    opacities = scene.opacities.clone().requires_grad_()
    rasterize(replace(scene, opacities=opacities), two_cameras(16, 16), backend="gpu").rgba.sum().backward()
    assert float(opacities.grad.abs().sum()) > 0
    assert scene.means.grad is None
    with torch.no_grad():
        assert rasterize(replace(scene, opacities=opacities), two_cameras(16, 16), backend="gpu").rgba.grad_fn is None


def test_empty_scene_and_no_cameras(device):
    scene = random_scene(5).to(device)
    empty = scene.select(torch.zeros(5, dtype=torch.bool, device=device))
    output = rasterize(empty, two_cameras(20, 10), depth=True, coverage=[[1]], backend="gpu")
    assert float(output.rgba.abs().max()) == 0
    assert bool(output.depth.isnan().all())
    assert float(output.coverage.max()) == 0
    leaves = with_gradients(scene)
    rasterize(leaves, two_cameras()[:0], backend="gpu").rgba.sum().backward()
    assert all(float(getattr(leaves, name).grad.abs().max()) == 0 for name in DIFFERENTIABLE)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_nan_is_refused_by_name(device, name):
    scene = random_scene(20)
    getattr(scene, name)[7] = torch.nan
    with pytest.raises(UnitsError, match="Gaussian 7 of 20"):
        rasterize(scene.to(device), two_cameras(16, 16), backend="gpu")


@pytest.mark.parametrize("covs", [(-1.0, 0, 0, 1, 0, 1), (1.0, 3, 0, 1, 0, 1), (1.0, 0, 2, 1, 0, 1)])
def test_impossible_covariances_are_refused(device, covs):
    scene = one_gaussian(covs=torch.tensor([covs], dtype=torch.float64)).to(device)
    cameras = Cameras(look_at([[60.0, 60, 60]], (0, 0, 0)), front_camera().Ks, 33, 33)
    with pytest.raises(UnitsError, match="positive semi-definite"):
        rasterize(scene, cameras, backend="gpu")


def test_negative_opacity_is_refused(device):
    scene = one_gaussian(opacities=torch.tensor([-0.5], dtype=torch.float64)).to(device)
    with pytest.raises(UnitsError, match="negative"):
        rasterize(scene, front_camera(), backend="gpu")


@pytest.mark.parametrize("variance", [0.0, 1e-20, 1e6, 1e20])
def test_any_size_of_gaussian_is_drawn(device, variance):
    scene = one_gaussian(covs=variance * torch.tensor([[1.0, 0, 0, 1, 0, 1]], dtype=torch.float64))
    expected = rasterize(scene, front_camera(), backend="reference").rgba
    found = rasterize(scene.to(device), front_camera(), backend="gpu").rgba
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


def test_memory_is_asked_for_before_it_is_taken(device, monkeypatch):
    from tomosplat.render.gpu import binning

    monkeypatch.setattr(binning, "free_memory", lambda _: 500)
    with pytest.raises(MemoryLimitError, match="pairs of a tile and a Gaussian"):
        rasterize(random_scene(50).to(device), two_cameras(), backend="gpu")
    assert backend.free_memory(device) > 1e6
