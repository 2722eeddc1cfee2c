import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import BasicTextSRStorage, RLELossless
from tests.files.dicom_writer import LPS, decimals, write_series

from tomosplat.errors import (
    FileFormatError,
    GeometryError,
    InputError,
    MemoryLimitError,
    SeriesChoiceError,
    SliceSpacingError,
    UnitsError,
)
from tomosplat.files.dicom import list_series
from tomosplat.files.scans import describe, read_grid, read_volume
from tomosplat.volume import Volume

SHAPE = (7, 6, 9)


def placed(directions, spacing=(0.7, 0.8, 2.5), origin=(-101.5, 33.25, 871.5)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions, dtype=float).T * spacing
    affine[:3, 3] = origin
    return affine


def turned(seed: int) -> np.ndarray:
    """Directions of i, j, k in RAS, oblique and (as DICOM's are in LPS) right-handed."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


PLANES = {
    "axial": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    "coronal": [[-1, 0, 0], [0, 0, -1], [0, -1, 0]],
    "sagittal": [[0, -1, 0], [0, 0, -1], [1, 0, 0]],
    "column cosines negated": [[-1, 0, 0], [0, 1, 0], [0, 0, -1]],
    "row cosines negated": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "oblique": turned(3),
}


def blob(affine: np.ndarray, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Stored CT values: noise below 100, and one block of 3000 off the middle."""
    stored = np.random.default_rng(seed).integers(0, 100, shape).astype(np.uint16)
    stored[1:3, 2:5, 4:8] = 3000
    return stored


def centroid_from_headers(folder) -> np.ndarray:
    """World RAS mm of the block, from each file's own pixels and position (DICOM PS3.3 C.7.6.2.1.1), pixel by pixel."""
    points = []
    for path in folder.iterdir():
        file = pydicom.dcmread(path)
        row, column = np.reshape(np.array(file.ImageOrientationPatient, dtype=float), (2, 3))
        for r, c in np.argwhere(file.pixel_array == 3000):
            moved = row * c * float(file.PixelSpacing[1]) + column * r * float(file.PixelSpacing[0])
            points.append(LPS * (np.array(file.ImagePositionPatient, dtype=float) + moved))
    return np.mean(points, axis=0)


def centroid(volume: Volume) -> np.ndarray:
    return volume.grid.to_world(np.argwhere(volume.values == 3000 - 1024)).mean(axis=0)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("names", ["in order", "reversed", "shuffled"])
def test_every_plane_and_file_order_reads_to_the_same_place(tmp_path, plane, names):
    affine = placed(PLANES[plane])
    files = [f"IM{k:03d}" for k in range(SHAPE[2])]
    if names == "reversed":
        files = files[::-1]
    if names == "shuffled":
        files = list(np.random.default_rng(0).permutation(files))
    stored = blob(affine)
    write_series(tmp_path, stored, affine, names=files)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.values, stored.astype(np.float32) - 1024)
    np.testing.assert_allclose(volume.grid.affine, affine, atol=1e-9)
    np.testing.assert_allclose(centroid(volume), centroid_from_headers(tmp_path), atol=1e-6)
    assert (volume.unit, volume.modality, volume.history) == ("HU", "CT", ())


@given(seed=st.integers(0, 10_000))
def test_any_oblique_series_agrees_with_itks_reader(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("series")
    affine = placed(turned(seed))
    write_series(folder, blob(affine, shape=(5, 6, 4)), affine)
    volume = read_volume(folder)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    np.testing.assert_array_equal(volume.values, sitk.GetArrayFromImage(image).transpose())
    for index in ((0, 0, 0), (4, 0, 0), (0, 5, 0), (0, 0, 3)):
        np.testing.assert_allclose(
            volume.grid.to_world(index), LPS * image.TransformContinuousIndexToPhysicalPoint(index), atol=1e-5
        )


def test_slices_written_from_the_far_end_are_put_in_order_of_their_normal(tmp_path):
    affine = placed(PLANES["axial"])
    stored = blob(affine)
    from_the_top = affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, SHAPE[2] - 1], [0, 0, 0, 1]])
    write_series(tmp_path, stored[:, :, ::-1], from_the_top)
    volume = read_volume(tmp_path)
    np.testing.assert_allclose(volume.grid.affine, affine, atol=1e-9)
    np.testing.assert_array_equal(volume.values, stored.astype(np.float32) - 1024)


