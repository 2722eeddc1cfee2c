"""``tomosplat predict`` and ``tomosplat train`` from the command line, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.cli.conftest import SPACING_MM
from tests.files.scan_writer import write_scan
from tests.training.subjects import one_torso

from tomosplat.errors import UnitsError
from tomosplat.feedforward.model import Model, ModelSettings, load_model, save_model
from tomosplat.files.scene_ply import read_ply
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.geometry import Grid
from tomosplat.pipeline import predict as pipeline
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions
from tomosplat.pipeline.predict import shipped_model_for
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.torso import torso


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    save_model(path, Model.untrained(ModelSettings()))
    return path


@pytest.fixture
def any_spacing(monkeypatch) -> None:
    """The small scan's voxels are coarser than what the network knows."""
    monkeypatch.setattr(pipeline, "_WORKING_SPACINGS", (0.5, 20.0))


@pytest.fixture
def output(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "result.ply"


def refused(run, output: Path, *arguments: object, says: tuple[str, ...], code: int = 2) -> None:
    found, _, err = run("predict", *arguments, "-o", output)
    assert found == code, err
    for word in says:
        assert word in err
    assert "Traceback" not in err
    assert list(output.parent.iterdir()) == []


@pytest.mark.usefixtures("any_spacing")
def test_an_untrained_checkpoint_predicts_the_primed_scene(run, output, small_scan, small_scene, checkpoint) -> None:
    labels = ("--labels", small_scan.labels, "--spacing", SPACING_MM)
    report = output.parent / "run.json"
    code, out, err = run(
        "predict", small_scan.ct, *labels, "--checkpoint", checkpoint, "-o", output, "--report", report
    )
    assert code == 0, err
    predicted, primed = read_ply(output), read_ply(small_scene)
    primed = primed.select(primed.opacities >= 1 / 255)
    assert f"{len(primed):,} Gaussians" in out
    for name in ("means", "covs", "opacities", "sh", "illumination", "values"):
        assert torch.allclose(getattr(predicted, name), getattr(primed, name), rtol=1e-4, atol=1e-4), name
    assert torch.equal(predicted.labels, primed.labels)
    assert predicted.label_names == primed.label_names
    made = predicted.provenance["prediction"]
    assert made["checkpoint"] == load_model(checkpoint).sha256
    assert json.loads(report.read_text())["scene"]["prediction"] == made


def test_a_checkpoint_of_another_version(run, output, small_scan, checkpoint, tmp_path) -> None:
    shard = Shard(checkpoint)
    arrays = {name: Stack.of(np.array(shard[name])) for name in shard.names}
    path = tmp_path / "future.safetensors"
    write_shard(path, arrays, shard.description | {"checkpoint_version": 99})
    refused(run, output, small_scan.ct, "--checkpoint", path, says=("future.safetensors", "version 2", "99"))


def test_a_checkpoint_with_another_hash(run, output, small_scan, checkpoint, tmp_path) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[-100] ^= 1
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    refused(run, output, small_scan.ct, "--checkpoint", path, says=("broken.safetensors", "SHA-256"))


def test_no_checkpoint_at_all(run, output, small_scan, monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "shipped_path", lambda: None)
    refused(run, output, small_scan.ct, says=("--checkpoint", "train"), code=1)


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, True),
        ({"unit": "arbitrary"}, False),
        ({"spacing": 6.0}, False),
        ({"light": "bake"}, False),
    ],
    ids=["a CT", "no HU", "a coarse grid", "baked light"],
)
def test_the_shipped_network_is_for_scans_that_it_knows(monkeypatch, checkpoint, changes, known) -> None:
    monkeypatch.setattr(pipeline, "shipped_path", lambda: checkpoint)
    grid = Grid.axis_aligned((4, 4, 4), np.full(3, changes.get("spacing", 1.5)))
    volume = Volume(np.zeros(grid.shape, np.float32), grid, changes.get("unit", "HU"), "CT")
    prepared = PreparedScan(volume, LabelMap(np.zeros(grid.shape, np.uint8), grid))
    priming = PrimingOptions(light=changes.get("light", "march"))
    assert (shipped_model_for(prepared, priming) is not None) == known


def test_priming_that_the_checkpoint_does_not_know(run, output, small_scan, checkpoint) -> None:
    refused(run, output, small_scan.ct, "--checkpoint", checkpoint, "--light", "bake", says=("--light march", "bake"))


@pytest.mark.parametrize("spacing", [0.1, 20.0])
def test_a_scan_whose_voxels_are_not_those_of_a_body(run, output, checkpoint, tmp_path, spacing) -> None:
    scan = write_scan(
        tmp_path / "odd.nii.gz", np.full((20, 20, 20), -1000, np.int16), np.diag([spacing, spacing, spacing, 1])
    )
    refused(run, output, scan, "--checkpoint", checkpoint, says=("odd.nii.gz", f"{spacing:g}x", "tomosplat prime"))


