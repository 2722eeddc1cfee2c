"""Hostile scenes and arguments: a clean picture or a named error, never NaN and never a crash."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.render.random_scenes import (
    DIFFERENTIABLE,
    front_camera,
    one_gaussian,
    random_scene,
    two_cameras,
    with_gradients,
)

from tomosplat import machine
from tomosplat.errors import GeometryError, InputError, LabelError, MemoryLimitError, UnitsError
from tomosplat.geometry import Cameras, look_at
from tomosplat.render import rasterize

EXTREMES = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-30, 1e15, -1e15, 1e30, 3e38, -3e38)


@given(
    st.dictionaries(st.sampled_from(DIFFERENTIABLE), st.sampled_from(EXTREMES), min_size=1, max_size=3),
    st.integers(0, 19),
    st.integers(0, 11),
)
def test_extreme_values_give_a_clean_picture_or_a_named_error(changes, row, column):
    scene = random_scene(20).to(torch.float32)
    for name, value in changes.items():
        values = getattr(scene, name)[row].view(-1)
        values[column % len(values)] = value
    with contextlib.suppress(UnitsError):
        assert bool(rasterize(scene, two_cameras()).rgba.isfinite().all())


@given(st.sampled_from(DIFFERENTIABLE), st.floats(-30, 30), st.integers(0, 1000))
def test_whole_scenes_of_extreme_scale(name, exponent, seed):
    scene = random_scene(20, seed).to(torch.float32)
    scaled = with_gradients(replace(scene, **{name: getattr(scene, name) * 10**exponent}))
    with contextlib.suppress(UnitsError):
        assert bool(rasterize(scaled, two_cameras()).rgba.isfinite().all())


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_nan_is_refused_by_name_on_both_backends(name):
    scene = random_scene(20)
    getattr(scene, name)[7] = torch.nan
    with pytest.raises(UnitsError, match="Gaussian 7 of 20"):
        rasterize(scene, two_cameras())
    with pytest.raises(UnitsError, match=f"scene.{name}"):
        rasterize(scene, two_cameras(), backend="reference")


@pytest.mark.parametrize("covs", [(-1.0, 0, 0, 1, 0, 1), (1.0, 3, 0, 1, 0, 1), (1.0, 0, 2, 1, 0, 1)])
def test_impossible_covariances_are_refused_on_both_backends(covs):
    scene = one_gaussian(covs=torch.tensor([covs], dtype=torch.float64))
    viewmats = look_at([[60.0, 60, 60]], (0, 0, 0))
    cameras = Cameras(viewmats, front_camera().Ks, 33, 33)
    for backend in ("cpu", "reference"):
        with pytest.raises(UnitsError, match="positive semi-definite"):
            rasterize(scene, cameras, backend=backend)


@pytest.mark.parametrize("variance", [0.0, 1e-20, 1e6, 1e12, 1e20])
def test_any_size_of_gaussian_is_drawn(variance):
    scene = one_gaussian(covs=variance * torch.tensor([[1.0, 0, 0, 1, 0, 1]], dtype=torch.float64))
    rgba = rasterize(scene, front_camera()).rgba[0]
    truth = rasterize(scene, front_camera(), backend="reference").rgba[0]
    torch.testing.assert_close(rgba, truth, rtol=1e-4, atol=1e-4)
    assert float(rgba[16, 16, 3]) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("ratio", [1e2, 1e4, 1e6, 1e8])
def test_needles_stay_within_their_box(ratio):
    direction = torch.tensor([1.0, 0, 1.0], dtype=torch.float64) / 2**0.5
    needle = ratio * direction[:, None] * direction[None, :]
    covs = needle[(0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)][None]
    rgba = rasterize(with_gradients(one_gaussian(covs=covs)), front_camera()).rgba
    rgba.sum().backward()
    assert bool(rgba.isfinite().all())
    assert float(rgba[..., 3].detach().max()) <= 0.5 + 1e-5


def test_camera_inside_the_scene_and_on_a_gaussian():
    scene = random_scene().to(torch.float32)
    viewmats = look_at(np.stack([scene.means[5].double().numpy(), np.zeros(3)]), (1, 2, 3))
    cameras = Cameras(viewmats, two_cameras().Ks, 70, 50)
    leaves = with_gradients(scene)
    rgba = rasterize(leaves, cameras).rgba
    rgba.sum().backward()
    assert bool(rgba.isfinite().all())
    assert all(bool(getattr(leaves, name).grad.isfinite().all()) for name in DIFFERENTIABLE)
    truth = rasterize(scene, cameras, backend="reference").rgba
    torch.testing.assert_close(rgba.detach(), truth, rtol=1e-3, atol=1e-3)


def test_empty_scene_and_no_cameras():
    scene = random_scene(5).select(torch.zeros(5, dtype=torch.bool))
    for backend in ("cpu", "reference"):
        output = rasterize(scene, two_cameras(), depth=True, coverage=[[1]], backend=backend)
        assert output.rgba.shape == (2, 50, 70, 4)
        assert float(output.rgba.abs().max()) == 0
        assert bool(output.depth.isnan().all())
        assert float(output.coverage.max()) == 0
        assert rasterize(random_scene(5), two_cameras()[:0], backend=backend).rgba.shape == (0, 50, 70, 4)
    rasterize(with_gradients(scene), two_cameras()).rgba.sum().backward()


def test_no_camera_gives_no_gradient():
    scene = with_gradients(random_scene(5))
    rasterize(scene, two_cameras()[:0]).rgba.sum().backward()
    assert all(float(getattr(scene, name).grad.abs().max()) == 0 for name in DIFFERENTIABLE)


def test_many_screen_filling_gaussians():
    scene = random_scene(500).to(torch.float32)
    large = replace(scene, covs=scene.covs * 1e8)
    assert bool(rasterize(large, two_cameras(400, 300)).rgba.isfinite().all())


def test_memory_is_asked_for_before_it_is_taken(monkeypatch):
    scene, small = random_scene(1000), front_camera(16, focal=10)
    monkeypatch.setattr(machine, "available_memory", lambda: 500)
    with pytest.raises(MemoryLimitError, match="2 pictures of 70x50"):
        rasterize(scene, two_cameras())
    monkeypatch.setattr(machine, "available_memory", lambda: 16 * 16 * 4 * 4)
    with pytest.raises(MemoryLimitError, match="pairs of a tile and a Gaussian"):
        rasterize(scene, small)


def test_arguments_are_refused_by_name():
    scene, cameras = random_scene(5), two_cameras()
    with pytest.raises(LabelError, match="visible"):
        rasterize(scene, cameras, visible=[256])
    with pytest.raises(LabelError, match="coverage"):
        rasterize(scene, cameras, coverage=[[1], [-1]])
    with pytest.raises(InputError, match="tiles"):
        rasterize(scene, cameras, tiles="round")
    with pytest.raises(InputError, match="backend"):
        rasterize(scene, cameras, backend="cuda")
    skewed = cameras.Ks.copy()
    skewed[1, 0, 1] = 0.5
    with pytest.raises(GeometryError, match="camera 1"):
        rasterize(scene, Cameras(cameras.viewmats, skewed, 70, 50))