def test_each_slice_is_rescaled_by_its_own_slope_and_intercept(tmp_path):
    stored = np.full((4, 5, 3), 100, dtype=np.int16)
    write_series(tmp_path, stored, placed(PLANES["axial"]), scaling=[(1, -1024), (2.5, -900.5), (0.25, 0)])
    np.testing.assert_array_equal(read_volume(tmp_path).values[0, 0], [-924, -650.5, 25])


def test_one_file_stands_for_its_series(tmp_path):
    affine = placed(PLANES["axial"])
    paths = write_series(tmp_path, blob(affine), affine, description="first")
    write_series(tmp_path / "other", blob(affine), affine, description="second", number=2)
    assert read_volume(paths[4]).grid.shape == SHAPE


def test_a_compressed_series_reads_like_a_plain_one(tmp_path):
    affine = placed(PLANES["axial"])
    stored = blob(affine, shape=(33, 31, 6))
    for path in write_series(tmp_path, stored, affine):
        file = pydicom.dcmread(path)
        file.compress(RLELossless)
        file.save_as(path)
    np.testing.assert_array_equal(read_volume(tmp_path).values, stored.astype(np.float32) - 1024)


def test_mr_has_no_hounsfield_units(tmp_path):
    affine = placed(PLANES["coronal"])
    write_series(tmp_path, blob(affine), affine, modality="MR", scaling=None)
    volume = read_volume(tmp_path)
    assert (volume.unit, volume.modality) == ("arbitrary", "MR")


def test_ct_whose_rescale_type_is_no_hounsfield_unit_is_arbitrary(tmp_path):
    def change(k, dataset):
        dataset.RescaleType = "MGML"

    affine = placed(PLANES["axial"])
    write_series(tmp_path, blob(affine), affine, change=change)
    assert read_volume(tmp_path).unit == "arbitrary"


def test_8_bit_ct_is_refused_until_it_is_told_how_to_rescale(tmp_path):
    stored = np.arange(7 * 6 * 9, dtype=np.uint8).reshape(SHAPE)
    write_series(tmp_path, stored, placed(PLANES["axial"]), scaling=None)
    with pytest.raises(UnitsError, match=r"8-bit data.*--rescale SLOPE INTERCEPT"):
        read_volume(tmp_path)
    volume = read_volume(tmp_path, rescale=(8, -1000))
    np.testing.assert_array_equal(volume.values, stored.astype(np.float32) * 8 - 1000)
    assert volume.unit == "HU"
    assert any("rescaled to HU: 8 times" in line for line in volume.history)


def test_memory_is_refused_before_pixels_are_read(tmp_path):
    affine = placed(PLANES["axial"])
    for path in write_series(tmp_path, blob(affine), affine):
        path.write_bytes(path.read_bytes()[:-20])  # would fail if it were read
    with pytest.raises(MemoryLimitError, match="7x6x9 voxels"):
        read_volume(tmp_path, memory_limit=1000)


class TestSeriesOfAFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        affine = placed(PLANES["axial"])
        write_series(tmp_path / "a", blob(affine), affine, number=2, description="Thorax native", uid="1.2.3.4")
        write_series(tmp_path / "b", blob(affine), affine, number=3, description="Thorax contrast", uid="1.2.3.5")
        return tmp_path

    def test_both_are_listed_with_what_tells_them_apart(self, folder):
        found = list_series(folder)
        assert [(info.uid, info.number, info.description) for info in found] == [
            ("1.2.3.4", "2", "Thorax native"),
            ("1.2.3.5", "3", "Thorax contrast"),
        ]
        assert all(info.shape == SHAPE and info.n_instances == 9 and info.modality == "CT" for info in found)
        np.testing.assert_allclose(found[0].spacing, (0.7, 0.8, 2.5))

    def test_none_is_chosen_silently(self, folder):
        with pytest.raises(SeriesChoiceError, match=r"(?s)holds 2 series.*--series.*2: Thorax native.*3: Thorax contr"):
            read_volume(folder)

    @pytest.mark.parametrize("series", ["1.2.3.4", "2", "native", "THORAX N"])
    def test_uid_number_or_unique_part_choose(self, folder, series):
        assert read_grid(folder, series=series).shape == SHAPE

    @pytest.mark.parametrize(
        ("series", "message"), [("thorax", "2 series"), ("abdomen", "no series"), ("9", "no series")]
    )
    def test_what_names_none_or_both_is_refused(self, folder, series, message):
        with pytest.raises(SeriesChoiceError, match=f'"{series}" names {message}'):
            read_volume(folder, series=series)

    def test_describe_lists_them(self, folder):
        assert describe(folder, series="3")["stored_as"] == "uint16"
        facts = describe(folder)
        assert [info["description"] for info in facts["series"]] == ["Thorax native", "Thorax contrast"]
        assert describe(folder, series="3")["shape"] == list(SHAPE)


