"""Scenes as .glb: exact round trip, and what other readers see."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.files.scenes import assert_same_scene, random_scene

from tomosplat.errors import EmptySceneError, FileFormatError, InputError, OutputError, ShapeError, UnitsError
from tomosplat.files.scene_glb import read_glb, write_glb
from tomosplat.files.scenes import read_scene, write_scene
from tomosplat.gaussians import approximate_3dgs

KHR = "KHR_gaussian_splatting"


def chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and binary chunk of a .glb, read by the letter of glTF 2.0, section 4.4."""
    data = path.read_bytes()
    magic, version, total, n_json, kind = struct.unpack_from("<4sII I4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    n_bin, kind = struct.unpack_from("<I4s", data, 20 + n_json)
    assert n_json % 4 == n_bin % 4 == 0
    assert kind == b"BIN\0"
    return json.loads(data[20 : 20 + n_json]), data[28 + n_json :]


def attribute(path: Path, name: str) -> np.ndarray:
    document, data = chunks(path)
    accessor = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"][name]]
    view = document["bufferViews"][accessor["bufferView"]]
    dtype = {5126: "<f4", 5121: "u1"}[accessor["componentType"]]
    array = np.frombuffer(data[view["byteOffset"] :][: view["byteLength"]], dtype)
    return array.reshape(accessor["count"], -1)


@pytest.mark.parametrize("n", [1, 40])
def test_round_trip_is_exact(tmp_path: Path, n: int) -> None:
    scene = random_scene(n)
    write_glb(tmp_path / "scene.glb", scene)
    assert_same_scene(read_glb(tmp_path / "scene.glb"), scene)


@pytest.mark.parametrize("absent", [("values",), ("illumination",), ("values", "illumination")])
def test_what_is_not_known_stays_unknown(tmp_path: Path, absent: tuple[str, ...]) -> None:
    scene = replace(random_scene(), shading={}, **dict.fromkeys(absent))
    write_glb(tmp_path / "scene.glb", scene)
    assert_same_scene(read_glb(tmp_path / "scene.glb"), scene)


def test_other_readers_find_the_ordinary_gaussians(tmp_path: Path) -> None:
    path, scene = tmp_path / "scene.glb", random_scene()
    write_glb(path, scene)
    document, _ = chunks(path)
    (primitive,) = document["meshes"][0]["primitives"]
    assert document["extensionsUsed"] == [KHR]
    assert primitive["mode"] == 0
    assert primitive["extensions"][KHR] == {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}
    ordinary = approximate_3dgs(scene)
    np.testing.assert_array_equal(attribute(path, "POSITION"), ordinary.means)
    np.testing.assert_array_equal(attribute(path, f"{KHR}:SCALE"), ordinary.scales)  # linear
    np.testing.assert_array_equal(attribute(path, f"{KHR}:OPACITY")[:, 0], ordinary.opacities)
    np.testing.assert_array_equal(attribute(path, f"{KHR}:ROTATION")[:, 3], ordinary.quats[:, 0])  # w last
    np.testing.assert_array_equal(attribute(path, f"{KHR}:SH_DEGREE_0_COEF_0"), scene.sh[:, 0])
    np.testing.assert_array_equal(attribute(path, f"{KHR}:SH_DEGREE_1_COEF_2"), scene.sh[:, 3])
    np.testing.assert_array_equal(attribute(path, "_FEATURE_ID_0")[:, 0], scene.labels)
    position = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose([position["min"], position["max"]], torch.stack(ordinary.means.aminmax(dim=0)))


def test_the_patient_stands_upright_and_faces_the_viewer_in_metres(tmp_path: Path) -> None:
    write_glb(tmp_path / "scene.glb", random_scene())
    document, _ = chunks(tmp_path / "scene.glb")
    matrix = np.reshape(document["nodes"][0]["matrix"], (4, 4)).T
    right, front, head = np.eye(4)[:3]
    # glTF: +y is up, a model faces +z, and has its right at −x.
    np.testing.assert_allclose(matrix @ right, [-0.001, 0, 0, 0])
    np.testing.assert_allclose(matrix @ front, [0, 0, 0.001, 0])
    np.testing.assert_allclose(matrix @ head, [0, 0.001, 0, 0])


def respelled(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same file with another JSON."""
    document, data = chunks(path)
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    header = struct.pack("<4sIII4s", b"glTF", 2, 28 + len(text) + len(data), len(text), b"JSON")
    path.write_bytes(header + text + struct.pack("<I4s", len(data), b"BIN\0") + data)
    return path


def primitive_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["meshes"][0]["primitives"][0]
    return found


def accessor_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["accessors"][primitive_of(document)["attributes"][name]]
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("meshes"),
        lambda d: d.update(meshes=d["meshes"] * 2),
        lambda d: d.update(accessors={}),
        lambda d: primitive_of(d)["attributes"].pop("_SIXD_GAIN_1"),
        lambda d: primitive_of(d)["attributes"].update(_SIXD_MEAN=10**9),
        lambda d: primitive_of(d)["attributes"].update(_SIXD_MEAN="0"),
        lambda d: primitive_of(d).pop("extras"),
        lambda d: primitive_of(d)["extras"]["tomosplat"].update(version=9),
        lambda d: primitive_of(d)["extras"]["tomosplat"].update(direction_weight="a"),
        lambda d: primitive_of(d)["extras"]["tomosplat"].update(organs=[{"id": "x"}]),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(count=10**12),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(count=-1),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(count=39),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(type="VEC4"),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(componentType=5121),
        lambda d: accessor_of(d, "_SIXD_MEAN").update(byteOffset=-(10**6)),
        lambda d: d["bufferViews"][-2].update(byteOffset=10**9),
        lambda d: d["bufferViews"][5].update(byteStride=24),
    ],
)
def test_damaged_documents_are_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = tmp_path / "scene.glb"
    write_glb(path, random_scene())
    with pytest.raises(FileFormatError, match=r"scene\.glb"):
        read_glb(respelled(path, change))


@pytest.mark.parametrize("n_bytes", [0, 3, 20, 500, -1])
def test_truncated_files_are_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "scene.glb"
    write_glb(path, random_scene())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(FileFormatError):
        read_glb(path)


@pytest.mark.parametrize(("name", "value"), [("_SIXD_MEAN", np.nan), ("_SIXD_OPACITY", 1.5), ("_FEATURE_ID_0", 0.5)])
def test_impossible_values_are_refused(tmp_path: Path, name: str, value: float) -> None:
    path = tmp_path / "scene.glb"
    write_glb(path, random_scene())
    document, data = chunks(path)
    offset = document["bufferViews"][accessor_of(document, name)["bufferView"]]["byteOffset"]
    whole = bytearray(path.read_bytes())
    struct.pack_into("<f", whole, len(whole) - len(data) + offset, value)
    path.write_bytes(whole)
    with pytest.raises(FileFormatError):
        read_glb(path)


def test_unwritable_scenes_are_refused_and_leave_the_old_file(tmp_path: Path) -> None:
    path, scene = tmp_path / "scene.glb", random_scene()
    write_glb(path, scene)
    before = path.read_bytes()
    with pytest.raises(ShapeError, match="float32"):
        write_glb(path, scene.to(torch.float64))
    with pytest.raises(EmptySceneError):
        write_glb(path, scene.select(torch.zeros(40, dtype=torch.bool)))
    with pytest.raises(UnitsError, match="1 of 40"):
        write_glb(path, replace(scene, means=scene.means.index_fill(0, torch.tensor([3]), torch.nan)))
    with pytest.raises(OutputError):
        write_glb(tmp_path / "no_folder" / "scene.glb", scene)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".ply", ".glb", ".GLB"])
def test_scene_files_are_told_apart_by_their_suffix(tmp_path: Path, suffix: str) -> None:
    path, scene = (tmp_path / "scene").with_suffix(suffix), random_scene()
    write_scene(path, scene)
    assert_same_scene(read_scene(path), scene)


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    for name in ("scene", "scene.splat"):
        with pytest.raises(InputError, match=r"\.ply and \.glb"):
            read_scene(tmp_path / name)
        with pytest.raises(InputError, match=r"\.ply and \.glb"):
            write_scene(tmp_path / name, random_scene())
