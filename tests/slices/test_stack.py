"""Stacks keep every voxel at its place in the body, and refuse what cannot be a stack."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.scan_writer import oblique

from tomosplat.errors import (
    ConstantSlicesError,
    GeometryError,
    LabelError,
    ShapeError,
    SliceSpacingError,
    TomosplatError,
    UnitsError,
)
from tomosplat.geometry import Grid
from tomosplat.slices import SliceStack, TrackedFrames
from tomosplat.slices.stack import slice_axis
from tomosplat.volume import LabelMap, Volume

RNG = np.random.default_rng(0)
VALUES = RNG.random((5, 6, 7)).astype(np.float32)


@given(seed=st.integers(0, 1000), axis=st.integers(0, 2), where=st.tuples(*[st.floats(0, 1)] * 3))
def test_a_stack_of_any_axis_shows_each_voxel_at_its_place(seed, axis, where):
    grid = Grid(VALUES.shape, oblique(seed))
    labels = LabelMap((VALUES > 0.5).astype(np.uint8), grid)
    stack = SliceStack.from_volume(Volume(VALUES, grid), axis, labels)
    index = (np.array(where) * (np.array(VALUES.shape) - 1)).round().astype(int)
    point = grid.to_world(index)
    n = index[axis]
    inverse = np.linalg.inv(stack.planes[n])
    u, v, off = np.rint(inverse[:3] @ [*point, 1]).astype(int)
    np.testing.assert_allclose(stack.planes[n] @ [u, v, 0, 1], [*point, 1], atol=1e-9)
    assert off == 0
    assert stack.values[n, v, u] == VALUES[tuple(index)]
    assert stack.labels[n, v, u] == labels.values[tuple(index)]


@given(seed=st.integers(0, 1000), axis=st.integers(0, 2))
def test_a_stack_turned_back_into_a_volume_has_every_voxel_where_it_was(seed, axis):
    grid = Grid(VALUES.shape, oblique(seed))
    stack = SliceStack.from_volume(Volume(VALUES, grid), axis)
    volume = stack.volume(stack.values, stack.positions, "unchanged")
    points = grid.to_world(np.stack(np.meshgrid(*[np.arange(n) for n in VALUES.shape], indexing="ij"), axis=-1))
    index = np.rint(volume.grid.to_index(points)).astype(int)
    np.testing.assert_array_equal(volume.values[tuple(np.moveaxis(index, -1, 0))], VALUES)
    assert volume.history == ("unchanged",)


def test_the_thick_axis_is_found_and_directions_of_the_body_are_known():
    grid = Grid.axis_aligned((5, 6, 7), (1, 3, 1))
    assert slice_axis(grid, "thick") == 1
    assert [slice_axis(grid, axis) for axis in ("sagittal", "coronal", "axial")] == [0, 1, 2]
    with pytest.raises(SliceSpacingError, match="--axis"):
        slice_axis(Grid.axis_aligned((5, 6, 7), 1.0), "thick")


def test_places_between_slices_follow_the_gaps():
    stack = SliceStack(VALUES, np.eye(4), np.array([0.0, 1, 2, 4, 5]))
    np.testing.assert_allclose(stack.between(2), [0, 0.5, 1, 1.5, 2, 3, 4, 4.5, 5])
    with pytest.raises(SliceSpacingError, match="evenly"):
        stack.grid(stack.positions)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"values": VALUES[:1], "positions": [0.0]}, SliceSpacingError, "1 slice only"),
        ({"values": np.ones((3, 4, 4), np.float32), "positions": [0.0, 1, 2]}, ConstantSlicesError, "one value"),
        ({"positions": [0.0, 1, 1, 2, 3]}, SliceSpacingError, "increase"),
        ({"positions": [0.0, 1]}, ShapeError, "as many positions"),
        ({"values": np.where(VALUES > 0.9, np.nan, VALUES)}, UnitsError, "NaN"),
        ({"labels": np.zeros((5, 6, 7), np.uint8)}, LabelError, "empty"),
        ({"labels": np.ones((4, 6, 7), np.uint8)}, ShapeError, "labels must be"),
        ({"affine": np.zeros((4, 4))}, GeometryError, "affine"),
    ],
)
def test_what_is_no_stack_is_refused_by_name(change, error, says):
    arguments = {"values": VALUES, "affine": np.eye(4), "positions": np.arange(5.0), **change}
    with pytest.raises(error, match=says):
        SliceStack(**arguments)


def test_tracked_frames_need_a_pose_each():
    planes = np.repeat(np.eye(4)[None], 5, axis=0)
    assert len(TrackedFrames(VALUES, planes)) == 5
    planes[3, :3, :3] = 0
    with pytest.raises(GeometryError, match="frame 3"):
        TrackedFrames(VALUES, planes)
    with pytest.raises(ShapeError, match="poses"):
        TrackedFrames(VALUES, planes[:4])
    with pytest.raises(SliceSpacingError, match="1 frame only"):
        TrackedFrames(VALUES[:1], planes[:1])


def test_labels_of_another_grid_are_refused():
    volume = Volume(VALUES, Grid.axis_aligned(VALUES.shape, (1, 1, 3)))
    labels = LabelMap(np.ones(VALUES.shape, np.uint8), Grid.axis_aligned(VALUES.shape, (1, 1, 4)))
    with pytest.raises(TomosplatError, match="another grid"):
        SliceStack.from_volume(volume, "thick", labels)
