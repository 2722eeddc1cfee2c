import numpy as np
import pytest

from tomosplat.anatomy import GROUP_OF_LABEL, TissueSegmenter
from tomosplat.errors import UnitsError
from tomosplat.geometry import Grid
from tomosplat.volume import Volume, torso

LUNG, AIRWAY, BONE, VESSEL, SOFT = 120, 121, 122, 123, 124
SHAPE = (120, 90, 60)


def within(center, radii):
    """An ellipsoid; an infinite radius makes a cylinder."""
    axes = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij", sparse=True)
    return sum(((x - c) / r) ** 2 for x, c, r in zip(axes, center, radii, strict=True)) <= 1


PARTS = {
    "body": within((60, 45, 30), (50, 32, np.inf)),
    "skin": within((60, 45, 30), (50, 32, np.inf)) & ~within((60, 45, 30), (48.5, 30.5, np.inf)),
    "muscle": within((60, 45, 30), (45, 27, np.inf)),
    "lungs": within((29, 45, 30), (12, 18, 26)) | within((91, 45, 30), (12, 18, 26)),
    "trachea": within((60, 52, 30), (6, 6, np.inf)),
    "aorta": within((72, 38, 30), (7, 7, np.inf)),
    "vertebra": within((58, 29, 30), (11, 9, np.inf)),
    "marrow": within((58, 29, 30), (9, 7, np.inf)),
    "arm": within((6, 45, 30), (4.5, 8, np.inf)),
    "arm bone": within((6, 45, 30), (2.2, 2.2, np.inf)),
    "bowel gas": within((60, 66, 10), (8, 4, 7)),
}


def person(contrast=True, noise=15.0):
    """A trunk with fat, muscle, lungs, trachea, aorta against a vertebra, an arm beside it, and a couch below."""
    hu = np.full(SHAPE, -1000.0)
    hu[5:115, 5:7, :] = 200  # couch
    for name, value in [
        ("body", -100),
        ("skin", 0),
        ("muscle", 50),
        ("lungs", -850),
        ("bowel gas", -1000),
        ("vertebra", 500),
        ("marrow", 180),
        ("aorta", 320 if contrast else 45),
        ("arm", 50),
        ("arm bone", 700),
    ]:
        hu[PARTS[name]] = value
    hu[within((60, 52, 30), (7, 7, np.inf))] = 30
    hu[PARTS["trachea"]] = -1000
    hu += np.random.default_rng(0).normal(0, noise, SHAPE)
    return Volume(hu.astype(np.float32), Grid.axis_aligned(SHAPE, 1.5), "HU", "CT")


@pytest.fixture(scope="module")
def enhanced():
    return TissueSegmenter()(person()).values


@pytest.fixture(scope="module")
def plain():
    return TissueSegmenter()(person(contrast=False)).values


def share(labels, part, label):
    return np.mean(labels[PARTS[part]] == label)


def test_every_tissue_is_found(enhanced):
    assert share(enhanced, "lungs", LUNG) > 0.95
    assert share(enhanced, "trachea", AIRWAY) > 0.95
    assert share(enhanced, "vertebra", BONE) > 0.95
    assert share(enhanced, "arm bone", BONE) > 0.9
    assert share(enhanced, "aorta", VESSEL) > 0.9
    assert np.mean(enhanced[PARTS["muscle"]] == 0) < 0.05 + np.mean(PARTS["bowel gas"][PARTS["muscle"]])


def test_couch_fat_skin_and_air_are_left_out(enhanced):
    assert not enhanced[:, :10].any()
    assert share(enhanced, "skin", 0) > 0.9
    fat = PARTS["body"] & ~PARTS["muscle"] & ~PARTS["skin"]
    assert np.mean(enhanced[fat] == 0) > 0.95
    assert not enhanced[~(PARTS["body"] | PARTS["arm"])].any()


def test_bowel_gas_is_neither_lung_nor_airway(enhanced):
    assert not np.isin(enhanced[PARTS["bowel gas"]], [LUNG, AIRWAY]).any()


