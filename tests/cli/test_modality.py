"""MR and ultrasound from the command line: said to be so, they are shown without labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import SPACING_MM
from tests.files.scan_writer import write_scan

from tomosplat.files.scene_ply import read_ply
from tomosplat.pipeline import predict as pipeline

AT = ("--spacing", SPACING_MM)


@pytest.fixture(scope="module")
def mr(small_scan, tmp_path_factory) -> Path:
    """The torso as a scanner might have it that knows no HU: nothing in air, tissue bright."""
    values = np.clip(small_scan.values + 1000.0, 0, 1400) * 3.7
    return write_scan(tmp_path_factory.mktemp("mr") / "mr.nii.gz", values.astype(np.float32), small_scan.grid.affine)


@pytest.mark.parametrize("verb", ["prime", "predict", "raymarch"])
def test_a_scan_without_hu_says_how_it_can_be_shown(run, mr, tmp_path, verb) -> None:
    code, _, err = run(
        verb, mr, *AT[: 2 * (verb != "predict")], "-o", tmp_path / ("a.png" if verb == "raymarch" else "a.ply")
    )
    assert code == 2
    assert "--modality mr or us" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("modality", "preset"), [("mr", "mr"), ("us", "us")])
def test_mr_and_ultrasound_have_transfer_functions_of_their_own(run, mr, tmp_path, modality, preset) -> None:
    code, _, err = run("prime", mr, *AT, "--modality", modality, "-o", tmp_path / "a.ply")
    assert code == 0, err
    scene = read_ply(tmp_path / "a.ply")
    assert scene.provenance["transfer_functions"] == preset
    assert any("made relative" in line for line in scene.provenance["history"])
    assert len(scene) > 100


def test_the_network_takes_relative_signal(run, mr, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "_WORKING_SPACINGS", (0.5, 20.0))
    code, _, err = run(
        "predict", mr, *AT, "--modality", "mr", "-o", tmp_path / "a.ply", "--report", tmp_path / "a.json"
    )
    assert code == 0, err
    assert json.loads((tmp_path / "a.json").read_text())["scene"]["prediction"]["preset"] == "compact"


def test_transfer_functions_of_another_unit_are_refused(run, mr, tmp_path) -> None:
    code, _, err = run("prime", mr, *AT, "--modality", "mr", "--tf", "seen", "-o", tmp_path / "a.ply")
    assert code == 2
    assert "HU" in err
    assert "relative" in err


def test_rescaling_to_hu_is_for_ct_alone(run, mr, tmp_path) -> None:
    code, _, err = run("prime", mr, *AT, "--modality", "mr", "--rescale", 1, -1000, "-o", tmp_path / "a.ply")
    assert code == 2
    assert "--rescale" in err
