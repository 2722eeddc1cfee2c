"""Scenes by method: each makes its own, a fit goes on where it was."""

from pathlib import Path

import pytest
import torch
from tests.evaluation.test_truth import ignore, order

from tomosplat.errors import InputError
from tomosplat.evaluation import methods
from tomosplat.evaluation.methods import METHODS, ChosenLook, Fitting, Task, find_method, method_place, title_of
from tomosplat.evaluation.scenes import SceneOrder, make_scene
from tomosplat.evaluation.spending import spending
from tomosplat.evaluation.truth import trace_pictures, views_of
from tomosplat.files.scenes import read_scene
from tomosplat.pipeline.scan import PreparedScan, visible_ids
from tomosplat.volume.torso import torso


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> Path:
    product = trace_pictures(order("fit"), tmp_path_factory.mktemp("views"), ignore)
    return product.outputs["torso-0.all-seen.fit.safetensors"]


def scene_order(shard, method="6dgs+agp", iterations=3):
    return SceneOrder(order("fit").look, method, iterations, shard, None)


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_makes_a_scene(name, shard, tmp_path):
    look = ChosenLook.parse("skeleton")
    prepared = PreparedScan(*torso(0, 10))
    views = list(views_of(shard)) if METHODS[name].fits else []
    fitting = Fitting(views, 2, 0, tmp_path / "state", ignore)
    task = Task(prepared, ChosenLook.parse("all/seen") if views else look, "studio", fitting)
    scene = METHODS[name].make(task)
    assert len(scene) > 50
    assert bool(scene.means.isfinite().all())
    if not views:
        assert set(scene.labels.tolist()) <= set(look.visible or ())
        assert visible_ids(scene.provenance["organs"]) == look.visible


def test_organs_are_switched_off_only_where_some_are_hidden(tmp_path):
    fitting = Fitting((), 2, 0, tmp_path, ignore)
    task = Task(PreparedScan(*torso(0, 10)), ChosenLook.parse("all/seen"), "studio", fitting)
    with pytest.raises(InputError, match="does not show all"):
        METHODS["switch"].make(task)


def test_names_are_found_titled_and_sorted():
    assert find_method("march+ft") == (METHODS["march"], True)
    assert title_of("6dgs+agp") == METHODS["6dgs+agp"].title
    assert title_of("bake+ft").endswith("fine-tuned")
    names = ["6dgs", "bake+ft", "plain", "bake"]
    assert sorted(names, key=method_place) == ["plain", "bake", "bake+ft", "6dgs"]
    for name in ("", "+ft", "magic"):
        with pytest.raises(InputError, match="--methods"):
            find_method(name)


def test_a_stopped_fit_goes_on_to_the_same_bits_and_does_not_claim_its_seconds(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(methods, "_LOOK_EVERY", 1)
    whole = make_scene(scene_order(shard), folder(tmp_path / "a"), ignore)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scene(scene_order(shard), folder(tmp_path / "b"), stop)
    seen = []
    resumed = make_scene(scene_order(shard), tmp_path / "b", lambda done, total: seen.append(done))
    assert seen == [2, 3]
    (one,), (other,) = (map(read_scene, product.outputs.values()) for product in (whole, resumed))
    for name, tensor in one.tensors().items():
        torch.testing.assert_close(other.tensors()[name], tensor, rtol=0, atol=0, equal_nan=True)
    assert whole.facts["spent"]["wall_s"] > 0
    assert resumed.facts["spent"] is None


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_what_a_block_takes_is_measured():
    with spending() as spent:
        kept = b"x" * 200_000_000
    assert len(kept) == 200_000_000
    assert spent.wall_s > 0
    assert spent.cpu_s > 0
    assert spent.peak_bytes > 200_000_000
