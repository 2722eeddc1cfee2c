"""Stacks and frames from files: what is missing is asked for, what does not fit together is refused."""

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from tests.files.dicom_writer import write_series
from tests.files.scan_writer import write_scan

from tomosplat.errors import FileFormatError, GeometryError, InputError, LabelError, ShapeError, SliceSpacingError
from tomosplat.slices.reading import read_frames, read_slice_labels, read_stack, read_stacks

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (4, 6, 8)).astype(np.uint8)
FRAMES[0, 0, :2] = 0, 255
MASKS = np.where(FRAMES > 128, 255, 0).astype(np.uint8)


def write_frames(folder, frames, first=0, names="{:04d}.png"):
    folder.mkdir(parents=True)
    for n, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / names.format(n))
    return folder


def test_png_frames_become_a_stack_once_their_spacing_is_given(tmp_path):
    write_frames(tmp_path / "case" / "original", FRAMES)
    masks = write_frames(tmp_path / "masks", MASKS)
    stack = read_stack(tmp_path / "case", spacing=(0.5, 0.6, 3.0), labels=masks)
    np.testing.assert_array_equal(stack.values, FRAMES)
    np.testing.assert_array_equal(stack.labels, MASKS > 0)
    np.testing.assert_allclose(stack.spacing, [0.5, 0.6, 3.0])
    with pytest.raises(SliceSpacingError, match="--spacing"):
        read_stack(tmp_path / "case")
    with pytest.raises(SliceSpacingError, match="positive"):
        read_stack(tmp_path / "case", spacing=(0.5, 0.0, 3.0))


def test_gaps_and_doubles_in_the_numbering_are_refused(tmp_path):
    folder = write_frames(tmp_path / "a", FRAMES)
    (folder / "0002.png").unlink()
    with pytest.raises(SliceSpacingError, match="jump from number 1 to 3"):
        read_stack(folder, spacing=(1, 1, 1))
    Image.fromarray(FRAMES[0]).save(folder / "x1.png")
    with pytest.raises(SliceSpacingError, match="two frames"):
        read_stack(folder, spacing=(1, 1, 1))
    Image.fromarray(FRAMES[0]).save(folder / "cover.png")
    with pytest.raises(SliceSpacingError, match="no number"):
        read_stack(folder, spacing=(1, 1, 1))


def test_frames_are_ordered_by_number_not_by_name(tmp_path):
    frames = np.stack([np.full((3, 3), n, np.uint8) for n in range(12)])
    frames[:, 0, 0] = 99
    stack = read_stack(write_frames(tmp_path / "b", frames, names="frame{}.png"), spacing=(1, 1, 1))
    np.testing.assert_array_equal(stack.values[:, 1, 1], np.arange(12))


@pytest.mark.parametrize(
    ("masks", "first", "error", "says"),
    [
        (MASKS[:3], 0, ShapeError, "4 frames and .* 3 masks"),
        (MASKS, 1, InputError, "numbered differently"),
        (MASKS[:, :5], 0, ShapeError, "pixels and masks"),
        (MASKS * 0, 0, LabelError, "empty"),
        (np.where(FRAMES > 250, 255, FRAMES), 0, LabelError, "grey edges"),
    ],
)
def test_masks_that_do_not_fit_are_refused_by_name(tmp_path, masks, first, error, says):
    write_frames(tmp_path / "images", FRAMES)
    write_frames(tmp_path / "masks", masks, first)
    with pytest.raises(error, match=says):
        read_stack(tmp_path / "images", spacing=(1, 1, 1), labels=tmp_path / "masks")


def test_grey_masks_are_read_once_it_is_said_from_where_on_they_count(tmp_path):
    write_frames(tmp_path / "images", FRAMES)
    write_frames(tmp_path / "masks", FRAMES)
    stack = read_stack(tmp_path / "images", spacing=(1, 1, 1), labels=tmp_path / "masks", label_threshold=127.5)
    np.testing.assert_array_equal(stack.labels, FRAMES > 127.5)


def test_frames_of_two_sizes_or_in_colour_are_refused(tmp_path):
    folder = write_frames(tmp_path / "a", FRAMES)
    Image.fromarray(FRAMES[0][:4]).save(folder / "0004.png")
    with pytest.raises(ShapeError, match="differ in size"):
        read_stack(folder, spacing=(1, 1, 1))
    colours = np.zeros((6, 8, 3), np.uint8)
    colours[0, 0] = 1, 2, 3
    Image.fromarray(colours).save(folder / "0004.png")
    with pytest.raises(FileFormatError, match="colours"):
        read_stack(folder, spacing=(1, 1, 1))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_volumes_are_cut_along_their_thick_axis(tmp_path, suffix):
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    path = write_scan(tmp_path / f"scan{suffix}", FRAMES.transpose(2, 1, 0).astype(np.int16), affine)
    stack = read_stack(path)
    np.testing.assert_array_equal(stack.values, FRAMES)
    np.testing.assert_allclose(stack.spacing, [1, 1, 4], atol=1e-5)
    with pytest.raises(InputError, match="states its own spacing"):
        read_stack(path, spacing=(1, 1, 1))