def refusal(folder, error=SliceSpacingError) -> str:
    with pytest.raises(error) as caught:
        read_volume(folder)
    return str(caught.value)


class TestSlicesThatAreNoVolume:
    affine = placed(PLANES["oblique"])

    def written(self, folder, **options):
        return write_series(folder, blob(self.affine), self.affine, **options)

    @pytest.mark.parametrize(("gone", "between", "counted"), [
        ([4], "5.00 mm between instance 4 (IM0003.dcm) and instance 6 (IM0005.dcm)", "1 of 9"),
        ([4, 5], "7.50 mm between instance 4 (IM0003.dcm) and instance 7 (IM0006.dcm)", "2 of 9"),
        ([2, 6], "and 1 other uneven gaps", "2 of 9"),
        ([7], "5.00 mm between instance 7 (IM0006.dcm) and instance 9 (IM0008.dcm)", "1 of 9"),
    ])  # fmt: skip
    def test_missing_slices_are_counted_and_placed(self, tmp_path, gone, between, counted):
        paths = self.written(tmp_path)
        for k in gone:
            paths[k].unlink()
        message = refusal(tmp_path)
        assert "slice gaps are 2.50 mm except" in message
        assert between in message
        assert f"{counted} slices are missing" in message

    def test_a_slice_stored_twice_is_named(self, tmp_path):
        paths = self.written(tmp_path)
        (tmp_path / "copy.dcm").write_bytes(paths[3].read_bytes())
        message = refusal(tmp_path)
        assert "IM0003.dcm" in message
        assert "copy.dcm" in message
        assert "the same image is stored twice" in message

    def test_two_phases_in_one_series_are_named(self, tmp_path):
        self.written(tmp_path, uid="1.2.3")
        self.written(tmp_path / "again", uid="1.2.3")
        message = refusal(tmp_path)
        assert "as do 8 other pairs (several phases or echoes in one series?)" in message

    def test_a_time_series_at_one_position_is_no_volume(self, tmp_path):
        def change(k, dataset):
            dataset.ImagePositionPatient = [0, 0, 0]

        self.written(tmp_path, change=change)
        assert "all 9 images lie at one position" in refusal(tmp_path)

    def shifted(self, k_shifted, vector):
        def change(k, dataset):
            if k == k_shifted:
                position = np.array(dataset.ImagePositionPatient, dtype=float)
                dataset.ImagePositionPatient = decimals(position + LPS * vector)

        return change

    def test_one_uneven_gap_is_named(self, tmp_path):
        self.written(tmp_path, change=self.shifted(4, 0.6 * self.affine[:3, 2] / 2.5))
        message = refusal(tmp_path)
        assert "slice gaps are 2.50 mm except 3.10 mm between instance 4 (IM0003.dcm) and instance 5" in message

    def test_a_slice_moved_in_its_own_plane_is_named(self, tmp_path):
        self.written(tmp_path, change=self.shifted(4, 0.6 * self.affine[:3, 0] / 0.7))
        assert "up to 0.60 mm beside or off their line" in refusal(tmp_path)

    def test_rounded_positions_are_no_reason_to_refuse(self, tmp_path):
        def change(k, dataset):
            position = np.round(np.array(dataset.ImagePositionPatient, dtype=float), 1)
            dataset.ImagePositionPatient = decimals(position)

        self.written(tmp_path, change=change)
        np.testing.assert_allclose(read_grid(tmp_path).affine, self.affine, atol=0.1)

    def test_a_tilted_gantry_is_read_where_its_slices_are(self, tmp_path):
        self.affine = placed(PLANES["axial"])
        self.affine[1, 2] += 2.5 * np.tan(np.radians(15))
        self.written(tmp_path)
        volume = read_volume(tmp_path)
        np.testing.assert_allclose(volume.grid.affine, self.affine, atol=1e-9)
        np.testing.assert_allclose(centroid(volume), centroid_from_headers(tmp_path), atol=1e-6)
        assert any("gantry tilt of 15.0 degrees" in line for line in volume.history)

    def test_slices_beside_each_other_are_no_tilt(self, tmp_path):
        self.affine = placed(PLANES["axial"])
        self.affine[1, 2] += 2.5 * np.tan(np.radians(60))
        self.written(tmp_path)
        assert "slide beside each other at 60 degrees" in refusal(tmp_path)

    def test_a_single_slice_is_no_volume(self, tmp_path):
        write_series(tmp_path, blob(self.affine)[:, :, :1], self.affine)
        assert "at least two slices" in refusal(tmp_path)

    def test_a_localizer_among_the_slices_is_named(self, tmp_path):
        self.written(tmp_path, uid="1.2.3")

        def change(k, dataset):
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

        write_series(
            tmp_path / "scout", blob(self.affine)[:, :, :1], placed(PLANES["sagittal"]), uid="1.2.3", change=change
        )
        message = refusal(tmp_path, GeometryError)
        assert "9 with orientation" in message
        assert "(localizer)" in message

    @pytest.mark.parametrize(
        ("tag", "value", "found"),
        [("Rows", 5, "8 with 7x6 pixels"), ("PixelSpacing", [0.9, 0.9], "1 with pixels of 0.9000x0.9000 mm")],
    )
    def test_mixed_sizes_are_counted(self, tmp_path, tag, value, found):
        def change(k, dataset):
            if k == 2:
                setattr(dataset, tag, value)

        self.written(tmp_path, change=change)
        assert found in refusal(tmp_path, GeometryError)

    @pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
    def test_what_has_no_place_is_named(self, tmp_path, tag):
        def change(k, dataset):
            if k == 2:
                del dataset[tag]

        self.written(tmp_path, change=change)
        assert f"instance 3 (IM0002.dcm) has no {tag}" in refusal(tmp_path, GeometryError)

    def test_cosines_that_are_not_perpendicular_are_refused(self, tmp_path):
        def change(k, dataset):
            dataset.ImageOrientationPatient = [1, 0, 0, 0.5, 0.866, 0]

        self.written(tmp_path, change=change)
        assert "two perpendicular unit vectors" in refusal(tmp_path, GeometryError)

    @pytest.mark.parametrize(
        ("tag", "value", "message"),
        [("NumberOfFrames", 40, "holds 40 frames"), ("SamplesPerPixel", 3, "is a colour image")],
    )
    def test_frames_and_colours_are_refused_by_name(self, tmp_path, tag, value, message):
        self.written(tmp_path, change=lambda k, dataset: setattr(dataset, tag, value))
        assert message in refusal(tmp_path, FileFormatError)


