"""The compiled rasteriser against the reference, in every variant of its kernels."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.render.closeness import assert_gradient_close
from tests.render.random_scenes import DIFFERENTIABLE, random_scene, two_cameras, with_gradients

from tomosplat.render import rasterize
from tomosplat.render.cpu import render_views
from tomosplat.render.cpu.backend import best_lanes

LANES = [lanes for lanes in (0, 8, 16) if lanes <= best_lanes()]
EVERYTHING = np.ones(256, np.uint8)
NO_GROUPS = np.zeros((0, 256), np.uint8)


def loss_weights(cameras):
    size = (len(cameras), cameras.height, cameras.width, 4)
    return torch.randn(size, generator=torch.Generator().manual_seed(3))


def gradients(picture, scene, cameras):
    """Gradients of a random weighting of every value of the picture."""
    leaves = [getattr(scene, name) for name in DIFFERENTIABLE]
    found = torch.autograd.grad((picture * loss_weights(cameras)).sum(), leaves)
    return dict(zip(DIFFERENTIABLE, found, strict=True))


@pytest.fixture(scope="module")
def expected():
    scene, cameras = with_gradients(random_scene(150)), two_cameras()
    picture = rasterize(scene, cameras, backend="reference").rgba
    return picture.detach(), gradients(picture, scene, cameras)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "aabb"])
@pytest.mark.parametrize("lanes", LANES)
def test_picture_and_gradients_are_the_references(expected, lanes, exact):
    picture, expected_gradients = expected
    scene, cameras = with_gradients(random_scene(150).to(torch.float32)), two_cameras()
    rgba, _, _ = render_views(scene, cameras, EVERYTHING, False, NO_GROUPS, exact, None, lanes)
    torch.testing.assert_close(rgba, picture, rtol=1e-4, atol=1e-5)
    for name, gradient in gradients(rgba, scene, cameras).items():
        assert_gradient_close(gradient, expected_gradients[name])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda g: 1.01 * g,
        lambda g: g.roll(1, dims=0),
        lambda g: -g,
        lambda g: torch.where(torch.arange(len(g))[:, None] == g.norm(dim=1).argsort()[-100], 0, g),
        lambda g: torch.where(g == g.max(), 1.1 * g, g),
        lambda g: g * torch.nan,
    ],
    ids=["scaled", "shuffled", "negated", "row missing", "one entry", "NaN"],
)
def test_the_comparison_notices_a_wrong_gradient(expected, spoil):
    gradient = expected[1]["means"]
    assert_gradient_close(gradient, gradient)
    with pytest.raises(AssertionError):
        assert_gradient_close(spoil(gradient), gradient)


def test_gradients_add_up_over_cameras():
    scene, cameras = with_gradients(random_scene(100).to(torch.float32)), two_cameras()
    together = gradients(rasterize(scene, cameras).rgba, scene, cameras)
    weights = loss_weights(cameras)
    for name, gradient in together.items():
        leaf = getattr(scene, name)
        parts = [(rasterize(scene, cameras[[i]]).rgba[0] * weights[i]).sum() for i in range(2)]
        separate = sum(torch.autograd.grad(part, leaf)[0] for part in parts)
        torch.testing.assert_close(gradient, separate, rtol=1e-4, atol=1e-5)


def test_gradient_reaches_only_what_asks_for_it():
    scene = random_scene(50).to(torch.float32)
    opacities = scene.opacities.clone().requires_grad_()
    rasterize(replace(scene, opacities=opacities), two_cameras()).rgba.sum().backward()
    assert opacities.grad is not None
    assert float(opacities.grad.abs().sum()) > 0
    assert scene.means.grad is None


def test_gradient_flows_through_what_the_scene_was_made_from():
    scene = random_scene(50)
    logits = torch.zeros(50, dtype=torch.float64, requires_grad=True)
    picture = rasterize(replace(scene, opacities=torch.sigmoid(logits)), two_cameras()).rgba
    picture.sum().backward()
    assert logits.grad is not None
    assert float(logits.grad.abs().sum()) > 0


def test_backward_twice_gives_the_same_bits():
    scene, cameras = with_gradients(random_scene().to(torch.float32)), two_cameras()
    picture = rasterize(scene, cameras).rgba
    weights = loss_weights(cameras)
    first = torch.autograd.grad((picture * weights).sum(), scene.means, retain_graph=True)[0]
    rasterize(scene, cameras)  # must not take the memory that the second backward pass still needs
    second = torch.autograd.grad((picture * weights).sum(), scene.means)[0]
    assert torch.equal(first, second)


def test_nothing_is_kept_where_nothing_requires_a_gradient():
    scene, cameras = random_scene(50).to(torch.float32), two_cameras()
    assert rasterize(scene, cameras).rgba.grad_fn is None
    with torch.no_grad():
        assert rasterize(with_gradients(scene), cameras).rgba.grad_fn is None


def test_hidden_labels_leave_the_picture_of_the_others():
    scene, cameras = random_scene().to(torch.float32), two_cameras()
    shown = rasterize(scene, cameras, visible=[2, 4]).rgba
    alone = scene.select((scene.labels == 2) | (scene.labels == 4))
    torch.testing.assert_close(shown, rasterize(alone, cameras).rgba, rtol=0, atol=0)
    assert rasterize(scene, cameras, visible=[]).rgba.abs().max() == 0


def test_depth_and_coverage_are_the_references():
    scene, cameras = random_scene().to(torch.float32), two_cameras()
    groups = [[1, 2], [3], []]
    found = rasterize(scene, cameras, depth=True, coverage=groups)
    truth = rasterize(scene, cameras, depth=True, coverage=groups, backend="reference")
    torch.testing.assert_close(found.depth, truth.depth, rtol=1e-5, atol=1e-3, equal_nan=True)
    torch.testing.assert_close(found.coverage, truth.coverage, rtol=1e-4, atol=1e-5)
    assert bool(found.depth.isnan().any())
    # On a Gaussian's very edge rounding may decide one way for the picture and the other for depth.
    missed = found.depth.isnan() != (found.rgba[..., 3] == 0)
    assert float(found.rgba[..., 3][missed].max() if missed.any() else 0) < 1.001 / 255


def test_coverage_of_all_labels_is_alpha_and_depth_lies_within_the_scene():
    scene, cameras = random_scene().to(torch.float32), two_cameras()
    found = rasterize(scene, cameras, depth=True, coverage=[range(256)])
    torch.testing.assert_close(found.coverage[..., 0], found.rgba[..., 3], rtol=0, atol=1e-5)
    seen = found.depth[~found.depth.isnan()]
    assert 50 < float(seen.min()) < float(seen.max()) < 350


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (64, 5)])
def test_any_picture_size(size):
    scene, cameras = random_scene(80).to(torch.float32), two_cameras(*size)
    truth = rasterize(scene, cameras, backend="reference").rgba
    torch.testing.assert_close(rasterize(scene, cameras).rgba, truth, rtol=1e-4, atol=1e-5)


def test_strided_and_float64_scenes_are_drawn_as_they_are():
    scene, cameras = random_scene(), two_cameras()
    strided = replace(scene, means=scene.means.T.contiguous().T, gains=scene.gains.mT.contiguous().mT)
    truth = rasterize(scene.to(torch.float32), cameras).rgba
    torch.testing.assert_close(rasterize(strided, cameras).rgba, truth, rtol=0, atol=0)


def test_background_shows_where_light_passes():
    scene, cameras = random_scene(20).to(torch.float32), two_cameras()
    output = rasterize(scene, cameras)
    over = output.over((0.2, 0.4, 0.6))
    empty = output.rgba[..., 3] == 0
    torch.testing.assert_close(over[empty], torch.tensor([0.2, 0.4, 0.6]).expand(int(empty.sum()), 3))
    torch.testing.assert_close(output.over((0, 0, 0)), output.rgba[..., :3])


def test_progress_is_told_after_each_camera():
    calls = []
    rasterize(random_scene(5), two_cameras(), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


def test_threads_draw_at_once_without_disturbing_each_other():
    scene, cameras = random_scene().to(torch.float32), two_cameras()
    truth = rasterize(scene, cameras).rgba
    pictures = {}

    def work(name):
        for _ in range(10):
            pictures[name] = rasterize(scene, cameras).rgba

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(pictures[i], truth) for i in range(4))


def test_one_thread_draws_the_same():
    scene, cameras = random_scene().to(torch.float32), two_cameras()
    truth, threads = rasterize(scene, cameras).rgba, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert torch.equal(rasterize(scene, cameras).rgba, truth)
    finally:
        torch.set_num_threads(threads)
