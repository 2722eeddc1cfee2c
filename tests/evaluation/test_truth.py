"""Path-traced pictures: kept one by one, seen from elsewhere, as noisy as they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.evaluation.conftest import TINY

from tomosplat.evaluation import truth as module
from tomosplat.evaluation.protocol import ChosenLook, LookOrder, Protocol
from tomosplat.evaluation.truth import PicturesOrder, trace_pictures, views_of
from tomosplat.files.shards import Shard
from tomosplat.geometry import Cameras, fibonacci_directions
from tomosplat.metrics import psnr
from tomosplat.pipeline.batch.case_lists import find_cases
from tomosplat.pipeline.datasets.ground_truth import trace_view
from tomosplat.pipeline.fitting.traced_views import can_denoise

RAW = replace(TINY, raw=True)
CORNERS = np.array([[-100.0, -80, -150], [100, 80, 150]])


def order(part, options=TINY) -> PicturesOrder:
    (source,), _ = find_cases(["torso:0"], options)
    return PicturesOrder(LookOrder(source, ChosenLook.parse("all/seen"), Protocol.of(options), 2), part)


def ignore(done: int, total: int) -> None:
    """Nobody watches."""


def directions(cameras: Cameras) -> np.ndarray:
    offsets = cameras.positions - CORNERS.mean(axis=0)
    return offsets / np.linalg.norm(offsets, axis=1, keepdims=True)


@pytest.mark.parametrize(("n_fit", "n_test"), [(20, 40), (20, 20), (20, 4), (40, 40), (20, 10)])
def test_test_views_stand_elsewhere_than_fitting_views(n_fit, n_test):
    protocol = Protocol("studio", 32, n_fit, n_test, 1, 1, denoised=False, seed=0)
    fit, test = (directions(cameras(CORNERS)) for cameras in (protocol.fit_cameras, protocol.test_cameras))
    assert (fit.shape, test.shape) == ((n_fit, 3), (n_test, 3))
    np.testing.assert_allclose(fit, fibonacci_directions(n_fit), atol=1e-9)
    apart = np.degrees(np.arccos(np.clip(test @ fit.T, -1, 1)).min())
    assert apart > 7


def test_the_truth_is_the_mean_of_two_seeds_and_says_how_far_they_are_apart(tmp_path):
    product = trace_pictures(order("test"), tmp_path, ignore)
    shard = Shard(product.outputs["torso-0.all-seen.test.safetensors"])
    assert shard.shape("rgba") == (2, 24, 24, 4)
    assert shard["floor"].shape == shard["floor_foreground"].shape == (2,)
    assert product.facts["floor_db"] == pytest.approx(shard["floor"].mean())
    assert 10 < product.facts["floor_foreground_db"] < product.facts["floor_db"] < 45
    assert product.facts["protocol"]["denoised"] == can_denoise()
    for view in views_of(shard.path):
        assert 0.1 < float(view.rgba[..., 3].mean()) < 0.9


@pytest.mark.parametrize("denoised", [False] + [True] * can_denoise())
def test_noise_floor_and_mean_are_those_of_the_two_seeds(tmp_path, denoised):
    one, other = (np.full((1, 24, 24, 4), value, np.float16) for value in (0.25, 0.5))
    first, second = (module._light(rgba, denoised) for rgba in (one, other))
    foreground = np.ones((24, 24), bool)
    whole, inside = module._floor(first, second, foreground)
    encoded = [1.055 * value ** (1 / 2.4) - 0.055 for value in (0.25, 0.5)]
    assert whole == pytest.approx(-20 * np.log10(encoded[1] - encoded[0]), abs=0.05)
    assert inside == pytest.approx(whole)


def test_fitting_views_are_traced_once(tmp_path):
    product = trace_pictures(order("fit"), tmp_path, ignore)
    assert "floor_db" not in product.facts
    views = list(views_of(product.outputs["torso-0.all-seen.fit.safetensors"]))
    assert len(views) == 3
    assert all(view.rgba.dtype == torch.float32 for view in views)
    assert bool(psnr(views[0].rgba[..., :3], views[1].rgba[..., :3]) < 40)


def test_no_finished_picture_is_traced_again(tmp_path, monkeypatch):
    calls = []

    def stopping_after(n):
        def trace(*arguments):
            if len(calls) == n:
                raise KeyboardInterrupt
            calls.append(arguments)
            trace_view(*arguments)

        return trace

    monkeypatch.setattr(module, "trace_view", stopping_after(3))
    with pytest.raises(KeyboardInterrupt):
        trace_pictures(order("test", RAW), tmp_path, ignore)
    monkeypatch.setattr(module, "trace_view", stopping_after(-1))
    seen = []
    resumed = trace_pictures(order("test", RAW), tmp_path, lambda done, total: seen.append((done, total)))
    assert len(calls) == 4
    assert seen == [(3, 4), (4, 4)]
    whole = trace_pictures(order("test", RAW), tmp_path / "other", ignore)
    for name, path in whole.outputs.items():
        assert resumed.outputs[name].read_bytes() == path.read_bytes()


def test_seeds_differ_between_parts_views_and_asked_seeds(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(module, "trace_view", lambda optical, look, view, settings: seeds.append(settings.seed))
    monkeypatch.setattr(module, "_gather", lambda *arguments: None)
    for part, seed in (("test", 0), ("fit", 0), ("test", 1)):
        trace_pictures(order(part, replace(TINY, seed=seed)), tmp_path / f"{part}{seed}", ignore)
    assert len(seeds) == len(set(seeds)) == 4 + 3 + 4
