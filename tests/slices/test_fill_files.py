"""``slices fill``, grids that are asked for, and fits of slices that open like scans."""

import numpy as np
import pytest
from tests.files.scan_writer import write_scan
from tests.slices.moving import body, labels_of
from tests.slices.test_reading import write_sweep

from tomosplat.cli import main
from tomosplat.errors import EmptySceneError, InputError
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.geometry import Grid, SlicePlane
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.pipeline.scan import is_slice_fit, prepare_scan
from tomosplat.report import Report
from tomosplat.slices.compounding import compound
from tomosplat.slices.fusion import matched
from tomosplat.slices.grids import cubes_around, grid_planes
from tomosplat.slices.stack import SliceStack, TrackedFrames

AFFINE = np.diag([-1.2, 1.1, 4.0, 1.0])


@pytest.fixture(scope="module")
def thick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("thick")
    values = body()[::3].transpose(2, 1, 0)
    return (
        write_scan(folder / "scan.nii.gz", (1000 * values).astype(np.int16), AFFINE),
        write_scan(folder / "labels.nii.gz", labels_of(values), AFFINE),
    )


def fill(*words):
    return main(["slices", "fill", *map(str, words)])


def test_filled_gaps_keep_the_given_slices_and_carry_labels(thick, tmp_path):
    fine, labels = tmp_path / "fine.nii.gz", tmp_path / "l.nii.gz"
    words = ("-s", thick[0], "--labels", thick[1], "-o", fine, "--label-output", labels, "--quality", "draft")
    assert fill(*words, "--interp", 2) == 0
    coarse, found = read_volume(thick[0]), read_volume(fine)
    assert found.values.shape == (34, 30, 9)
    at = np.round(coarse.grid.to_index(found.grid.to_world([[3, 4, 6], [30, 20, 2]]))).astype(int)
    for there, here in zip(at, ([3, 4, 6], [30, 20, 2]), strict=True):
        assert found.values[tuple(here)] == pytest.approx(coarse.values[tuple(there)], abs=0.5)
    assert set(np.unique(read_labels(labels, found.grid).values)) == {0, 1, 7}


def test_a_volume_is_written_on_cubes_or_on_another_volumes_voxels(thick, tmp_path):
    words = ("-s", thick[0], "--quality", "draft", "-o", tmp_path / "v.nii.gz")
    assert fill(*words, "--voxel", 1.0) == 0
    cubes = read_volume(tmp_path / "v.nii.gz")
    np.testing.assert_allclose(cubes.grid.spacing, 1)
    assert cubes.grid.orientation == "RAS"
    fine = write_scan(tmp_path / "fine.nii.gz", np.zeros((34, 30, 9), np.int16), AFFINE @ np.diag([1, 1, 0.5, 1]))
    assert fill(*words, "--interp", 2, "--like", fine) == 0
    found = read_volume(tmp_path / "v.nii.gz")
    assert found.grid.matches(read_volume(fine).grid)
    np.testing.assert_allclose(found.values[..., ::2], read_volume(thick[0]).values, atol=0.5)


def test_stacks_become_one_volume_as_the_first_shows_it(thick, tmp_path):
    values = read_volume(thick[0]).values
    other = write_scan(tmp_path / "other.nii.gz", (0.5 * values).astype(np.int16), AFFINE)
    words = ("--quality", "draft", "-o", tmp_path / "v.nii.gz", "--interp", 1)
    assert fill("-s", thick[0], other, *words) == 0
    found = read_volume(tmp_path / "v.nii.gz")
    assert found.grid.orientation == "RAS"
    np.testing.assert_allclose(found.values[::-1], values, atol=2)


def test_stacks_are_made_as_bright_as_the_first():
    values = np.repeat(np.repeat(500 * body(), 3, axis=1), 3, axis=2)
    one = SliceStack(values, np.eye(4), np.arange(13.0))
    dark = values * (0.3 + 0.007 * np.arange(values.shape[2], dtype=np.float32))
    same = matched([one, SliceStack(dark, np.eye(4), np.arange(13.0))])[1]
    seen = values > 100
    scaled = dark * (values[seen].mean() / dark[seen].mean())
    assert np.abs(same.values - values)[seen].mean() < 0.5 * np.abs(scaled - values)[seen].mean()