@pytest.mark.parametrize("spacing", [0.1, 20.0])
def test_a_working_grid_that_the_network_does_not_know(run, output, small_scan, checkpoint, spacing) -> None:
    refused(run, output, small_scan.ct, "--checkpoint", checkpoint, "--spacing", spacing, says=("--spacing", "4 mm"))


def test_a_scan_one_voxel_thick(run, output, checkpoint, tmp_path) -> None:
    scan = write_scan(
        tmp_path / "slice.nii.gz",
        np.linspace(-1000, 900, 4096).reshape(64, 64, 1).astype(np.int16),
        np.diag([2.0, 2, 2, 1]),
    )
    refused(run, output, scan, "--checkpoint", checkpoint, says=("voxels", "spacing"))


@pytest.mark.usefixtures("any_spacing")
def test_nothing_but_air(run, output, small_scan, checkpoint, tmp_path) -> None:
    air = write_scan(tmp_path / "air.nii.gz", np.full_like(small_scan.values, -1000), small_scan.grid.affine)
    labels = ("--labels", small_scan.labels, "--organs", "liver")
    refused(
        run, output, air, *labels, "--spacing", SPACING_MM, "--checkpoint", checkpoint, says=("nothing is visible",)
    )


@pytest.mark.usefixtures("any_spacing")
def test_nan(run, output, small_scan, checkpoint, tmp_path) -> None:
    values = small_scan.values.astype(np.float32)
    values[3, 4, 5] = np.nan
    scan = write_scan(tmp_path / "nan.nii.gz", values, small_scan.grid.affine)
    refused(run, output, scan, "--checkpoint", checkpoint, "--spacing", SPACING_MM, says=("NaN",))


@pytest.mark.usefixtures("any_spacing")
def test_labels_that_nobody_knows(run, output, small_scan, checkpoint, tmp_path) -> None:
    ids = np.where(small_scan.label_values > 0, 250, 0).astype(np.uint8)
    labels = write_scan(tmp_path / "ids.nii.gz", ids, small_scan.grid.affine)
    arguments = (small_scan.ct, "--labels", labels, "--checkpoint", checkpoint, "--spacing", SPACING_MM)
    refused(run, output, *arguments, says=("unknown ids: 250",))


@pytest.mark.parametrize("memory", ["0.1", "0", "nan"])
@pytest.mark.usefixtures("any_spacing")
def test_too_little_memory(run, output, small_scan, checkpoint, memory) -> None:
    arguments = (small_scan.ct, "--labels", small_scan.labels, "--checkpoint", checkpoint, "--spacing", SPACING_MM)
    refused(run, output, *arguments, "--memory", memory, says=("--memory",))


def test_values_that_are_not_hounsfield_units() -> None:
    volume, labels = torso(0, 10.0)
    prepared = PreparedScan(replace(volume, unit="arbitrary"), labels)
    model, functions = Model.untrained(ModelSettings()), TransferFunctions.preset("seen")
    with pytest.raises(UnitsError, match="HU"):
        pipeline.predict_prepared(model, prepared, functions, None, PrimingOptions(), PredictingOptions(), Report())


def test_training_goes_on_with_the_same_command_and_leaves_a_checkpoint(run, tmp_path) -> None:
    dataset, folder = tmp_path / "dataset", tmp_path / "training"
    dataset.mkdir()
    one_torso(dataset)
    options = ("--crop", 8, "--solve-crops", 2, "-o", folder)
    code, out, err = run("train", dataset, "--dense-steps", 1, *options)
    assert code == 0, err
    first = load_model(folder / "model.safetensors")
    assert first.sha256 in out
    assert (folder / "preview.png").is_file()
    code, _, err = run("train", dataset, "--dense-steps", 3, *options)
    assert code == 0, err
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert load_model(folder / "model.safetensors").sha256 != first.sha256
    code, _, err = run("train", dataset, "--dense-steps", 3, "--seed", 1, *options)
    assert code == 2
    assert "other settings" in err


def test_training_on_nothing(run, tmp_path) -> None:
    code, _, err = run("train", tmp_path, "-o", tmp_path / "out")
    assert code == 2
    assert "no dataset" in err


def test_doctor_checks_the_shipped_weights(run, monkeypatch, checkpoint, tmp_path) -> None:
    from tomosplat.feedforward import model

    monkeypatch.setattr(model, "shipped_path", lambda: checkpoint)
    _, out, _ = run("doctor")
    assert json.loads(out)["network"]["sha256"] == load_model(checkpoint).sha256
    content = bytearray(checkpoint.read_bytes())
    content[-7] ^= 1
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(content)
    monkeypatch.setattr(model, "shipped_path", lambda: broken)
    _, out, _ = run("doctor")
    assert json.loads(out)["network"].startswith("unusable")
