"""``tomosplat export``: what is in the files, and what is not."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.files.dicom_writer import write_series
from tests.files.scan_writer import write_scan

from tomosplat.cli import main
from tomosplat.files.scenes import read_scene, write_scene
from tomosplat.transfer import TransferFunctions

PLANTED = "Plantedname"
BORN = "19610203"


def embedded(page: Path) -> dict[str, bytes]:
    """The blobs in a page, unpacked."""
    found = re.findall(
        r'<script type="application/octet-stream" id="tomosplat-(\w+)">([A-Za-z0-9+/=]*)</script>', page.read_text()
    )
    return {name: gzip.decompress(base64.b64decode(data)) for name, data in found}


def header(blob: bytes) -> dict:  # type: ignore[type-arg]
    assert blob[:8] == b"TOMOBLOB"
    found: dict = json.loads(blob[12 : 12 + int.from_bytes(blob[8:12], "little")])  # type: ignore[type-arg]
    return found


def test_a_page_holds_the_scene_and_on_request_the_slices(run, small_scan, small_scene, tmp_path) -> None:
    plain, sliced = tmp_path / "plain.html", tmp_path / "sliced.html"
    assert run("export", small_scene, "-o", plain, "--title", "A </script> title")[0] == 0
    blobs = embedded(plain)
    assert blobs.keys() == {"scene"}
    scene = read_scene(small_scene)
    told = header(blobs["scene"])
    assert (told["count"], told["title"]) == (len(scene), "A </script> title")
    assert [preset["name"] for preset in told["presets"]] == ["seen", "unseen"]
    assert '{"mode": "embedded"}' in plain.read_text()
    reading = ("--slices", small_scan.ct, "--labels", small_scan.labels, "--spacing", 6)
    code, out, err = run("export", small_scene, "-o", sliced, *reading)
    assert code == 0, err
    assert f"{len(scene):,} Gaussians" in out
    shape = header(embedded(sliced)["volume"])["shape"]
    assert shape == [n + n % 2 for n in small_scan.grid.shape]  # the working grid's are even


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
def test_splat_files_hold_the_same_gaussians(run, small_scene, tmp_path, suffix) -> None:
    path = tmp_path / f"scene{suffix}"
    code, _, err = run("export", small_scene, "-o", path)
    assert code == 0, err
    scene, back = read_scene(small_scene), read_scene(path)
    assert all(back.tensors()[name].equal(tensor) for name, tensor in scene.tensors().items())
    assert run("render", path, "--size", 32, "-o", tmp_path / "picture.png")[0] == 0
    assert run("cameras", path, "--n", 3, "-o", tmp_path / "views.json")[0] == 0
    assert json.loads(run("info", path)[1])["gaussians"] == len(scene)


def test_priming_writes_glb_too(run, small_scan, tmp_path) -> None:
    path = tmp_path / "scene.glb"
    arguments = ("--labels", small_scan.labels, "--spacing", 6, "--organs", "skeleton", "-o", path)
    assert run("prime", small_scan.ct, *arguments)[0] == 0
    assert read_scene(path).shading["functions"]["name"] == "seen"


def test_priming_into_another_kind_of_file_is_refused_before_the_scan_is_read(run, small_scan, tmp_path) -> None:
    code, _, err = run("prime", small_scan.ct, "-o", tmp_path / "scene.html")
    assert code == 2
    assert ".ply and .glb" in err
    assert "read scan" not in err


@pytest.fixture(scope="module")
def telling_scene(small_scan, tmp_path_factory) -> Path:
    """A scene beside the DICOM series that it was made from, all of which say whom they show wherever they can."""

    def name(_: int, dataset) -> None:  # type: ignore[no-untyped-def]
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = f"{PLANTED}^Jane", PLANTED, BORN
        dataset.InstitutionName = dataset.StudyDescription = PLANTED

    folder = tmp_path_factory.mktemp(PLANTED)
    stored = (small_scan.values + 1024).astype(np.uint16)
    write_series(folder, stored, small_scan.grid.affine, description=PLANTED, change=name)
    functions = folder / f"{PLANTED}.json"
    functions.write_text(replace(TransferFunctions.preset("seen"), name=PLANTED, notes=(PLANTED,)).to_json())
    path = folder / f"{PLANTED}.ply"
    assert main(["prime", str(folder), "--spacing", "6", "--tf", str(functions), "-o", str(path)]) == 0
    scene = read_scene(path)
    rig = scene.shading["rig"]
    lights = [{**light, "name": PLANTED} for light in rig["lights"]]
    telling = replace(
        scene,
        label_names={**scene.label_names, int(scene.labels[0]): PLANTED},
        shading={**scene.shading, "rig": {**rig, "lights": lights}, PLANTED: PLANTED},
        provenance={**scene.provenance, "priming": PLANTED, "rig": [PLANTED], "patient": PLANTED, "born": BORN},
    )
    write_scene(path, telling)
    return path


@pytest.mark.parametrize("suffix", [".html", ".glb", ".ply"])
def test_nothing_that_names_a_patient_or_a_path_leaves(run, telling_scene, tmp_path, suffix) -> None:
    output = tmp_path / f"shared{suffix}"
    slices = ("--slices", telling_scene.parent, "--spacing", 6) if suffix == ".html" else ()
    code, _, err = run("export", telling_scene, "-o", output, *slices)
    assert code == 0, err
    contents = [output.read_bytes(), *(embedded(output).values() if suffix == ".html" else ())]
    for content in contents:
        for telling in (PLANTED, PLANTED.upper(), BORN, str(telling_scene.parent.parent), "pytest-of"):
            assert telling.encode() not in content


def test_slices_of_another_scan_are_refused(run, small_scan, small_scene, tmp_path) -> None:
    far = small_scan.grid.affine.copy()
    far[:3, 3] += 500
    away = write_scan(tmp_path / "away.nii.gz", small_scan.values, far)
    other = write_scan(tmp_path / "other.nii.gz", small_scan.values[::-1, ::-1, ::-1].copy(), small_scan.grid.affine)
    for scan, reason in ((away, "lie in that scan"), (other, "correlation")):
        code, _, err = run("export", small_scene, "-o", tmp_path / "s.html", "--slices", scan, "--spacing", 6)
        assert code == 2
        assert reason in err
    assert not (tmp_path / "s.html").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-o", "scene.obj"), ".html, .ply or .glb"),
        (("-o", "scene"), ".html, .ply or .glb"),
        (("-o", "scene.glb", "--slices", "ct.nii.gz"), "only a .html"),
        (("-o", "no_folder/scene.html"), "no_folder"),
    ],
)
def test_bad_arguments_are_refused(run, small_scene, tmp_path, monkeypatch, arguments, reason) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("export", small_scene, *arguments)
    assert code in (1, 2)
    assert reason in err
    assert list(tmp_path.iterdir()) == []


def test_bad_scenes_are_refused(run, tmp_path) -> None:
    (tmp_path / "text.ply").write_text("not a scene")
    for name, reason in (("absent.ply", "absent.ply"), ("text.ply", "not a .ply"), ("scan.nii.gz", ".ply and .glb")):
        code, _, err = run("export", tmp_path / name, "-o", tmp_path / "s.html")
        assert code == 2
        assert reason in err