def test_a_sweep_is_compounded_where_its_frames_are(tmp_path):
    rows, columns = np.mgrid[0:40, 0:50]
    frames = (2 * columns[None] + 20 + 3 * np.arange(8)[:, None, None] + 0 * rows[None]).astype(np.float32)
    poses = [np.eye(4) for _ in frames]
    for n, pose in enumerate(poses):
        pose[2, 3] = 1.5 * n
    planes = np.stack([pose @ np.diag([0.5, 0.5, 1, 1]) for pose in poses])
    grid = Grid.axis_aligned((24, 20, 14), 1.0, (0, 0, 0))
    values, known = compound(TrackedFrames(frames, planes), grid)
    assert known[:, :, :11].all()
    assert not known[:, :, 12:].any()  # nothing beyond the last frame and half a gap
    x, z = np.mgrid[0:24, 0:14][:, 2:22, 1:10]
    np.testing.assert_allclose(values[2:22, 10, 1:10], 2 * 2 * x + 20 + 3 * z / 1.5, atol=2.1)
    with pytest.raises(EmptySceneError, match="frame of reference"):
        compound(TrackedFrames(frames, planes), Grid.axis_aligned((4, 4, 4), 1.0, (500, 0, 0)))
    sweep = write_sweep(tmp_path / "s.mha", frames.astype(np.uint8), poses, np.eye(4))
    calibration = np.diag([0.5, 0.5, 1, 1]).ravel()
    words = ("-s", sweep, "--image-to-probe", *calibration, "-o", tmp_path / "v.nii.gz")
    assert fill(*words) == 2  # on which grid?
    assert fill(*words, "--voxel", 0.5) == 0
    assert read_volume(tmp_path / "v.nii.gz").values.max() == pytest.approx(139, abs=3)
    model = ["-m", str(tmp_path / "model")]
    assert main(["slices", "fit", *map(str, words[:19]), *model, "--iterations", "20", "--pitch", "4"]) == 0
    render = ["slices", "render", *model, "--volume", str(tmp_path / "g.nii.gz")]
    assert main([*render, "--voxel", "0.5"]) == 0
    shown = read_volume(tmp_path / "g.nii.gz").values[10:40, 10:30, 5:15]
    assert np.abs(shown - read_volume(tmp_path / "v.nii.gz").values[10:40, 10:30, 5:15]).mean() < 8


def test_grids_hold_all_pixels_and_their_planes_are_their_voxels():
    turned = np.array([[0.6, -0.8, 0, 5], [0.8, 0.6, 0, -7], [0, 0, 1, 2], [0, 0, 0, 1.0]])
    plane = SlicePlane(turned, 40, 60)
    deep = turned.copy()
    deep[2, 3] += 30
    grid = cubes_around([plane, SlicePlane(deep, 40, 60)], 1.5)
    index = grid.to_index(plane.pixel_centers().reshape(-1, 3))
    assert (index > -0.51).all()
    assert (index < np.array(grid.shape) - 0.49).all()
    third = list(grid_planes(grid))[3].pixel_centers()
    np.testing.assert_allclose(third[5, 7], grid.to_world([7, 5, 3]))


def test_a_fit_of_slices_opens_like_a_scan(thick, tmp_path):
    model = tmp_path / "model"
    fit = ["slices", "fit", "-s", str(thick[0]), "--labels", str(thick[1]), "-m", str(model)]
    assert main([*fit, "--quality", "draft", "--iterations", "30"]) == 0
    assert is_slice_fit(model)
    assert not is_slice_fit(thick[0])
    scan = prepare_scan(model, ReadingOptions(spacing=1.0), Report())
    assert scan.volume.grid.matches(scan.labels.grid)
    assert {1, 7} <= set(scan.labels.ids)
    given = read_volume(thick[0])
    values, middle = given.values, given.grid.center
    here = tuple(np.round(scan.volume.grid.to_index(middle)).astype(int))
    assert scan.volume.values[here] == pytest.approx(values[values.shape[0] // 2, values.shape[1] // 2, 2], abs=120)
    with pytest.raises(InputError, match="--rescale"):
        prepare_scan(model, ReadingOptions(rescale=(1.0, 0.0)), Report())
    words = ["slices", "render", "-m", str(model), "--volume", str(tmp_path / "v.nii.gz"), "--voxel", "1"]
    assert main(words) == 0
    np.testing.assert_allclose(read_volume(tmp_path / "v.nii.gz").values, scan.volume.values, atol=0.5)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--voxel", "1", "--like", "x.nii.gz"), "--voxel and --like"),
        (("--interp", "0"), "--interp"),
        (("--label-output", "l.nii.gz"), "--labels"),
        (("--voxel", "-1"), "spacing_mm"),
    ],
)
def test_what_contradicts_itself_is_refused(thick, tmp_path, capsys, words, says):
    assert fill("-s", thick[0], "-o", tmp_path / "v.nii.gz", *words) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "v.nii.gz").exists()
