"""All file formats together: where voxels are, what unit they have, and what is refused."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from tests.files.scan_writer import FORMATS, oblique, write_scan

from tomosplat.errors import FileFormatError, GeometryError, InputError, MemoryLimitError, ShapeError, UnitsError
from tomosplat.files.scans import describe, read_grid, read_volume

RNG = np.random.default_rng(0)
HU = RNG.integers(-1000, 2000, (5, 6, 7)).astype(np.int16)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_format_reads_the_same_voxels_at_the_same_places(tmp_path, suffix, compress, seed):
    path = write_scan(tmp_path / f"scan{suffix}", HU, oblique(seed), compress)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.values, HU)
    np.testing.assert_allclose(volume.grid.affine, oblique(seed), atol=1e-4)
    assert (volume.unit, volume.modality) == ("HU", "CT")


@given(seed=st.integers(0, 10_000), shear=st.floats(-0.3, 0.3))
def test_what_itk_writes_as_nifti_reads_like_its_own_formats_and_nibabel(tmp_path_factory, seed, shear):
    folder = tmp_path_factory.mktemp("scan")
    image = sitk.GetImageFromArray(HU.transpose().copy())
    affine = oblique(seed)
    image.SetSpacing([0.7, 0.8, 2.5])
    image.SetDirection((np.diag([-1, -1, 1]) @ affine[:3, :3] / [0.7, 0.8, 2.5]).ravel().tolist())
    for name in ("a.nii.gz", "b.nrrd", "c.mha"):
        sitk.WriteImage(image, str(folder / name))
    grids = [read_grid(folder / name) for name in ("a.nii.gz", "b.nrrd", "c.mha")]
    np.testing.assert_allclose(grids[0].affine, nib.load(folder / "a.nii.gz").affine, atol=1e-12)
    assert all(grid.matches(grids[0], 1e-3) for grid in grids)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_shear_survives_every_format(tmp_path, suffix):
    affine = oblique()
    affine[:3, 2] += 0.3 * affine[:3, 1]
    path = write_scan(tmp_path / f"scan{suffix}", HU, affine)
    np.testing.assert_allclose(read_grid(path).affine, affine, atol=1e-4)


@given(
    seed=st.integers(0, 10_000),
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(*[st.booleans()] * 3),
    start=st.tuples(*[st.integers(0, 2)] * 3),
)
def test_flips_crops_and_permutations_move_no_voxel(tmp_path_factory, seed, axes, flips, start):
    """nibabel turns and crops the file; every value stays at its place in the world."""
    folder = tmp_path_factory.mktemp("scan")
    values = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7) - 1000
    image = nib.Nifti1Image(values, oblique(seed))
    turned = image.as_reoriented([[axis, -1 if flip else 1] for axis, flip in zip(axes, flips, strict=True)])
    nib.save(turned.slicer[start[0] :, start[1] :, start[2] :], folder / "turned.nii.gz")
    volume = read_volume(folder / "turned.nii.gz")
    indices = np.argwhere(np.ones(volume.grid.shape, bool))
    originals = np.stack(np.unravel_index((volume.values.ravel() + 1000).astype(int), values.shape), axis=-1)
    np.testing.assert_allclose(
        volume.grid.to_world(indices), nib.affines.apply_affine(oblique(seed), originals), atol=1e-3
    )


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, suffix, compress, kept):
    values = RNG.integers(-1000, 1000, (20, 20, 20)).astype(np.int16)
    path = write_scan(tmp_path / f"scan{suffix}", values, oblique(), compress)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileFormatError, match=r"damaged, cut short, or the file with its voxels is missing"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_header_without_its_voxels_is_refused(tmp_path, suffix):
    path = write_scan(tmp_path / f"scan{suffix}", HU, oblique())
    for other in tmp_path.iterdir():
        if other != path:
            other.unlink()
    with pytest.raises(FileFormatError, match="is missing"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_vectors_and_time_series_are_refused_with_their_shape(tmp_path, suffix):
    vectors = sitk.GetImageFromArray(np.zeros((7, 6, 5, 3), np.float32), isVector=True)
    sitk.WriteImage(vectors, str(tmp_path / f"vectors{suffix}"))
    with pytest.raises((FileFormatError, ShapeError), match="3"):
        read_volume(tmp_path / f"vectors{suffix}")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 7, 6, 5)), False), str(tmp_path / f"series{suffix}"))
    with pytest.raises(ShapeError, match=r"\(5, 6, 7, 4\)"):
        read_volume(tmp_path / f"series{suffix}")


def test_a_nrrd_without_anatomical_space_is_refused(tmp_path):
    header = b"NRRD0005\ntype: short\ndimension: 3\nsizes: 5 6 7\nspacings: 1 1 2\nendian: little\nencoding: raw\n\n"
    (tmp_path / "scan.nrrd").write_bytes(header + HU.tobytes(order="F"))
    with pytest.raises(GeometryError, match="left and right cannot be told apart"):
        read_volume(tmp_path / "scan.nrrd")


@pytest.mark.parametrize("space", ["right-anterior-superior", "left-anterior-superior", "left-posterior-superior"])
def test_each_anatomical_space_of_nrrd_means_what_it_says(tmp_path, space):
    header = (
        f"NRRD0005\ntype: short\ndimension: 3\nspace: {space}\nsizes: 5 6 7\n"
        "space directions: (0.5,0,0) (0,0.75,0) (0,0,2)\nspace origin: (10,20,30)\nendian: little\nencoding: raw\n\n"
    )
    (tmp_path / "scan.nrrd").write_bytes(header.encode() + HU.tobytes(order="F"))
    signs = [-1 if word in ("left", "posterior") else 1 for word in space.split("-")]
    grid = read_grid(tmp_path / "scan.nrrd")
    np.testing.assert_allclose(grid.affine, np.diag([*signs, 1.0]) @ [[0.5, 0, 0, 10], [0, 0.75, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]])  # fmt: skip  # noqa: E501


def test_tracked_frames_are_noted(tmp_path):
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
        "Seq_Frame0000_ProbeToTrackerTransformStatus = OK\nDimSize = 5 6 7\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    (tmp_path / "scan.mha").write_bytes(header.encode() + HU.tobytes(order="F"))
    assert any("list of tracked frames" in line for line in read_volume(tmp_path / "scan.mha").history)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_nan_and_infinity_are_counted(tmp_path, suffix):
    values = HU.astype(np.float32)
    values[1, 2, 3], values[2, 2, 2] = np.nan, np.inf
    with pytest.raises(UnitsError, match="2 of 210 voxels are NaN or infinite"):
        read_volume(write_scan(tmp_path / f"scan{suffix}", values, oblique()))


class TestUnit:
    def scan(self, tmp_path, values):
        return write_scan(tmp_path / "scan.nii.gz", values, oblique())

    def test_air_below_minus_500_is_taken_for_hu_and_said_so(self, tmp_path):
        volume = read_volume(self.scan(tmp_path, HU))
        assert (volume.unit, volume.modality) == ("HU", "CT")
        assert "taken for HU" in volume.history[0]

    def test_without_air_the_unit_stays_arbitrary(self, tmp_path):
        volume = read_volume(self.scan(tmp_path, np.abs(HU)))
        assert (volume.unit, volume.modality) == ("arbitrary", "unknown")
        assert "not taken for HU" in volume.history[0]

    def test_the_caller_knows_better(self, tmp_path):
        path = self.scan(tmp_path, HU)
        assert read_volume(path, unit="arbitrary").unit == "arbitrary"
        assert read_volume(path, modality="MR").unit == "arbitrary"
        assert read_volume(path, modality="CT").unit == "HU"

    def test_ct_without_air_is_kept_and_noted(self, tmp_path):
        volume = read_volume(self.scan(tmp_path, np.abs(HU)), modality="CT")
        assert volume.unit == "HU"
        assert "no air anywhere" in volume.history[0]

    @pytest.mark.parametrize("given", [{"unit": "HU"}, {"modality": "CT"}])
    def test_8_bit_values_are_no_hounsfield_units(self, tmp_path, given):
        path = self.scan(tmp_path, np.abs(HU).astype(np.uint8))
        with pytest.raises(UnitsError, match=r"8-bit data, not Hounsfield.*--rescale SLOPE INTERCEPT"):
            read_volume(path, **given)
        assert read_volume(path).unit == "arbitrary"

    def test_a_rescaling_makes_hu_of_them_and_is_recorded(self, tmp_path):
        stored = np.abs(HU).astype(np.uint8)
        volume = read_volume(self.scan(tmp_path, stored), rescale=(10, -1000.5))
        np.testing.assert_array_equal(volume.values, stored.astype(np.float32) * 10 - 1000.5)
        assert (volume.unit, volume.modality) == ("HU", "CT")
        assert "10 times the stored value plus -1000.5" in volume.history[0]

    @pytest.mark.parametrize("rescale", [(0, 5), (float("nan"), 0), (1, float("inf"))])
    def test_an_impossible_rescaling_is_refused(self, tmp_path, rescale):
        with pytest.raises(UnitsError, match="slope other than 0"):
            read_volume(self.scan(tmp_path, HU), rescale=rescale)


def test_a_series_of_what_has_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="only DICOM has series"):
        read_volume(write_scan(tmp_path / "scan.nii.gz", HU, oblique()), series="2")


@pytest.mark.parametrize(("suffix", "line"), [(".nrrd", 'space units: "mm" "mm" "um"'), (".mha", "DistanceUnits = cm")])
def test_other_lengths_than_millimetres_are_refused(tmp_path, suffix, line):
    path = write_scan(tmp_path / f"scan{suffix}", HU, oblique())
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\n" + line.encode() + b"\n" + rest)
    with pytest.raises(GeometryError, match="mm were expected"):
        read_volume(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_memory_is_refused_from_the_header_alone(tmp_path, suffix):
    path = write_scan(tmp_path / f"scan{suffix}", HU, oblique())
    with pytest.raises(MemoryLimitError, match="5x6x7 voxels"):
        read_volume(path, memory_limit=100)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_describe_tells_what_a_file_is(tmp_path, suffix):
    facts = describe(write_scan(tmp_path / f"scan{suffix}", HU, np.diag([-0.5, 0.5, 2, 1])))
    assert facts["shape"] == [5, 6, 7]
    assert facts["spacing_mm"] == [0.5, 0.5, 2]
    assert facts["orientation"] == "LAS"
    assert facts["stored_as"] == "int16"
    assert facts["unit"] == "HU"
    assert facts["range"] == [HU.min(), HU.max()]
    assert facts["not_finite"] == 0


def test_describe_lists_the_ids_of_labels(tmp_path):
    facts = describe(write_scan(tmp_path / "labels.nii.gz", (HU % 5).astype(np.uint8), np.eye(4)))
    assert facts["distinct_values"] == [0, 1, 2, 3, 4]


def test_describe_counts_what_is_not_finite(tmp_path):
    values = np.full((5, 6, 7), np.nan, np.float32)
    facts = describe(write_scan(tmp_path / "scan.nii.gz", values, np.eye(4)))
    assert facts["not_finite"] == 210
    assert facts["range"] is None


def test_a_path_that_cannot_be_opened_is_an_input_error(tmp_path):
    (tmp_path / "file.nii").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        read_volume(tmp_path / "file.nii" / "scan.nii")
