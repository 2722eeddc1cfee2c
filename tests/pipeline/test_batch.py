"""Lists of scans become scenes, and lists of scenes pictures; in this process, as ``tests/jobs`` sees to the others."""

import json

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.running import run_here
from tests.files.scan_writer import write_scan

from tomosplat.errors import InputError
from tomosplat.evaluation import evaluate as evaluation
from tomosplat.evaluation.options import EvaluateOptions
from tomosplat.files.scenes import read_scene
from tomosplat.pipeline.batch import render as batch_render
from tomosplat.pipeline.batch import scenes as batch_scenes
from tomosplat.pipeline.batch.case_lists import find_cases, memory_of
from tomosplat.pipeline.batch.options import BatchRenderOptions, BatchSceneOptions
from tomosplat.pipeline.batch.render import render_scenes
from tomosplat.pipeline.batch.scenes import make_scenes
from tomosplat.pipeline.datasets import prepare as pipeline_prepare
from tomosplat.pipeline.datasets.options import PrepareOptions
from tomosplat.pipeline.datasets.prepare import prepare_dataset
from tomosplat.pipeline.options import PrimingOptions
from tomosplat.report import Report

COARSE = BatchSceneOptions(spacing=10.0)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setattr(batch_scenes, "run_list", run_here)
    monkeypatch.setattr(batch_render, "run_list", run_here)
    monkeypatch.setattr(pipeline_prepare, "run_list", run_here)
    monkeypatch.setattr(evaluation, "run_list", run_here)


def make(folder, *sources, options=COARSE):
    return make_scenes([str(source) for source in sources], folder, options, PrimingOptions(), None, Report())


def test_every_scan_becomes_a_scene_in_whatever_shard_and_every_scene_a_picture(tmp_path):
    whole = make(tmp_path / "whole", "torso:0..1")
    assert sorted(whole.done) == ["torso-0", "torso-1"]
    for shard in range(2):
        options = BatchSceneOptions(spacing=10.0, num_shards=2, shard=shard)
        assert len(make(tmp_path / "shards", "torso:0..1", options=options).done) == 1
    for name in ("torso-0.ply", "torso-1.ply"):
        assert (tmp_path / "shards" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(read_scene(tmp_path / "whole" / "torso-0.ply")) > 100
    assert sorted(make(tmp_path / "whole", "torso:0..1").skipped) == ["torso-0", "torso-1"]

    shown = render_scenes(
        [str(tmp_path / "whole")], tmp_path / "pictures", BatchRenderOptions(size=32, what="frames", frames=2), Report()
    )
    assert sorted(shown.done) == ["torso-0", "torso-1"]
    pictures = []
    for n in range(2):
        with Image.open(tmp_path / "pictures" / "torso-0" / f"000{n}.png") as picture:
            pictures.append(np.asarray(picture))
    assert np.ptp(pictures[0]) > 50
    assert not np.array_equal(*pictures)


@pytest.fixture
def patient(tmp_path):
    """A folder that is called like somebody, with a damaged scan: errors say where that lies."""
    folder = tmp_path / "DOE^JOHN"
    folder.mkdir()
    (folder / "ct.nii.gz").write_bytes(b"cut short")
    return folder


def test_pseudonyms_stand_everywhere_and_the_table_alone_knows_the_names(patient, tmp_path):
    options = BatchSceneOptions(spacing=10.0, pseudonyms=tmp_path / "table.json")
    outcome = make(tmp_path / "out", patient, options=options)
    (name,) = outcome.failed
    assert name.startswith("case-")
    assert "DOE" not in outcome.failed[name]
    assert "FileFormatError" in outcome.failed[name]
    assert not any("DOE" in path.read_text() for path in (tmp_path / "out").glob("*.json*"))
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["cases"][name]["id"] == "DOE-JOHN"
    assert (tmp_path / "table.json").stat().st_mode & 0o077 == 0
    assert list(make(tmp_path / "again", patient, options=options).failed) == [name]
    other = BatchSceneOptions(spacing=10.0, pseudonyms=tmp_path / "other.json")
    assert list(make(tmp_path / "other", patient, options=other).failed) != [name]


def prepare(source, folder, table):
    return prepare_dataset([str(source)], folder, PrepareOptions(pseudonyms=table), Report())


def evaluate_scan(source, folder, table):
    options = EvaluateOptions(pseudonyms=table, looks=("all/seen",), methods=("march",))
    return evaluation.evaluate([str(source)], folder, options, Report())


@pytest.mark.parametrize("verb", [prepare, evaluate_scan])
def test_datasets_and_evaluations_know_pseudonyms_too(verb, patient, tmp_path):
    outcome = verb(patient, tmp_path / "out", tmp_path / "table.json")
    (table,) = json.loads((tmp_path / "table.json").read_text())["cases"].items()
    assert table[1]["id"] == "DOE-JOHN"
    (failure,) = outcome.failed.items()
    assert table[0] in failure[0]
    assert "FileFormatError" in failure[1]
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) > 1
    assert not any("DOE" in path.name or b"DOE" in path.read_bytes() for path in written)
    assert "DOE" not in failure[1]


def test_a_table_among_the_results_is_refused(tmp_path):
    options = BatchSceneOptions(pseudonyms=tmp_path / "out" / "table.json")
    with pytest.raises(InputError, match="kept apart"):
        make(tmp_path / "out", "torso:0", options=options)


def test_memory_is_foreseen_by_the_header_and_grows_with_the_grid(tmp_path):
    path = write_scan(tmp_path / "ct.nii.gz", np.zeros((40, 40, 40), np.int16), np.diag([3.0, 3.0, 3.0, 1.0]))
    coarse, fine = (
        memory_of(source)
        for spacing in (3.0, 1.0)
        for source in find_cases([str(path)], BatchSceneOptions(spacing=spacing))[0]
    )
    assert 0 < coarse < fine
    (tmp_path / "bad.nii.gz").write_bytes(b"no scan")
    (source,), _ = find_cases([str(tmp_path / "bad.nii.gz")], COARSE)
    assert memory_of(source) == 0


def test_files_that_look_as_they_did_are_not_read_again_to_know_them(tmp_path, monkeypatch):
    path = write_scan(tmp_path / "ct.nii.gz", np.zeros((4, 4, 4), np.int16), np.eye(4))
    (source,), _ = find_cases([str(path)], COARSE)
    row = {"id": source.id, "signature": source.signature, "content_hash": "known"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(row) + "\n")
    assert batch_scenes.content_hashes([source], tmp_path, Report()) == {source.id: "known"}
    path.write_bytes(path.read_bytes() + b"0")
    assert batch_scenes.content_hashes([source], tmp_path, Report()) == {source.id: source.content_hash()}


def test_where_there_is_no_scene_that_is_said(tmp_path):
    with pytest.raises(InputError, match="there is no scene"):
        render_scenes([str(tmp_path)], tmp_path / "out", BatchRenderOptions(), Report())
    with pytest.raises(InputError, match=r"absent\.ply"):
        render_scenes([str(tmp_path / "absent.ply")], tmp_path / "out", BatchRenderOptions(), Report())
