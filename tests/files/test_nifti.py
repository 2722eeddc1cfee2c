import gzip

import nibabel as nib
import numpy as np
import pytest
from tests.files.scan_writer import oblique

from tomosplat.errors import FileFormatError, GeometryError, InputError, MemoryLimitError, ShapeError
from tomosplat.files.scans import read_grid, read_volume


def stored(path, *, dtype=np.int16, affine=None, shape=(5, 6, 7), image=nib.Nifti1Image, low=-1000, high=1000):
    rng = np.random.default_rng(1)
    values = rng.integers(max(low, np.iinfo(dtype).min), high, shape).astype(dtype) if dtype != np.float32 else None
    values = rng.normal(0, 900, shape).astype(np.float32) if values is None else values
    nib.save(image(values, oblique() if affine is None else affine), path)
    return values


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("image", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_values_and_affine_equal_nibabels(tmp_path, suffix, image, dtype):
    path = tmp_path / f"scan{suffix}"
    values = stored(path, dtype=dtype, image=image)
    volume = read_volume(path, unit="arbitrary")
    np.testing.assert_array_equal(volume.values, values)
    np.testing.assert_allclose(volume.grid.affine, nib.load(path).affine, atol=1e-12)


@pytest.mark.parametrize("endian", ["<", ">"])
def test_either_byte_order_reads_the_same(tmp_path, endian):
    values = np.arange(210, dtype=np.int16).reshape(5, 6, 7) - 1000
    header = nib.Nifti1Header(endianness=endian)
    nib.save(nib.Nifti1Image(values, oblique(), header), tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii")
    np.testing.assert_array_equal(volume.values, values)
    np.testing.assert_allclose(volume.grid.affine, oblique(), rtol=1e-6)


def test_slope_and_intercept_of_the_file_are_applied(tmp_path):
    image = nib.Nifti1Image(np.arange(210, dtype=np.int16).reshape(5, 6, 7), oblique())
    image.header.set_slope_inter(0.5, -1024)
    nib.save(image, tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(
        read_volume(tmp_path / "scan.nii.gz").values, nib.load(tmp_path / "scan.nii.gz").get_fdata()
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("handedness", [1, -1])
def test_the_qform_alone_gives_nibabels_affine(tmp_path, seed, handedness):
    affine = oblique(seed)
    affine[:3, 2] *= handedness
    image = nib.Nifti1Image(np.zeros((5, 6, 7), np.int16), affine)
    image.set_sform(None, 0)
    image.set_qform(affine, 1)
    nib.save(image, tmp_path / "scan.nii")
    # The format keeps the quaternion in single precision.
    np.testing.assert_allclose(
        read_grid(tmp_path / "scan.nii").affine, nib.load(tmp_path / "scan.nii").affine, atol=1e-5
    )
    np.testing.assert_allclose(read_grid(tmp_path / "scan.nii").affine, affine, atol=1e-4)


def test_a_sheared_affine_is_kept_as_it_is(tmp_path):
    affine = oblique()
    affine[:3, 2] += 0.3 * affine[:3, 1]
    stored(tmp_path / "scan.nii.gz", affine=affine)
    grid = read_grid(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(grid.affine, affine, rtol=1e-6)
    assert not grid.is_orthogonal()


def with_forms(path, sform, qform):
    image = nib.Nifti1Image(np.full((5, 6, 7), -1000, np.int16), sform)
    image.set_sform(sform, 2)
    image.set_qform(qform, 1)
    nib.save(image, path)


def test_a_moved_qform_is_recorded_and_the_sform_used(tmp_path):
    sform, qform = np.diag([1.0, 2, 3, 1]), np.diag([1.0, 2, 3, 1])
    qform[:3, 3] = [0, 3, 4]
    with_forms(tmp_path / "scan.nii", sform, qform)
    volume = read_volume(tmp_path / "scan.nii")
    np.testing.assert_allclose(volume.grid.affine, sform)
    assert any("5.0 mm apart; the sform was used" in line for line in volume.history)


def test_forms_that_name_other_directions_are_refused(tmp_path):
    with_forms(tmp_path / "scan.nii", np.diag([1.0, 2, 3, 1]), np.diag([-1.0, 2, 3, 1]))
    with pytest.raises(GeometryError, match="sform says RAS, its qform LAS"):
        read_volume(tmp_path / "scan.nii")


def test_a_file_without_orientation_is_refused(tmp_path):
    image = nib.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.eye(4))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "scan.nii")
    with pytest.raises(GeometryError, match="left and right cannot be told apart"):
        read_volume(tmp_path / "scan.nii")


@pytest.mark.parametrize(("unit", "scale"), [("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)])
def test_lengths_become_millimetres(tmp_path, unit, scale):
    image = nib.Nifti1Image(np.zeros((5, 6, 7), np.int16), oblique())
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "scan.nii")
    np.testing.assert_allclose(read_grid(tmp_path / "scan.nii").affine[:3], scale * oblique()[:3], rtol=1e-6)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 7, 3), (5, 6, 7, 1, 3)])
def test_other_than_three_axes_are_refused_with_their_shape(tmp_path, shape):
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "scan.nii")
    with pytest.raises(ShapeError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        read_volume(tmp_path / "scan.nii")


def test_trailing_axes_of_length_one_are_no_obstacle(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 7, 1), np.int16), np.eye(4)), tmp_path / "scan.nii")
    assert read_grid(tmp_path / "scan.nii").shape == (5, 6, 7)


