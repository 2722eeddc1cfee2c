"""Surfaces: closed, outside out, in the body's millimetres, and of the volume that they should have."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.scan_writer import oblique

from tomosplat.errors import ConstantSlicesError, EmptySceneError, InputError
from tomosplat.files.meshes import write_mesh
from tomosplat.geometry import Grid
from tomosplat.slices.surface import Mesh, dice, distances, level_surface, otsu_level, smoothed


def ball(radius: float, affine: np.ndarray, shape=(40, 40, 24)) -> tuple[np.ndarray, Grid]:
    """Signed distance in mm to a sphere about the middle of the grid, brighter inside."""
    grid = Grid(shape, affine)
    points = grid.to_world(np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1))
    return (radius - np.linalg.norm(points - grid.center, axis=-1)).astype(np.float32), grid


@given(seed=st.integers(0, 100), flipped=st.booleans())
def test_a_sphere_has_its_volume_surface_and_place_on_any_oblique_grid(seed, flipped):
    affine = oblique(seed)
    affine[:3, 2] *= 0.4
    if flipped:
        affine[:3, 0] *= -1
    values, grid = ball(8.0, affine)
    mesh = level_surface(values, grid, 0.0)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.01)
    assert mesh.area == pytest.approx(4 * np.pi * 8**2, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices - grid.center, axis=1), 8, atol=0.05)
    outwards = (mesh.normals * (mesh.vertices - grid.center)).sum(axis=1)
    assert outwards.min() > 7


def test_what_reaches_the_ends_of_the_grid_is_closed_there():
    mask = np.ones((4, 5, 6), np.float32)
    mask[0, 0, 0] = 0
    mesh = level_surface(mask, Grid.axis_aligned((4, 5, 6), 2.0), 0.5)
    assert mesh.is_watertight
    np.testing.assert_allclose([mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)], [[-1, -1, -1], [7, 9, 11]])
    assert mesh.volume == pytest.approx(8 * 119, rel=0.06)  # edges are bevelled


def test_smoothing_takes_the_steps_of_voxels_and_keeps_the_volume():
    values, grid = ball(9.0, np.diag([1.0, 1.0, 1.0, 1.0]), (26, 26, 26))
    steps = level_surface((values > 0).astype(np.float32), grid, 0.5)
    smooth = smoothed(steps, 20)
    assert smooth.is_watertight
    assert smooth.volume == pytest.approx(steps.volume, rel=1e-3)
    off = [np.std(np.linalg.norm(m.vertices - grid.center, axis=1)) for m in (steps, smooth)]
    assert off[1] < 0.6 * off[0]
    assert smooth.area < steps.area
    assert smoothed(steps, 0) is steps
    with pytest.raises(InputError, match="at least 0"):
        smoothed(steps, -1)


def test_distances_between_spheres_are_the_difference_of_their_radii():
    values, grid = ball(8.0, np.diag([0.5, 0.5, 0.5, 1.0]), (50, 50, 50))
    found = distances(level_surface(values, grid, 0.0), level_surface(values, grid, 2.0))
    assert found.assd == pytest.approx(2.0, abs=0.05)
    assert found.hd95 == pytest.approx(2.0, abs=0.1)


def test_dice_of_masks():
    a, b = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    assert dice(a, b) == 0.5
    assert dice(a, a) == dice(~a & a, ~a & a) == 1


def test_a_level_that_voxels_have_themselves_leaves_no_pinholes():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (14, 14, 14)).astype(np.float32)
    assert level_surface(values, Grid.axis_aligned((14, 14, 14), 1.0), 2.0).is_watertight


def test_levels_without_a_surface_are_refused():
    grid = Grid.axis_aligned((3, 3, 3), 1.0)
    with pytest.raises(EmptySceneError, match="values run from 0 to 0"):
        level_surface(np.zeros((3, 3, 3), np.float32), grid, 0.5)
    with pytest.raises(ConstantSlicesError, match="no surface"):
        otsu_level(np.ones((3, 3, 3), np.float32))


def tetrahedron() -> Mesh:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float) * 10
    return Mesh(vertices, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))


def test_a_tetrahedron_by_hand():
    mesh = tetrahedron()
    assert mesh.volume == pytest.approx(1000 / 6)
    assert mesh.area == pytest.approx(150 + np.sqrt(3) / 2 * 100)
    assert mesh.is_watertight
    assert not Mesh(mesh.vertices, mesh.faces[1:]).is_watertight


def test_every_format_holds_the_mesh(tmp_path):
    plyfile = pytest.importorskip("plyfile")
    mesh = tetrahedron()
    for suffix in (".ply", ".stl", ".obj", ".glb"):
        write_mesh(tmp_path / f"mesh{suffix}", mesh.vertices, mesh.faces, mesh.normals)
    ply = plyfile.PlyData.read(str(tmp_path / "mesh.ply"))
    np.testing.assert_allclose(np.stack([ply["vertex"][c] for c in "xyz"], axis=1), mesh.vertices)
    np.testing.assert_array_equal(np.stack(list(ply["face"]["vertex_indices"])), mesh.faces)
    stl = (tmp_path / "mesh.stl").read_bytes()
    assert struct.unpack("<I", stl[80:84]) == (4,)
    corners = np.frombuffer(stl[84:], dtype=[("n", "<f4", 3), ("c", "<f4", (3, 3)), ("a", "<u2")])["c"]
    np.testing.assert_allclose(corners, mesh.vertices[mesh.faces])
    lines = (tmp_path / "mesh.obj").read_text().splitlines()
    assert next(line for line in lines if line.startswith("f ")) == "f 1//1 3//3 2//2"
    glb = (tmp_path / "mesh.glb").read_bytes()
    length = struct.unpack("<I", glb[12:16])[0]
    scene = json.loads(glb[20 : 20 + length])
    assert len(glb) == struct.unpack("<I", glb[8:12])[0]
    assert scene["accessors"][0]["max"] == [10, 10, 10]
    start = 28 + length
    np.testing.assert_allclose(np.frombuffer(glb[start : start + 48], "<f4").reshape(4, 3), mesh.vertices)
    with pytest.raises(InputError, match=r"\.ply"):
        write_mesh(tmp_path / "mesh.vtk", mesh.vertices, mesh.faces, mesh.normals)
