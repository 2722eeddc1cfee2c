"""``--device``: what is asked for is where it is computed; nothing else is, without a word."""

import json

import pytest
import torch
from tests.cli.conftest import SPACING_MM

from tomosplat.pipeline import devices

SMALL = ("--size", 24)


def commands(small_scan, small_scene, tmp_path):
    scan = (small_scan.ct, "--labels", small_scan.labels, "--spacing", SPACING_MM)
    return {
        "render": ("render", small_scene, *SMALL, "-o", tmp_path / "out.png"),
        "raymarch": ("raymarch", *scan, *SMALL, "-o", tmp_path / "out.png"),
        "finetune": ("finetune", small_scene, "--views", tmp_path / "views", "-o", tmp_path / "out.ply"),
        "fit": ("fit", *scan, "-o", tmp_path / "out.ply"),
        "predict": ("predict", *scan, "-o", tmp_path / "out.ply"),
        "slices fit": ("slices", "fit", "-s", small_scan.ct, "-m", tmp_path / "out"),
    }


@pytest.mark.parametrize("verb", ["render", "raymarch", "finetune", "fit", "predict", "slices fit"])
def test_a_gpu_that_is_asked_for_and_absent_is_an_error(run, small_scan, small_scene, tmp_path, monkeypatch, verb):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, err = run(*commands(small_scan, small_scene, tmp_path)[verb], "--device", "cuda")
    assert code == 1
    assert "a GPU was asked for" in err
    assert "--device cpu" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["render", "raymarch"])
def test_what_is_drawn_is_moved_there(run, small_scan, small_scene, tmp_path, monkeypatch, verb):
    """A device that nothing can be drawn on says that it was reached."""
    monkeypatch.setattr(devices, "choose_device", lambda name: torch.device("meta" if name == "cuda" else "cpu"))
    code, _, err = run(*commands(small_scan, small_scene, tmp_path)[verb], "--device", "cuda")
    assert code == 1
    assert "rendering on a GPU" in err


def test_folded_fits_say_that_they_need_the_cpu(run, small_scan, tmp_path):
    code, _, err = run(
        "slices", "fit", "-s", small_scan.ct, "-m", tmp_path / "out", "--method", "folded", "--device", "cuda"
    )
    assert code == 1
    assert "--device cpu" in err
    assert not (tmp_path / "out").exists()


def test_the_report_says_where_it_was_computed(run, small_scan, small_scene, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    report = tmp_path / "run.json"
    assert run(*commands(small_scan, small_scene, tmp_path)["render"], "--report", report)[0] == 0
    assert json.loads(report.read_text())["device"] == "cpu"
