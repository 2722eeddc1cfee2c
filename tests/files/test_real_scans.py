"""The shared real scans read with the shape that their manifest states, and where nibabel sees them."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tomosplat.files.scans import describe, read_grid, read_labels, read_volume
from tomosplat.volume.resample import resample, resample_labels, working_grid

pytestmark = pytest.mark.data

CT_IN_HU = [
    "ct-chest-lidc", "ct-slab-ts-dicom", "ct-sarcoma-sts020", "ct-sarcoma-sts049", "ct-sarcoma-sts031",
    "ct-sarcoma-sts004", "ct-headneck-cerr", "ct-chest-fnndsc", "ct-lung-pyradiomics1", "ct-lung-elastix",
    "ct-lung-pyradiomics2", "ct-sarcoma-sts046", "ct-sarcoma-sts005",
]  # fmt: skip


def manifest_shapes(shared_data: Path) -> dict[str, set[tuple[int, ...]]]:
    """Shapes of each folder's scans, from the manifest's table."""
    shapes = {}
    for line in (shared_data / "MANIFEST.md").read_text().splitlines():
        cells = line.split("|")
        if len(cells) > 6 and "@" in cells[5] and cells[5][0].isdigit():
            parts = [part.split("@")[0].strip() for part in cells[5].split(";")]
            shapes[cells[2]] = {tuple(int(n) for n in part.split("x")) for part in parts}
    return shapes


def scans(folder: Path) -> list[Path]:
    images = [path for path in sorted(folder.iterdir()) if path.name.endswith((".nii.gz", ".nrrd", ".mha", ".mhd"))]
    return [path for path in images if "tracker" not in path.name]  # poses of a video that is not there


def test_every_scan_has_the_manifests_shape(shared_data):
    shapes = manifest_shapes(shared_data)
    assert len(shapes) > 25
    wrong = [
        str(path)
        for name, expected in shapes.items()
        for path in scans(shared_data / name)
        if read_grid(path).shape not in expected
    ]
    assert wrong == []


def test_every_affine_is_nibabels(shared_data):
    for path in shared_data.glob("*/*.nii.gz"):
        np.testing.assert_allclose(read_grid(path).affine, nib.load(path).affine, atol=1e-6, err_msg=str(path))


@pytest.mark.parametrize("name", CT_IN_HU)
def test_ct_is_recognised_as_hu(shared_data, name):
    volume = read_volume(shared_data / name / "ct.nii.gz")
    assert (volume.unit, volume.modality) == ("HU", "CT")


@pytest.mark.parametrize(
    "name", ["ct-mouse-skull-c57bl6j/ct_8bit.nii.gz", "ct-brain-atlas-ts/ct.nii.gz", "mr-ts-sm/mr.nii.gz"]
)
def test_what_is_not_in_hu_is_not_taken_for_it(shared_data, name):
    assert read_volume(shared_data / name).unit == "arbitrary"


def middle(labels: np.ndarray, organ: int) -> np.ndarray:
    """Mean index of the organ's voxels; through the transpose, which runs along the memory of what was read."""
    return np.argwhere(np.equal(labels.T, organ)).mean(axis=0)[::-1]


def test_organs_of_the_chest_stay_where_the_file_puts_them(shared_data):
    folder = shared_data / "ct-chest-lidc"
    labels = read_labels(folder / "seg_totalseg_v2.nii.gz", read_grid(folder / "ct.nii.gz"))
    small = resample_labels(labels, working_grid(labels.grid))
    image = nib.load(folder / "seg_totalseg_v2.nii.gz")
    stored = np.asarray(image.dataobj)
    for organ in (1, 5, 52):  # spleen, liver, aorta
        expected = nib.affines.apply_affine(image.affine, middle(stored, organ))
        read = labels.grid.to_world(middle(labels.values, organ))
        shrunk = small.grid.to_world(middle(small.values, organ))
        np.testing.assert_allclose(read, expected, atol=1e-6)
        np.testing.assert_allclose(shrunk, expected, atol=0.5)  # a third of the 1.5 mm voxel


def test_resampling_invents_no_values(shared_data):
    volume = read_volume(shared_data / "ct-slab-ts-dicom" / "ct.nii.gz")
    small = resample(volume, working_grid(volume.grid))
    assert volume.values.min() <= small.values.min()
    assert small.values.max() <= volume.values.max()


def test_describe_reads_label_ids(shared_data):
    assert describe(shared_data / "ct-sarcoma-sts004" / "seg_gtv.nii.gz")["distinct_values"] == [0, 1]
