"""``tomosplat fidelity`` from files to files, on the small torso."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import SPACING_MM
from tests.cli.test_export import embedded, header
from tests.files.scan_writer import write_scan

from tomosplat.files.scenes import read_scene, write_scene
from tomosplat.pipeline.fidelity import compare_views

QUICK = ("--n-views", 3, "--size", 40, "--samples", 2, "--raw")


def fidelity(run, scene: Path, scan: Path, labels: Path, *arguments: object) -> tuple[int, str, str]:
    found: tuple[int, str, str] = run("fidelity", scene, scan, "--labels", labels, "--spacing", SPACING_MM, *arguments)
    return found


@pytest.fixture(scope="module")
def measured(small_scene, small_scan, tmp_path_factory) -> Path:
    from tomosplat.cli import main

    path = tmp_path_factory.mktemp("measured") / "measured.ply"
    reading = ("--labels", small_scan.labels, "--spacing", SPACING_MM)
    arguments = ("fidelity", small_scene, small_scan.ct, *reading, *QUICK, "-o", path)
    assert main([str(argument) for argument in arguments]) == 0
    return path


def test_it_prints_a_table_and_writes_the_scene_with_its_errors(run, small_scene, small_scan, tmp_path) -> None:
    output, report = tmp_path / "measured.ply", tmp_path / "run.json"
    code, out, err = fidelity(
        run, small_scene, small_scan.ct, small_scan.labels, *QUICK, "-o", output, "--report", report
    )
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["organ", "trust", "error", "%", "PSNR", "dB", "noise", "%"]
    assert lines[1].startswith("all ")
    told = json.loads(report.read_text())
    assert {line.split()[0] for line in lines[2:]} == told["fidelity"]["organs"].keys()
    trusts = [row["trust"] for row in told["fidelity"]["organs"].values() if row["trust"] is not None]
    assert 0 <= min(trusts) <= told["fidelity"]["all"]["trust"] <= max(trusts) <= 100
    assert told["fidelity"]["all"]["noise_percent"] > 0.5
    assert 15 < told["psnr_db"] < 45
    assert told["fidelity"]["denoised"] is False
    before, after = read_scene(small_scene), read_scene(output)
    assert after.errors is not None
    assert 0 < float(after.errors.isnan().float().mean()) < 0.9, "what lies deep inside is seen in no view"
    assert after.unmeasured().tensors().keys() == before.tensors().keys()
    assert all(after.tensors()[name].equal(tensor) for name, tensor in before.tensors().items())
    assert set(tmp_path.iterdir()) == {output, report}


def test_info_tells_what_was_measured(run, small_scene, measured) -> None:
    told = json.loads(run("info", measured)[1])["fidelity"]
    assert (told["views"], told["size"], told["samples"]) == (3, 40, 4)
    assert "liver" in told["organs"]
    assert json.loads(run("info", small_scene)[1])["fidelity"] is None


@pytest.mark.parametrize("suffix", [".glb", ".html"])
def test_exports_keep_it(run, measured, tmp_path, suffix) -> None:
    path = tmp_path / f"scene{suffix}"
    assert run("export", measured, "-o", path)[0] == 0
    scene = read_scene(measured)
    assert scene.fidelity is not None
    if suffix == ".glb":
        assert read_scene(path).fidelity.to_dict() == scene.fidelity.to_dict()  # type: ignore[union-attr]
    else:
        told = header(embedded(path)["scene"])["fidelity"]
        assert told["whole"]["trust"] == pytest.approx(scene.fidelity.whole.trust)


def test_a_fine_tuned_scene_is_compared_with_the_truth_of_what_it_was_fitted_from(
    run, small_scene, small_scan, tmp_path
) -> None:
    path, scene = tmp_path / "fitted.ply", read_scene(small_scene)
    write_scene(path, replace(scene, provenance={"fit": {"iterations": 3, "from": dict(scene.provenance)}}))
    code, out, err = fidelity(run, path, small_scan.ct, small_scan.labels, *QUICK)
    assert code == 0, err
    assert out.splitlines()[1].startswith("all ")


def test_after_a_kill_the_same_command_goes_on(run, small_scene, small_scan, measured, tmp_path, monkeypatch) -> None:
    output, report = tmp_path / "measured.ply", tmp_path / "run.json"
    traced, views = compare_views._traced, []

    def stopped(*arguments, **options):
        if len(views) == 4:  # two for each view: the third is begun
            raise KeyboardInterrupt
        views.append(1)
        return traced(*arguments, **options)

    monkeypatch.setattr(compare_views, "_traced", stopped)
    code, _, _ = fidelity(run, small_scene, small_scan.ct, small_scan.labels, *QUICK, "-o", output)
    assert code == 130
    (kept,) = tmp_path.iterdir()
    assert kept.name == ".measured.ply.views"
    views.clear()
    code, _, err = fidelity(run, small_scene, small_scan.ct, small_scan.labels, *QUICK, "--seed", 1, "-o", output)
    assert code == 2
    assert "other options; remove it to begin anew" in err
    code, _, err = fidelity(
        run, small_scene, small_scan.ct, small_scan.labels, *QUICK, "-o", output, "--report", report
    )
    assert code == 0, err
    assert len(views) == 2
    assert "went on after view 2" in json.loads(report.read_text())["history"]
    assert output.read_bytes() == measured.read_bytes()
    assert not kept.exists()


def refused(run, scene: Path, scan: Path, labels: Path, tmp_path: Path, *arguments: object, says: str) -> None:
    output = tmp_path / "out" / "measured.ply"
    output.parent.mkdir()
    code, _, err = fidelity(run, scene, scan, labels, *QUICK, *arguments, "-o", output)
    assert code == 2, err
    assert says in err
    assert "Traceback" not in err
    assert list(output.parent.iterdir()) == []


def test_a_scan_elsewhere_in_space_is_refused(run, small_scene, small_scan, tmp_path) -> None:
    affine = small_scan.grid.affine.copy()
    affine[0, 3] += 12
    scan = write_scan(tmp_path / "ct.nii.gz", small_scan.values, affine)
    labels = write_scan(tmp_path / "labels.nii.gz", small_scan.label_values, affine)
    refused(run, small_scene, scan, labels, tmp_path, says="lies elsewhere than the scan of the scene")


def test_the_scan_of_somebody_else_is_refused(run, small_scene, small_scan, tmp_path) -> None:
    other = np.ascontiguousarray(small_scan.values[:, :, ::-1])
    scan = write_scan(tmp_path / "ct.nii.gz", other, small_scan.grid.affine)
    refused(run, small_scene, scan, small_scan.labels, tmp_path, says="values of that scan are not those of the scene")


def test_other_labels_are_refused(run, small_scene, small_scan, tmp_path) -> None:
    renamed = np.where(small_scan.label_values > 0, 1, 0).astype(np.uint8)
    labels = write_scan(tmp_path / "labels.nii.gz", renamed, small_scan.grid.affine)
    refused(run, small_scene, small_scan.ct, labels, tmp_path, says="labels are not those of the scene")


def test_another_grid_is_refused_before_the_scan_is_read(run, small_scene, small_scan, tmp_path) -> None:
    says = "made on a grid of 6 mm, not 5: --spacing 6"
    refused(run, small_scene, tmp_path / "absent.nii", small_scan.labels, tmp_path, "--spacing", 5, says=says)


@pytest.mark.parametrize("missing", ["functions", "rig", "bounds_mm"])
def test_a_scene_that_does_not_know_its_light_is_refused(run, small_scene, small_scan, tmp_path, missing) -> None:
    scene, path = read_scene(small_scene), tmp_path / "dark.ply"
    write_scene(path, replace(scene, shading={k: v for k, v in scene.shading.items() if k != missing}))
    says = f"its shading has no {missing}; prime it again"
    refused(run, path, small_scan.ct, small_scan.labels, tmp_path, says=says)


@pytest.mark.parametrize("provenance", [{"spacing_mm": "fine"}, {"fit": {}}, {"fit": 3}, {"fit": {"from": []}}])
def test_a_scene_whose_account_of_itself_is_malformed_is_refused(run, small_scene, small_scan, tmp_path, provenance):
    scene, path = read_scene(small_scene), tmp_path / "odd.ply"
    write_scene(path, replace(scene, provenance=provenance))
    says = "account of how it was made is malformed"
    refused(run, path, tmp_path / "absent.nii", small_scan.labels, tmp_path, says=says)


@pytest.mark.parametrize("option", ["--n-views", "--size", "--samples"])
def test_nothing_to_compare_is_refused(run, small_scene, small_scan, tmp_path, option) -> None:
    refused(run, small_scene, small_scan.ct, small_scan.labels, tmp_path, option, 0, says="must be at least 1")


def test_organs_that_are_not_seen_say_so(run, small_scene, small_scan, measured) -> None:
    scene = read_scene(measured)
    assert scene.fidelity is not None
    assert all(math.isnan(organ.error) == (organ.pixels < 1) for organ in scene.fidelity.organs.values())
