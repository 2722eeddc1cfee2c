"""Scenes as .ply: exact round trip, and what other readers see."""

from dataclasses import replace
from pathlib import Path

import gsply
import numpy as np
import plyfile
import pytest
import torch
from tests.files.scenes import assert_same_scene, random_scene

from tomosplat.errors import FileFormatError, OutputError, ShapeError, UnitsError
from tomosplat.files.scene_ply import read_ply, write_ply
from tomosplat.gaussians import GaussianScene, approximate_3dgs, condition_on_direction, to_matrix


@pytest.mark.parametrize("n", [0, 1, 40])
def test_round_trip_is_exact(tmp_path: Path, n: int) -> None:
    scene = random_scene(n)
    write_ply(tmp_path / "scene.ply", scene)
    assert_same_scene(read_ply(tmp_path / "scene.ply"), scene)


@pytest.mark.parametrize("absent", [("values",), ("illumination",), ("values", "illumination")])
def test_what_is_not_known_stays_unknown(tmp_path: Path, absent: tuple[str, ...]) -> None:
    scene = replace(random_scene(), shading={}, **dict.fromkeys(absent))
    write_ply(tmp_path / "scene.ply", scene)
    back = read_ply(tmp_path / "scene.ply")
    assert back.tensors().keys() == scene.tensors().keys()
    assert back.shading == {}


def test_files_from_before_scenes_could_be_recoloured_are_read(tmp_path: Path) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, replace(random_scene(), values=None, illumination=None, shading={}))
    spoil(path, b'"shading": {}, ', b"")
    back = read_ply(path)
    assert back.shading == {}
    assert back.values is None


def test_gsply_reads_the_ordinary_gaussians(tmp_path: Path) -> None:
    scene = random_scene()
    write_ply(tmp_path / "scene.ply", scene)
    found = gsply.plyread(str(tmp_path / "scene.ply"))
    ordinary = approximate_3dgs(scene)
    np.testing.assert_allclose(found.means, ordinary.means, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(np.exp(found.scales), ordinary.scales, rtol=1e-5)
    np.testing.assert_allclose(found.quats, ordinary.quats, atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.opacities)), ordinary.opacities, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.sh0, scene.sh[:, 0])


def test_plyfile_reads_every_property(tmp_path: Path) -> None:
    scene = random_scene()
    write_ply(tmp_path / "scene.ply", scene)
    (vertex,) = plyfile.PlyData.read(tmp_path / "scene.ply").elements
    assert vertex.name == "vertex"
    assert {kind for _, kind in vertex.data.dtype.descr} == {"<f4"}
    np.testing.assert_array_equal(vertex["label"], scene.labels.numpy())
    np.testing.assert_array_equal(vertex["sixd_cov_yz"], scene.covs[:, 4])
    # Channel by channel: red's three harmonics come first.
    np.testing.assert_array_equal(vertex["f_rest_1"], scene.sh[:, 2, 0])
    np.testing.assert_array_equal(vertex["f_rest_3"], scene.sh[:, 1, 1])
    organs = [comment for comment in plyfile.PlyData.read(tmp_path / "scene.ply").comments if comment[:5] == "organ"]
    assert organs == [
        'organ {"id": 51, "name": "heart", "group": "cardiovascular"}',
        'organ {"id": 92, "name": "rib_left_1", "group": "skeleton"}',
    ]


def ordinary_ply(path: Path, scene: GaussianScene) -> Path:
    """What another 3DGS program would save: the standard properties alone."""
    write_ply(path, scene)
    (vertex,) = plyfile.PlyData.read(path).elements
    extra = ("sixd_", "label", "value", "light_")
    keep = [name for name in vertex.data.dtype.names if not name.startswith(extra)]
    data = np.rec.fromarrays([vertex[name] for name in keep], dtype=[(name, "<f4") for name in keep])
    plyfile.PlyData([plyfile.PlyElement.describe(data, "vertex")]).write(path)
    return path