def test_the_aorta_does_not_leak_into_the_vertebra_it_touches(enhanced):
    assert share(enhanced, "vertebra", VESSEL) < 0.02
    assert share(enhanced, "aorta", BONE) < 0.1


def test_without_contrast_no_vessel_is_invented(plain):
    assert VESSEL not in plain
    assert share(plain, "aorta", SOFT) > 0.9
    assert share(plain, "vertebra", BONE) > 0.95


def test_labels_are_named_and_on_the_grid_of_the_scan():
    volume = person()
    steps = []
    labels = TissueSegmenter()(volume, lambda done, total: steps.append((done, total)))
    assert labels.grid is volume.grid
    assert labels.names == {
        LUNG: "tissue_lung",
        AIRWAY: "tissue_airway",
        BONE: "tissue_bone",
        VESSEL: "tissue_vessel",
        SOFT: "tissue_soft",
    }
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_a_masked_scan_without_air_leaves_its_padding_out():
    hu = np.zeros(SHAPE, dtype=np.float32)
    brain = within((60, 45, 30), (30, 30, 20))
    hu[brain] = np.random.default_rng(0).normal(35, 3, SHAPE)[brain]
    labels = TissueSegmenter()(Volume(hu, Grid.axis_aligned(SHAPE, 1.5), "HU", "CT")).values
    assert np.mean(labels[brain] == SOFT) > 0.8
    assert np.mean(labels[~brain] != 0) < 0.01


def test_dry_bone_in_air_is_bone():
    hu = np.full(SHAPE, -1000, dtype=np.float32)
    shell = within((60, 45, 30), (30, 30, 20)) & ~within((60, 45, 30), (28.5, 28.5, 18.5))
    hu[shell] = 900
    labels = TissueSegmenter()(Volume(hu, Grid.axis_aligned(SHAPE, 0.1), "HU", "CT")).values
    assert np.mean(labels[shell] == BONE) > 0.9
    assert LUNG not in labels


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 40), (3, 3, 3), (20, 20, 1)])
@pytest.mark.parametrize("value", [-1000, 40, 1000])
def test_scans_without_anything_to_tell_apart_do_no_harm(shape, value):
    volume = Volume(np.full(shape, value, dtype=np.float32), Grid.axis_aligned(shape, 1.5), "HU", "CT")
    assert TissueSegmenter()(volume).values.shape == shape


def test_values_that_are_not_in_hu_are_refused():
    volume = person()
    with pytest.raises(UnitsError, match="arbitrary"):
        TissueSegmenter()(Volume(volume.values, volume.grid))


def dice(labels, reference, group):
    ours, theirs = (GROUP_OF_LABEL[x] == group for x in (labels, reference))
    return 2 * np.count_nonzero(ours & theirs) / (np.count_nonzero(ours) + np.count_nonzero(theirs))


@pytest.mark.slow
def test_the_generated_torso_is_recognised():
    volume, reference = torso(seed=1, couch=True)
    labels = TissueSegmenter()(volume).values
    for group, floor in {5: 0.96, 6: 0.75, 7: 0.8, 8: 0.8}.items():
        assert dice(labels, reference.values, group) > floor


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scan", "floors"),
    [("ct-chest-lidc", {5: 0.97, 6: 0.72, 7: 0.76, 8: 0.79}), ("ct-slab-ts-dicom", {7: 0.71, 8: 0.45})],
)
def test_real_scans_agree_with_their_masks(shared_data, scan, floors):
    from tomosplat.files.scans import read_labels, read_volume
    from tomosplat.volume.resample import resample, resample_labels, working_grid

    volume = read_volume(shared_data / scan / "ct.nii.gz")
    mask = read_labels(shared_data / scan / "seg_totalseg_v2.nii.gz", like=volume.grid)
    grid = working_grid(volume.grid)
    reference = resample_labels(mask, grid).values
    labels = TissueSegmenter()(resample(volume, grid)).values
    labels[reference == 117] = reference[reference == 117] = 0  # costal cartilage is skeleton, but no bone
    for group, floor in floors.items():
        assert dice(labels, reference, group) > floor
