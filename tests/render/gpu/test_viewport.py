"""The viewport: what it draws is what rasterize draws, without waiting."""

import pytest
import torch
from tests.render.random_scenes import random_scene, two_cameras

from tomosplat.errors import EmptySceneError, InputError, UnitsError
from tomosplat.render import rasterize


@pytest.fixture(scope="module")
def scene(device):
    return random_scene(30, spread=15.0).to(torch.float32).to(device)


@pytest.fixture(scope="module")
def pictures(scene):
    return rasterize(scene, two_cameras(30, 21), backend="gpu").rgba


def viewport(*arguments, **options):
    from tomosplat.render.gpu.viewport import Viewport

    return Viewport(*arguments, **options)


def test_every_view_is_what_rasterize_draws(scene, pictures):
    cameras = two_cameras(30, 21)
    view = viewport(scene, cameras[[0]])
    for index in (0, 1, 0):
        torch.testing.assert_close(view.draw(cameras[[index]]), pictures[index], rtol=1e-5, atol=1e-6)


def test_hidden_labels_are_not_drawn(scene):
    cameras = two_cameras(30, 21)[[1]]
    expected = rasterize(scene, cameras, visible=[1, 3], backend="gpu").rgba[0]
    view = viewport(scene, cameras)
    view.show([1, 3])
    torch.testing.assert_close(view.draw(cameras), expected, rtol=1e-5, atol=1e-6)


def test_half_precision_is_close(scene, pictures):
    cameras = two_cameras(30, 21)[[0]]
    found = viewport(scene, cameras, half=True).draw(cameras)
    assert 0 < float((found - pictures[0]).abs().max()) < 0.01


def test_what_float16_cannot_hold_is_refused(device):
    large = random_scene(3).to(torch.float32).to(device)
    large.covs[1] *= 1e5
    with pytest.raises(UnitsError, match=r"scene\.covs"):
        viewport(large, two_cameras(16, 16), half=True)


def test_lists_that_are_too_short_lack_the_farthest_and_grow(scene, pictures):
    cameras = two_cameras(30, 21)
    view = viewport(scene, cameras[[0]], visible=[1])  # hardly any room
    view.show(None)
    first = view.draw(cameras[[0]]).clone()
    if first.is_cuda:
        torch.cuda.synchronize()
    assert not torch.allclose(first, pictures[0], atol=1e-3)
    assert bool((first[..., 3] <= pictures[0][..., 3] + 1e-6).all())
    torch.testing.assert_close(view.draw(cameras[[0]]), pictures[0], rtol=1e-5, atol=1e-6)


def test_another_size_is_refused(scene):
    view = viewport(scene, two_cameras(30, 21))
    with pytest.raises(InputError, match="30x21"):
        view.draw(two_cameras(16, 16))
    with pytest.raises(InputError, match="at least one camera"):
        viewport(scene, two_cameras()[:0])
    with pytest.raises(EmptySceneError):
        viewport(scene.select(scene.labels == 9), two_cameras())


def test_a_picture_is_one_graph(scene, device):
    if device.type != "cuda":
        pytest.skip("CUDA graphs need a GPU")
    cameras = two_cameras(30, 21)
    view = viewport(scene, cameras)
    assert view._graph is not None
    with torch.cuda.device(device):
        torch.cuda.set_sync_debug_mode("error")
        try:
            view.draw(cameras[[0]])
        finally:
            torch.cuda.set_sync_debug_mode("default")
