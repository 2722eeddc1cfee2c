import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.scan_writer import FORMATS, oblique, write_scan

from tomosplat.errors import FileFormatError, LabelError
from tomosplat.files.scans import read_grid, read_labels
from tomosplat.geometry import Grid

IDS = np.random.default_rng(0).integers(0, 118, (5, 6, 7)).astype(np.uint8)
SCAN = Grid((5, 6, 7), oblique())
ORIENTATIONS = [
    [[axis, sign] for axis, sign in zip(axes, signs, strict=True)]
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_ids(tmp_path, suffix, dtype):
    labels = read_labels(write_scan(tmp_path / f"seg{suffix}", IDS.astype(dtype), oblique()), SCAN)
    np.testing.assert_array_equal(labels.values, IDS)
    assert labels.values.dtype == np.uint8
    assert labels.grid is SCAN
    assert labels.history == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids: ids + np.float32(0.25), r"hold fractions \(.*use nearest"),
        (lambda ids: ids.astype(np.int16) + 200, "values from 200 to 3"),
        (lambda ids: ids.astype(np.int16) - 1, "values from -1 to"),
        (lambda ids: np.where(ids == 3, np.float32(np.nan), ids), "values from nan"),
    ],
)
def test_what_is_no_label_id_is_refused(tmp_path, change, message):
    path = write_scan(tmp_path / "seg.nii.gz", change(IDS), oblique())
    with pytest.raises(LabelError, match=message):
        read_labels(path)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_all_48_orientations_come_back_to_the_scans(tmp_path, orientation):
    turned = nib.Nifti1Image(IDS, oblique()).as_reoriented(orientation)
    nib.save(turned, tmp_path / "seg.nii.gz")
    stored = read_grid(tmp_path / "seg.nii.gz")
    assert stored.orientation == "".join(nib.aff2axcodes(turned.affine))
    labels = read_labels(tmp_path / "seg.nii.gz", SCAN)
    np.testing.assert_array_equal(labels.values, IDS)
    assert labels.grid is SCAN
    identity = orientation == [[0, 1], [1, 1], [2, 1]]
    assert labels.history == (() if identity else (f"label axes reordered from {stored.orientation} to {SCAN.orientation}, the scan's",))  # fmt: skip  # noqa: E501


@given(seed=st.integers(0, 10_000), axis=st.integers(0, 2), shift=st.sampled_from([-1, 1]))
def test_labels_one_voxel_off_are_refused_with_both_grids(tmp_path_factory, seed, axis, shift):
    folder = tmp_path_factory.mktemp("seg")
    affine = oblique(seed)
    affine[:3, 3] += shift * affine[:3, axis]
    path = write_scan(folder / "seg.nii.gz", IDS, affine)
    scan = Grid((5, 6, 7), oblique(seed))
    with pytest.raises(LabelError, match=r"are on another grid than the scan: 5x6x7 voxels of .* not 5x6x7 voxels"):
        read_labels(path, scan)


@pytest.mark.parametrize("scale", [1.1, 2.0])
def test_labels_of_another_spacing_are_refused(tmp_path, scale):
    affine = oblique()
    affine[:3, 1] *= scale
    with pytest.raises(LabelError, match="another grid"):
        read_labels(write_scan(tmp_path / "seg.nii.gz", IDS, affine), SCAN)


def test_labels_of_another_shape_are_refused(tmp_path):
    with pytest.raises(LabelError, match="another grid"):
        read_labels(write_scan(tmp_path / "seg.nii.gz", IDS[:4], oblique()), SCAN)


def test_a_truncated_label_file_is_refused(tmp_path):
    path = write_scan(tmp_path / "seg.nii.gz", IDS, oblique())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FileFormatError):
        read_labels(path, SCAN)