def test_probabilities_need_a_threshold_and_empty_labels_are_refused(tmp_path):
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    shares = write_scan(tmp_path / "share.nii.gz", RNG.random((8, 6, 4)).astype(np.float32), affine)
    grid = read_stack(shares).volume(np.zeros((4, 6, 8), np.float32), np.arange(4.0), "").grid
    with pytest.raises(LabelError, match=r"fractions|whole"):
        read_slice_labels(shares, grid)
    assert read_slice_labels(shares, grid, 0.5).ids == [1]
    with pytest.raises(LabelError, match="empty"):
        read_slice_labels(shares, grid, 2.0)


def test_stacks_of_two_places_are_not_one_patient(tmp_path):
    near, far = np.diag([1.0, 1.0, 4.0, 1.0]), np.diag([1.0, 1.0, 4.0, 1.0])
    far[0, 3] = 100
    values = FRAMES.transpose(2, 1, 0).astype(np.int16)
    paths = [write_scan(tmp_path / f"{n}.nii.gz", values, affine) for n, affine in enumerate((near, near, far))]
    assert len(read_stacks(paths[:2])) == 2
    with pytest.raises(GeometryError, match="one frame of reference"):
        read_stacks(paths)


def write_sweep(path, frames, poses, reference=None, lost=()):
    image = sitk.GetImageFromArray(frames)
    for n, pose in enumerate(poses):
        image.SetMetaData(f"Seq_Frame{n:04d}_ProbeToTrackerTransform", " ".join(map(str, pose.ravel())))
        image.SetMetaData(f"Seq_Frame{n:04d}_ProbeToTrackerTransformStatus", "INVALID" if n in lost else "OK")
        if reference is not None:
            text = " ".join(map(str, reference.ravel()))
            image.SetMetaData(f"Seq_Frame{n:04d}_ReferenceToTrackerTransform", text)
    sitk.WriteImage(image, str(path))
    return path


def test_a_sweep_lies_where_tracker_and_calibration_put_it(tmp_path):
    poses = [np.eye(4) for _ in FRAMES]
    for n, pose in enumerate(poses):
        pose[2, 3] = 2.0 * n
    reference = np.eye(4)
    reference[0, 3] = 10
    calibration = np.diag([0.1, 0.2, 1.0, 1.0])
    path = write_sweep(tmp_path / "sweep.mha", FRAMES, poses, reference, lost=(2,))
    frames = read_frames(path, calibration)
    np.testing.assert_array_equal(frames.values, FRAMES[[0, 1, 3]])
    np.testing.assert_allclose(frames.planes[2] @ [3, 4, 0, 1], [0.3 - 10, 0.8, 6, 1])
    assert "1 frames were left out" in frames.history[0]
    with pytest.raises(SliceSpacingError, match="--image-to-probe"):
        read_frames(path, None)
    with pytest.raises(GeometryError, match="StylusToTracker"):
        read_frames(path, calibration, probe="Stylus")
    with pytest.raises(InputError, match="tracked frames"):
        read_stack(path)


def test_a_dicom_series_of_thick_slices_is_a_stack(tmp_path):
    affine = np.diag([1.0, 1.0, 6.0, 1.0])
    write_series(tmp_path / "series", FRAMES.transpose(2, 1, 0).astype(np.int16), affine, modality="MR", scaling=None)
    stack = read_stack(tmp_path / "series")
    assert sorted(stack.values.ravel()) == sorted(FRAMES.ravel())
    np.testing.assert_allclose(stack.spacing, [1, 1, 6], atol=1e-5)


def test_real_tracked_frames_move_with_the_probe(shared_data):
    path = shared_data / "us-spine-phantom-plus" / "SpinePhantomFreehand.igs.mha"
    frames = read_frames(path, np.diag([0.1, 0.1, 0.1, 1.0]))
    assert frames.values.shape == (21, 616, 820)
    steps = np.linalg.norm(np.diff(frames.planes[:, :3, 3], axis=0), axis=1)
    assert 0.2 < steps.mean() < 5
