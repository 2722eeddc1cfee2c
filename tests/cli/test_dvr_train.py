"""``tomosplat dvr train`` and ``tomosplat dvr render``: a folder of scans and pictures in, pictures out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.dvr.toy_subjects import toy_subject
from tests.files.scan_writer import write_scan
from tests.one_thread import one_thread  # noqa: F401

from tomosplat.files.cameras import write_cameras
from tomosplat.files.images import to_bytes, write_png

SMALL = ("--model", "vnet4-4", "--width", 2, "--levels", 2, "--dropout", 0, "--epochs", 2, "--loss", "mse")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two scans, the first with cameras of its own."""
    folder = tmp_path / "dataset"
    (folder / "volumes").mkdir(parents=True)
    for name, shift in (("a", 0.0), ("b", 0.2)):
        subject = toy_subject(n=8, n_views=2, size=12, shift=shift)
        write_scan(folder / "volumes" / f"{name}.nii.gz", subject.volume.values, subject.volume.grid.affine)
        images = folder / "images" / name
        images.mkdir(parents=True)
        for number, picture in enumerate(subject.pictures.numpy()):
            write_png(images / f"{number}.png", to_bytes(picture, None))
        write_cameras((images if name == "a" else folder) / "cameras.json", subject.cameras)
    return folder


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_renderer_is_trained_goes_on_and_draws(run, dataset: Path, tmp_path: Path) -> None:
    output, report = tmp_path / "trained", tmp_path / "report.json"
    train = ("dvr", "train", dataset, "-o", output, *SMALL, "--report", report)
    code, out, err = run(*train)
    assert code == 0, err
    assert "SSIM" in out
    told = json.loads(report.read_text())
    assert (told["volumes"], told["pictures"], told["steps"]) == (2, 4, 2)
    assert len((output / "curves.jsonl").read_text().splitlines()) == 2
    assert size_of(output / "preview.png") == (48, 12)
    assert run(*train)[0] == 0
    assert json.loads(report.read_text())["history"] == ["went on from step 2"]
    code, _, err = run(*train[:5], *SMALL[:-1], "mse+ssim")
    assert code == 2
    assert "other settings" in err

    scan = dataset / "volumes" / "b.nii.gz"
    code, _, err = run("dvr", "render", output / "model.safetensors", scan, "-o", tmp_path / "b.png", "--size", 20)
    assert code == 0, err
    assert size_of(tmp_path / "b.png") == (20, 20)
    cameras = ("--cameras", dataset / "cameras.json")
    assert run("dvr", "render", output / "model.safetensors", scan, "-o", tmp_path / "views", *cameras)[0] == 0
    assert sorted(path.name for path in (tmp_path / "views").iterdir()) == ["0000.png", "0001.png"]


def test_a_scan_of_other_values_is_refused(run, dataset: Path, tmp_path: Path) -> None:
    assert run("dvr", "train", dataset, "-o", tmp_path / "trained", *SMALL)[0] == 0
    subject = toy_subject(n=8)
    other = write_scan(tmp_path / "other.nii.gz", subject.volume.values * np.float32(255), subject.volume.grid.affine)
    code, _, err = run("dvr", "render", tmp_path / "trained" / "model.safetensors", other, "-o", tmp_path / "x.png")
    assert code == 2
    assert "was trained on" in err
    assert not (tmp_path / "x.png").exists()


def test_a_dataset_with_something_missing_is_refused(run, dataset: Path, tmp_path: Path) -> None:
    def refused() -> str:
        code, _, err = run("dvr", "train", dataset, "-o", tmp_path / "trained", *SMALL)
        assert code == 2
        return err

    (dataset / "images" / "b" / "1.png").unlink()
    assert "1 PNGs" in refused()
    (dataset / "cameras.json").unlink()
    assert "has no cameras" in refused()
    shutil.rmtree(dataset / "volumes")
    assert "holds no volumes" in refused()


def test_too_little_memory_is_told_before_training(
    run, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomosplat.machine.available_memory", lambda: 10_000)
    monkeypatch.setattr("tomosplat.pipeline.dvr.train.read_subjects", lambda *_: [toy_subject(n=8), toy_subject(n=8)])
    code, _, err = run("dvr", "train", dataset, "-o", tmp_path / "u", *SMALL)
    assert code == 2
    assert "may be used" in err
    assert not (tmp_path / "u").exists()