@pytest.mark.parametrize("dtype", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_complex_and_colour_voxels_are_refused(tmp_path, dtype):
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 7), dtype), np.eye(4)), tmp_path / "scan.nii")
    with pytest.raises(FileFormatError, match="one real number per voxel"):
        read_volume(tmp_path / "scan.nii")


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_truncated_file_is_refused(tmp_path, suffix, kept):
    path = tmp_path / f"scan{suffix}"
    stored(path, shape=(20, 20, 20))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FileFormatError, match=r"is damaged|is cut short"):
        read_volume(path)


def test_a_flipped_bit_in_a_compressed_file_is_noticed(tmp_path):
    stored(tmp_path / "scan.nii.gz", shape=(20, 20, 20))
    content = bytearray((tmp_path / "scan.nii.gz").read_bytes())
    content[-8] ^= 1  # the checksum of the content
    (tmp_path / "scan.nii.gz").write_bytes(content)
    with pytest.raises(FileFormatError, match="is damaged"):
        read_volume(tmp_path / "scan.nii.gz")


def test_a_header_alone_is_refused(tmp_path):
    stored(tmp_path / "scan.nii")
    (tmp_path / "scan.nii").write_bytes((tmp_path / "scan.nii").read_bytes()[:347])
    with pytest.raises(FileFormatError):
        read_volume(tmp_path / "scan.nii")


def test_an_impossible_header_is_refused(tmp_path):
    stored(tmp_path / "scan.nii")
    content = bytearray((tmp_path / "scan.nii").read_bytes())
    content[42:44] = (-5).to_bytes(2, "little", signed=True)
    (tmp_path / "scan.nii").write_bytes(content)
    with pytest.raises(FileFormatError, match="impossible"):
        read_volume(tmp_path / "scan.nii")


def test_a_huge_header_is_refused_with_numbers_before_anything_is_allocated(tmp_path):
    stored(tmp_path / "scan.nii")
    content = bytearray((tmp_path / "scan.nii").read_bytes())
    content[42:48] = (30000).to_bytes(2, "little") * 3
    (tmp_path / "scan.nii").write_bytes(content)
    with pytest.raises(MemoryLimitError, match=r"takes 216000\.00 GB"):
        read_volume(tmp_path / "scan.nii")


def test_the_memory_limit_is_the_callers(tmp_path):
    stored(tmp_path / "scan.nii", shape=(100, 100, 100))
    assert read_volume(tmp_path / "scan.nii", memory_limit=8_000_000).values.size == 1_000_000
    with pytest.raises(MemoryLimitError, match=r"100x100x100 voxels"):
        read_volume(tmp_path / "scan.nii", memory_limit=7_999_999)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scan.nii.gz", b"", "is empty"),
        ("scan.nii.gz", b"no gzip at all", "is not compressed"),
        ("scan.nii.gz", gzip.compress(b"something else" * 100, mtime=0), "is no scan"),
        ("scan.nii.gz", gzip.compress(bytes(range(256)) * 100, mtime=0)[:30], "is damaged"),
        ("scan.nii", gzip.compress(b"something else" * 100, mtime=0), "is compressed"),
        ("scan.nii", b"hello", "is no scan"),
        ("scan.nrrd", b"ObjectType = Image\nNDims = 3\nDimSize = 4 5 6\n", "named like NRRD but holds MetaImage"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "is no scan"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_volume(tmp_path / name)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.nii cannot be read: No such file"):
        read_volume(tmp_path / "absent.nii")
