"""``tomosplat fit`` and ``tomosplat finetune`` from files to files, on the small torso."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from tomosplat.files.cameras import read_cameras, write_cameras
from tomosplat.files.scenes import read_scene

SIZE = 48


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, small_scan):
    """A dataset of the small scan: six views to fit and two held out."""
    from tomosplat.cli import main

    folder = tmp_path_factory.mktemp("views")
    case = folder / "torso"
    case.mkdir()
    shutil.copy(small_scan.ct, case / "ct.nii.gz")
    shutil.copy(small_scan.labels, case / "labels.nii.gz")
    arguments = [
        "prepare",
        case,
        "-o",
        folder / "set",
        "--labels-name",
        "labels.nii.gz",
        "--spacing",
        6,
        "--size",
        SIZE,
    ]
    assert main([str(a) for a in [*arguments, "--views", 8, 0, 0, "--samples", 16, "--held-out-every", 4]]) == 0
    return folder / "set"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, small_scan, small_scene):
    """A folder of transparent PNGs with their camera file, splatted."""
    from tomosplat.cli import main

    folder = tmp_path_factory.mktemp("pictures")
    assert (
        main(["cameras", str(small_scan.ct), "--n", "4", "--size", str(SIZE), "-o", str(folder / "cameras.json")]) == 0
    )
    arguments = ["render", small_scene, "--cameras", folder / "cameras.json", "--background", "transparent"]
    assert main([str(a) for a in [*arguments, "-o", folder]]) == 0
    return folder


def looks(report) -> list[dict]:
    return json.loads(report.read_text())["looks"]


def test_finetuning_to_a_dataset_brings_held_out_views_closer_and_keeps_the_organs(run, small_scene, dataset, tmp_path):
    out, preview = tmp_path / "fine.ply", tmp_path / "now.png"
    options = ("--iterations", 100, "--preview", preview, "--report", tmp_path / "run.json")
    code, text, err = run("finetune", small_scene, "--views", dataset, "-o", out, *options)
    assert code == 0, err
    assert "Gaussians" in text
    seen = looks(tmp_path / "run.json")
    best = max(look["held_out_psnr"] for look in seen)
    assert best > seen[0]["held_out_psnr"] + 0.5
    fine, before = read_scene(out), read_scene(small_scene)
    assert set(fine.labels.tolist()) <= set(before.labels.tolist())
    assert dict(fine.label_names) == dict(before.label_names)
    assert np.asarray(Image.open(preview)).max() > 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fine.ply", "now.png", "run.json"], (
        "no checkpoint is left"
    )


def test_finetuning_to_pngs_and_fitting_from_a_surface(run, small_scan, small_scene, pictures, tmp_path):
    options = ("--iterations", 3, "--views", pictures)
    assert run("finetune", small_scene, *options, "-o", tmp_path / "a.ply")[0] == 0
    reading = (small_scan.ct, "--labels", small_scan.labels, "--spacing", 6, "--init", "marching-cubes")
    code, _, err = run("fit", *reading, *options, "-o", tmp_path / "b.ply", "--model", "3dgs")
    assert code == 0, err
    surface = read_scene(tmp_path / "b.ply")
    assert set(surface.labels.tolist()) == set(torch.unique(surface.labels).tolist()) - {0}
    assert not bool(surface.gains.any())


def test_without_views_they_are_traced_while_the_fit_runs(run, small_scan, tmp_path):
    reading = (small_scan.ct, "--labels", small_scan.labels, "--spacing", 6)
    tracing = ("--n-views", 6, "--size", SIZE, "--samples", 8, "--iterations", 60)
    code, _, err = run("fit", *reading, *tracing, "-o", tmp_path / "a.ply", "--report", tmp_path / "run.json")
    assert code == 0, err
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["traced"]["views"] == 6
    assert report["traced"]["samples_per_pixel"] >= 6 * 2
    assert looks(tmp_path / "run.json")[-1]["loss"] < looks(tmp_path / "run.json")[1]["loss"] * 1.2


# Dies at a known moment: right after the checkpoint, with an iteration still to do.
DYING = """
import os, signal, sys
from tomosplat.cli import main
from tomosplat.pipeline.fitting import run as fitting

def save_and_die(*given, save=fitting.save_checkpoint):
    save(*given)
    os.kill(os.getpid(), signal.SIGKILL)

fitting.save_checkpoint = save_and_die
main()
"""


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_scene(small_scene, pictures, tmp_path):
    def finetune(out, *program):
        options = ["--views", str(pictures), "--iterations", "101", "-o", str(out)]
        return subprocess.run([sys.executable, *program, "finetune", str(small_scene), *options], capture_output=True)

    assert finetune(tmp_path / "whole.ply", "-m", "tomosplat").returncode == 0
    assert finetune(tmp_path / "killed.ply", "-c", DYING).returncode == -signal.SIGKILL
    assert (tmp_path / ".killed.ply.checkpoint").exists()
    assert not (tmp_path / "killed.ply").exists()
    assert finetune(tmp_path / "killed.ply", "-m", "tomosplat").returncode == 0
    whole, again = read_scene(tmp_path / "whole.ply"), read_scene(tmp_path / "killed.ply")
    for name, tensor in whole.tensors().items():
        torch.testing.assert_close(getattr(again, name), tensor, rtol=0, atol=0)


def test_a_fit_that_runs_away_keeps_the_last_good_scene_and_names_the_parameter(run, small_scene, pictures, tmp_path):
    options = ("--views", pictures, "--learning-rate", 1e4, "-o", tmp_path / "a.ply")
    code, _, err = run("finetune", small_scene, *options)
    assert code == 1
    assert any(name in err for name in ("log_scales", "means", "gains"))
    assert len(read_scene(tmp_path / "a.ply")) == len(read_scene(small_scene))


def test_pictures_that_cannot_be_fitted_are_named(run, small_scene, pictures, dataset, tmp_path):
    def fails(folder, message, *options):
        code, _, err = run("finetune", small_scene, "--views", folder, "-o", tmp_path / "x.ply", *options)
        assert code == 2
        assert message in err
        assert not (tmp_path / "x.ply").exists()

    fails(tmp_path, "neither a dataset")
    fails(dataset, "no look", "--look", "all/unseen/studio")
    copy = tmp_path / "copy"
    shutil.copytree(pictures, copy)
    (copy / "0003.png").unlink()
    fails(copy, "3 PNGs")
    Image.new("RGB", (SIZE, SIZE), "white").save(copy / "0003.png")
    fails(copy, "no transparency")
    Image.new("RGBA", (SIZE, 10), "white").save(copy / "0003.png")
    fails(copy, f"{SIZE}x10")
    (copy / "0003.png").write_bytes(b"no picture")
    fails(copy, "cannot be read")
    Image.new("RGBA", (SIZE, SIZE)).save(copy / "0003.png")
    fails(copy, "black")
    one = tmp_path / "one"
    one.mkdir()
    write_cameras(one / "cameras.json", read_cameras(pictures / "cameras.json")[:1])
    shutil.copy(pictures / "0000.png", one)
    fails(one, "at least 2 views")