class TestFilesThatAreNoImages:
    affine = placed(PLANES["axial"])

    def test_other_files_beside_the_slices_are_no_obstacle(self, tmp_path):
        write_series(tmp_path, blob(self.affine), self.affine)
        (tmp_path / "notes.txt").write_text("no image")

        def report(k, dataset):
            for tag in ("Rows", "Columns", "PixelData"):
                del dataset[tag]
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage

        write_series(tmp_path / "report", blob(self.affine)[:, :, :1], self.affine, modality="SR", change=report)
        assert read_grid(tmp_path).shape == SHAPE

    @pytest.mark.parametrize("content", [b"", b"cut short", bytes(128) + b"DICM"])
    def test_a_damaged_slice_is_not_passed_over(self, tmp_path, content):
        paths = write_series(tmp_path, blob(self.affine), self.affine)
        paths[0].write_bytes(content)
        with pytest.raises(FileFormatError, match=r"IM0000\.dcm"):
            read_volume(tmp_path)

    @pytest.mark.parametrize("kept", [200, 400, 600, 900])
    def test_a_truncated_header_is_refused(self, tmp_path, kept):
        paths = write_series(tmp_path, blob(self.affine), self.affine)
        paths[8].write_bytes(paths[8].read_bytes()[:kept])
        with pytest.raises(FileFormatError, match=r"IM0008\.dcm"):
            read_volume(tmp_path)

    def test_truncated_pixels_are_refused(self, tmp_path):
        paths = write_series(tmp_path, blob(self.affine), self.affine)
        paths[3].write_bytes(paths[3].read_bytes()[:-10])
        with pytest.raises(FileFormatError, match=r"pixels of .*IM0003\.dcm cannot be read"):
            read_volume(tmp_path)

    def test_a_damaged_number_is_refused(self, tmp_path):
        paths = write_series(tmp_path, blob(self.affine), self.affine)
        content = paths[3].read_bytes()
        assert content.count(b"0.8\\0.7 ") == 1
        paths[3].write_bytes(content.replace(b"0.8\\0.7 ", b"0.8\\x.7 "))
        with pytest.raises(FileFormatError, match=r"header of .*IM0003\.dcm is damaged"):
            read_volume(tmp_path)

    def test_a_folder_without_images_says_what_to_do(self, tmp_path):
        (tmp_path / "scan.nii.gz").write_bytes(b"x")
        with pytest.raises(InputError, match="give the file itself"):
            read_volume(tmp_path)
        with pytest.raises(InputError, match="No such file"):
            list_series(tmp_path / "absent")
