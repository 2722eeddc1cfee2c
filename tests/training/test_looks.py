"""Looks: what is shown, what a fit changes in it, and that it is done once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.subjects import ignore

from tomosplat.errors import InputError
from tomosplat.feedforward.head import N_CHANNELS, Primed, activate, slice_of
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard
from tomosplat.fitting.loop import mean_psnr
from tomosplat.fitting.shard_views import shard_view
from tomosplat.gaussians import prime
from tomosplat.training.looks import Look, case_of, fit_looks, light_factor, looks_of, swelling


def test_looks_are_those_of_the_dataset(manifest, looks) -> None:
    assert looks_of(manifest) == [("torso-0", "all/seen/studio"), ("torso-0", "skeleton/seen/studio")]
    assert [path.name for path in looks] == [
        "torso-0.all.seen.studio.safetensors",
        "torso-0.skeleton.seen.studio.safetensors",
    ]


def test_a_look_comes_back_from_its_file_with_targets_for_every_gaussian(manifest, looks) -> None:
    for path in looks:
        shard = Shard(path)
        look = Look.from_dict(shard.description)
        assert look.to_dict() == Look.of("torso-0", manifest.open("torso-0"), look.name).to_dict()
        n = len(shard["pixels"])
        assert shard["places"].shape == shard["marched"].shape == shard["light"].shape == (n, 3)
        assert (shard["features"].shape, shard["swelling"].shape) == ((n, 5), (n,))
        assert shard["pixels"].sum() > 50
        unseen = shard["pixels"] == 0
        assert unseen.any() or look.name.startswith("skeleton")  # organs hide each other, bones of 10 mm do not
        assert not shard["swelling"][unseen].any()  # what no picture shows stays as it was
        assert not shard["light"][unseen].any()


def test_what_was_fitted_makes_the_pictures_better(manifest, looks) -> None:
    case, fitted = manifest.open("torso-0"), Shard(looks[0])
    look = Look.from_dict(fitted.description)
    optical = look.optical(*case_of(case))
    march = MarchedLight(optical, look.rig)
    scene = prime(optical, march)
    primed = Primed(scene, places_of(optical.grid, scene.means.numpy()), march.radiance, march.features)
    offsets = torch.zeros(len(scene), N_CHANNELS)
    offsets[:, slice_of("color")] = torch.from_numpy(fitted["light"].astype(np.float32))
    offsets[:, slice_of("log_scales")][:, :3] = torch.from_numpy(fitted["swelling"].astype(np.float32))[:, None]
    views = [shard_view(case, look.name, index) for index in range(2)]
    assert mean_psnr(activate(primed, offsets), views) > mean_psnr(scene, views) + 0.5


def test_targets_are_the_factors_between_two_scenes(manifest) -> None:
    look = Look.of("torso-0", manifest.open("torso-0"), "all/seen/studio")
    optical = look.optical(*case_of(manifest.open("torso-0")))
    march = MarchedLight(optical, look.rig)
    scene = prime(optical, march)
    assert np.median(np.abs(light_factor(march.radiance, scene))) < 1e-4
    larger = replace(scene, covs=1.21 * scene.covs)
    assert torch.allclose(swelling(scene, larger), torch.full((len(scene),), np.log(1.1)), atol=1e-4)


def test_what_is_there_is_not_fitted_again(manifest, looks) -> None:
    before = [path.stat().st_mtime_ns for path in looks]
    assert fit_looks(manifest, looks[0].parent, ignore) == looks
    assert [path.stat().st_mtime_ns for path in looks] == before


def test_an_empty_dataset_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no pictures to learn from"):
        fit_looks(Manifest(tmp_path, {}), tmp_path / "looks", ignore)


def test_a_part_of_a_case_is_where_it_was(manifest) -> None:
    shard = manifest.open("torso-0")
    whole, part = case_of(shard), case_of(shard, 3, 9)
    assert np.array_equal(part[0].values, whole[0].values[3:9])
    assert np.array_equal(part[1].values, whole[1].values[3:9])
    assert np.allclose(part[0].grid.to_world([[0, 0, 0]]), whole[0].grid.to_world([[3, 0, 0]]))


def test_looks_of_another_shard_are_fitted_anew(manifest, looks, tmp_path) -> None:
    folder = Path(shutil.copytree(looks[0].parent, tmp_path / "looks"))
    path = folder / looks[1].name
    before = Shard(path).description["origin"]
    prepared_again = replace(manifest.cases["torso-0"], sha256="another")
    fit_looks(Manifest(manifest.folder, {"torso-0": prepared_again}), folder, ignore)
    assert Shard(path).description["origin"] != before
    fit_looks(manifest, folder, ignore)
    assert Shard(path).description["origin"] == before
