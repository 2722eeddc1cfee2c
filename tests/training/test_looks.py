"""Looks: what is shown, what is baked for it, and that it is done once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training.subjects import ignore

from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
from tomosplat.errors import InputError
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard
from tomosplat.training.looks import Look, bake_looks, case_of, draw_look
from tomosplat.transfer import TransferFunctions

SEEN = TransferFunctions.preset("seen")


def test_the_first_look_shows_everything_and_the_second_the_skeleton(manifest) -> None:
    _, labels = case_of(manifest.open("torso-0"))
    first, second = (draw_look("torso-0", n, labels, SEEN, 0) for n in range(2))
    assert first == Look("torso-0", 0, SEEN, None, "studio")
    assert {GROUPS[GROUP_OF_LABEL[i]].name for i in second.visible} == {"skeleton"}
    assert second.functions.to_dict() != SEEN.to_dict()
    assert draw_look("torso-0", 1, labels, SEEN, 0).to_dict() == second.to_dict()
    assert draw_look("torso-0", 1, labels, SEEN, 1).to_dict() != second.to_dict()


def test_a_look_comes_back_from_its_file_with_light_for_every_gaussian(looks) -> None:
    assert len(looks) == 3
    for path in looks:
        shard = Shard(path)
        look = Look.from_dict(shard.description)
        assert path.name == f"{look.case}.{look.number}.safetensors"
        n = len(shard["hits"])
        assert shard["places"].shape == shard["marched"].shape == shard["baked"].shape == (n, 3)
        assert shard["features"].shape == (n, 5)
        assert shard["hits"].any()
        # Baked light is near the marched one, and not the same.
        seen = shard["hits"] > 4
        ratio = np.median(shard["baked"][seen].astype(float).sum(1) / shard["marched"][seen].astype(float).sum(1))
        assert 0.5 < ratio < 2
        assert not np.array_equal(shard["baked"], shard["marched"])


def test_what_is_there_is_not_baked_again(manifest, looks) -> None:
    before = [path.stat().st_mtime_ns for path in looks]
    assert bake_looks(manifest, looks[0].parent, 3, SEEN, 0, ignore) == looks
    assert [path.stat().st_mtime_ns for path in looks] == before


def test_an_empty_dataset_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no case"):
        bake_looks(Manifest(tmp_path, {}), tmp_path / "looks", 1, SEEN, 0, ignore)


def test_a_part_of_a_case_is_where_it_was(manifest) -> None:
    shard = manifest.open("torso-0")
    whole, part = case_of(shard), case_of(shard, 3, 9)
    assert np.array_equal(part[0].values, whole[0].values[3:9])
    assert np.array_equal(part[1].values, whole[1].values[3:9])
    assert np.allclose(part[0].grid.to_world([[0, 0, 0]]), whole[0].grid.to_world([[3, 0, 0]]))


def test_looks_of_another_seed_or_another_shard_are_baked_anew(manifest, looks, tmp_path) -> None:
    folder = Path(shutil.copytree(looks[0].parent, tmp_path / "looks"))
    path = folder / looks[0].name
    before = path.read_bytes()
    bake_looks(manifest, folder, 1, SEEN, 1, ignore)
    assert path.read_bytes() != before
    prepared_again = replace(manifest.cases["torso-0"], sha256="another")
    bake_looks(Manifest(manifest.folder, {"torso-0": prepared_again}), folder, 1, SEEN, 0, ignore)
    assert path.read_bytes() != before, "it says what it was baked of"
    bake_looks(manifest, folder, 1, SEEN, 0, ignore)
    assert path.read_bytes() == before