def test_ordinary_3dgs_file_becomes_a_scene_without_view_dependence(tmp_path: Path) -> None:
    scene = random_scene()
    ordinary = approximate_3dgs(scene)
    back = read_ply(ordinary_ply(tmp_path / "plain.ply", scene))
    torch.testing.assert_close(back.means, ordinary.means)
    torch.testing.assert_close(back.opacities, ordinary.opacities, rtol=1e-4, atol=2e-6)
    assert torch.equal(back.sh, scene.sh)
    variances = torch.linalg.eigvalsh(to_matrix(back.covs))
    torch.testing.assert_close(variances.sqrt(), ordinary.scales.sort(dim=1).values, rtol=1e-4, atol=1e-5)
    _, seen = condition_on_direction(
        back.means, back.means_dir, back.gains, back.precisions_dir, back.opacities, torch.zeros(3), 0.35
    )
    assert torch.equal(seen, back.opacities)


def spoil(path: Path, found: bytes, put: bytes) -> None:
    data = path.read_bytes()
    assert data.count(found) >= 1
    path.write_bytes(data.replace(found, put, 1))


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        (b"binary_little_endian", b"binary_big_endian", "binary_little_endian"),
        (b"binary_little_endian", b"ascii", "binary_little_endian"),
        (b"element vertex 40", b"element vertex 41", "41 vertices"),
        (b"element vertex 40", b"element vertex 99999999999999", "99999999999999 vertices"),
        (b"element vertex 40", b"element vertex -1", "header line"),
        (b"element vertex 40", b"element face 40", "header line"),
        (b"property float label", b"property uchar label", "property uchar label"),
        (b"property float nx", b"property float x", "distinct"),
        (b"property float scale_1", b"property float scale_9", None),
        (b"property float sixd_mean_x", b"property float other", "sixd_mean_x"),
        (b"property float f_rest_8", b"property float other", "8 f_rest"),
        (b"property float light_g", b"property float other", "light_g"),
        (b"comment tomosplat {", b"comment tomosplat [", "description"),
        (b"comment tomosplat {", b"comment other {", "found 0"),
        (b'"shading": {', b'"shading": 3, "x": {', "shading int"),
        (b'"version": 1', b'"version": 9', "version 9"),
        (b"end_header\n", b"end_headed\n", "end_header"),
        (b"ply\n", b"PK\x03\x04", "not a .ply"),
    ],
)
def test_damaged_headers_are_refused(tmp_path: Path, found: bytes, put: bytes, message: str | None) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_scene())
    spoil(path, found, put)
    if message is None:  # not needed for the 6D scene
        assert len(read_ply(path)) == 40
    else:
        with pytest.raises(FileFormatError, match=message):
            read_ply(path)


@pytest.mark.parametrize("n_bytes", [0, 3, 500, -1])
def test_truncated_files_are_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_scene())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(FileFormatError):
        read_ply(path)


@pytest.mark.parametrize(("column", "value"), [("x", np.nan), ("sixd_opacity", 1.5), ("label", 0.5), ("label", 300)])
def test_impossible_values_are_refused(tmp_path: Path, column: str, value: float) -> None:
    path = tmp_path / "scene.ply"
    write_ply(path, random_scene())
    data = plyfile.PlyData.read(path, mmap=False)
    data["vertex"].data[column][7] = value
    data.write(path)
    with pytest.raises(FileFormatError):
        read_ply(path)


def test_missing_file_and_foreign_ply_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="No such file"):
        read_ply(tmp_path / "absent.ply")
    points = np.zeros(3, dtype=[("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
    plyfile.PlyData([plyfile.PlyElement.describe(points, "vertex")]).write(tmp_path / "points.ply")
    with pytest.raises(FileFormatError, match="scale_0"):
        read_ply(tmp_path / "points.ply")


def test_unwritable_scenes_are_refused_and_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "scene.ply"
    scene = random_scene()
    write_ply(path, scene)
    before = path.read_bytes()
    with pytest.raises(ShapeError, match="float32"):
        write_ply(path, scene.to(torch.float64))
    with pytest.raises(UnitsError, match="1 of 40"):
        write_ply(path, replace(scene, means=scene.means.index_fill(0, torch.tensor([3]), torch.nan)))
    with pytest.raises(OutputError):
        write_ply(tmp_path / "no_folder" / "scene.ply", scene)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
