"""Bad input ends with a named reason, exit code 2 (or 1 for failed work), no traceback and nothing written."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import SPACING_MM
from tests.files.dicom_writer import write_series
from tests.files.scan_writer import write_scan

from tomosplat.files import atomic
from tomosplat.geometry import Grid, intrinsics, look_at


@pytest.fixture
def output(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "result.ply"


def refused(run, output: Path, *arguments: object, says: tuple[str, ...], code: int = 2) -> None:
    found, _, err = run(*arguments, "-o", output)
    assert found == code, err
    for word in says:
        assert word in err
    assert "Traceback" not in err
    assert list(output.parent.iterdir()) == []


def prime(run, output: Path, scan: Path, *arguments: object, says: tuple[str, ...], code: int = 2) -> None:
    refused(run, output, "prime", scan, "--spacing", SPACING_MM, *arguments, says=says, code=code)


def test_a_scan_that_does_not_exist(run, output) -> None:
    prime(run, output, output.parent.parent / "absent.nii.gz", says=("absent.nii.gz",))


def test_dropping_what_is_unseen_without_baking(run, output, small_scan) -> None:
    prime(run, output, small_scan.ct, "--drop-unseen", says=("--drop-unseen needs --light bake", "march"))


def test_a_truncated_file(run, output, small_scan, tmp_path) -> None:
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(small_scan.ct.read_bytes()[:5000])
    prime(run, output, cut, says=("cut.nii.gz",))


def test_a_file_of_another_kind(run, output, tmp_path) -> None:
    text = tmp_path / "notes.nii.gz"
    text.write_bytes(gzip.compress(b"not a scan"))
    prime(run, output, text, says=("notes.nii.gz",))


def test_nan_and_infinity(run, output, small_scan, tmp_path) -> None:
    values = small_scan.values.astype(np.float32)
    values[3, 4, 5], values[6, 7, 8] = np.nan, np.inf
    prime(run, output, write_scan(tmp_path / "nan.nii.gz", values, small_scan.grid.affine), says=("2 of", "NaN"))


def test_eight_bit_data_as_hounsfield(run, output, small_scan, tmp_path) -> None:
    values = np.clip((small_scan.values + 1000) / 12, 0, 255).astype(np.uint8)
    prime(run, output, write_scan(tmp_path / "8bit.nii.gz", values, small_scan.grid.affine), says=("--rescale",))


def test_eight_bit_data_with_its_rescaling_is_welcome(run, output, small_scan, tmp_path) -> None:
    values = np.clip((small_scan.values + 1000) / 12, 0, 255).astype(np.uint8)
    scan = write_scan(tmp_path / "8bit.nii.gz", values, small_scan.grid.affine)
    code, _, err = run("prime", scan, "--spacing", SPACING_MM, "--rescale", 12, -1000, "-o", output)
    assert code == 0, err
    assert output.is_file()


def test_labels_on_another_grid(run, output, small_scan, tmp_path) -> None:
    shifted = Grid(small_scan.grid.shape, small_scan.grid.affine + np.outer([1, 0, 0, 0], [0, 0, 0, 12.0]))
    labels = write_scan(tmp_path / "shifted.nii.gz", small_scan.label_values, shifted.affine)
    prime(run, output, small_scan.ct, "--labels", labels, says=("grid",))


def test_labels_with_unknown_ids(run, output, small_scan, tmp_path) -> None:
    values = np.where(small_scan.label_values == 5, 250, small_scan.label_values).astype(np.uint8)
    labels = write_scan(tmp_path / "unknown.nii.gz", values, small_scan.grid.affine)
    prime(run, output, small_scan.ct, "--labels", labels, says=("250",))


def test_an_organ_that_does_not_exist_is_told_the_nearest_name(run, output, small_scan) -> None:
    prime(run, output, small_scan.ct, "--organs", "skelton", says=("skelton", "skeleton"))


def test_an_organ_that_the_scan_does_not_show(run, output, small_scan) -> None:
    prime(run, output, small_scan.ct, "--labels", small_scan.labels, "--organs", "brain", says=("visible",))


def test_an_empty_foreground(run, output, small_scan, tmp_path) -> None:
    nothing = write_scan(tmp_path / "empty.nii.gz", np.zeros_like(small_scan.label_values), small_scan.grid.affine)
    prime(run, output, small_scan.ct, "--labels", nothing, says=("visible",))


def test_a_transfer_function_file_that_is_none(run, output, small_scan, tmp_path) -> None:
    (tmp_path / "tf.json").write_text('{"groups": 3}')
    prime(run, output, small_scan.ct, "--tf", tmp_path / "tf.json", says=("transfer",))
    prime(run, output, small_scan.ct, "--tf", "sene", says=("sene", "seen, unseen"))


@pytest.mark.parametrize("spacing", [0, -1, 0.01, 200])
def test_an_impossible_working_grid(run, output, small_scan, spacing: float) -> None:
    refused(run, output, "prime", small_scan.ct, "--spacing", spacing, says=("spacing",))


def test_a_scan_larger_than_memory(run, output, small_scan, monkeypatch) -> None:
    monkeypatch.setattr("tomosplat.machine.available_memory", lambda: 1000)
    prime(run, output, small_scan.ct, says=("memory",))


def test_a_folder_that_does_not_exist_for_the_output(run, output, small_scan) -> None:
    target = output.parent / "absent" / "s.ply"
    code, _, err = run("prime", small_scan.ct, "--spacing", SPACING_MM, "-o", target)
    assert code == 1
    assert "absent" in err


def test_a_full_disk(run, output, small_scan, monkeypatch) -> None:
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.Path, "replace", full)
    prime(run, output, small_scan.ct, says=("No space left",), code=1)


def test_a_truncated_or_hostile_scene(run, output, small_scene, tmp_path) -> None:
    whole = small_scene.read_bytes()
    for name, content in {
        "cut.ply": whole[: len(whole) // 2],
        "huge.ply": whole.replace(b"element vertex ", b"element vertex 99999999999", 1),
        "text.ply": b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n",
        "not.ply": b"hello",
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(run, output.with_suffix(".png"), "render", tmp_path / name, says=(name,))


def test_a_camera_inside_the_body(run, output, small_scene, tmp_path) -> None:
    from tomosplat.files.scene_ply import read_ply

    position = read_ply(small_scene).means[100].double().numpy()
    views = {
        "width": 64,
        "height": 64,
        "cameras": [
            {
                "viewmat": look_at(position, position + np.array([0, 100, 0]))[0].tolist(),
                "K": intrinsics(1, 64, 64, 40)[0].tolist(),
            }
        ],
    }
    (tmp_path / "inside.json").write_text(json.dumps(views))
    refused(
        run,
        output.with_suffix(".png"),
        "render",
        small_scene,
        "--cameras",
        tmp_path / "inside.json",
        says=("camera 0", "inside the scene"),
    )


def test_a_camera_file_that_is_none(run, output, small_scene, tmp_path) -> None:
    (tmp_path / "views.json").write_text('{"width": 3}')
    arguments = ("render", small_scene, "--cameras", tmp_path / "views.json")
    refused(run, output.with_suffix(".png"), *arguments, says=("camera file",))


def test_several_cameras_do_not_fit_into_one_picture(run, output, small_scene, tmp_path) -> None:
    assert run("cameras", small_scene, "--n", 2, "-o", tmp_path / "views.json")[0] == 0
    arguments = ("render", small_scene, "--cameras", tmp_path / "views.json")
    refused(run, output.with_suffix(".png"), *arguments, says=("2 cameras",))


def test_a_transparent_video(run, output, small_scene) -> None:
    arguments = ("render", small_scene, "--background", "transparent")
    refused(run, output.with_suffix(".mp4"), *arguments, says=("transparen",))


def test_a_scene_without_the_organ(run, output, small_scene) -> None:
    refused(run, output.with_suffix(".png"), "render", small_scene, "--organs", "brain", says=("brain", "liver"))


def write_dicom(folder: Path, small_scan, number: int = 1) -> list[Path]:
    stored = np.clip(small_scan.values + 1024, 0, 4000).astype(np.uint16)
    names = [f"series{number}-{k:03d}.dcm" for k in range(stored.shape[2])]
    return write_series(folder, stored, small_scan.grid.affine, names=names, number=number)


def test_two_series_in_a_folder(run, output, small_scan, tmp_path) -> None:
    for number in (1, 2):
        write_dicom(tmp_path / "dicom", small_scan, number)
    prime(run, output, tmp_path / "dicom", says=("--series",))


def test_a_missing_slice(run, output, small_scan, tmp_path) -> None:
    files = write_dicom(tmp_path / "dicom", small_scan)
    files[len(files) // 2].unlink()
    prime(run, output, tmp_path / "dicom", says=("missing",))


def test_a_whole_dicom_series_is_welcome(run, output, small_scan, tmp_path) -> None:
    write_dicom(tmp_path / "dicom", small_scan)
    code, _, err = run("prime", tmp_path / "dicom", "--spacing", SPACING_MM, "-o", output)
    assert code == 0, err
    assert output.is_file()
