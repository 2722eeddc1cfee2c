"""The procedural torso is a body: the right organs, of the right size, in the right place."""

from functools import lru_cache

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from tomosplat.errors import GeometryError, InputError
from tomosplat.volume import LabelMap, Volume, torso
from tomosplat.volume.torso.labels import ID

SEEDS = range(5)

#: Volume in ml that each organ may have, and the range of its mean HU.
PLAUSIBLE = {
    "spleen": ((90, 320), (95, 165)),
    "kidney_right": ((90, 240), (130, 240)),
    "kidney_left": ((90, 240), (130, 240)),
    "gallbladder": ((15, 45), (-30, 30)),
    "liver": ((950, 2100), (55, 125)),
    "stomach": ((250, 800), (-420, -80)),
    "pancreas": ((40, 110), (60, 110)),
    "lung_upper_lobe_left": ((700, 1500), (-890, -740)),
    "lung_lower_lobe_left": ((450, 1100), (-890, -740)),
    "lung_upper_lobe_right": ((650, 1400), (-890, -740)),
    "lung_middle_lobe_right": ((150, 450), (-890, -740)),
    "lung_lower_lobe_right": ((400, 1100), (-890, -740)),
    "trachea": ((35, 95), (-800, -450)),
    "small_bowel": ((450, 1300), (10, 60)),
    "colon": ((400, 1000), (-400, -80)),
    "urinary_bladder": ((40, 260), (0, 30)),
    "heart": ((300, 750), (110, 330)),
    "aorta": ((150, 350), (130, 390)),
    "inferior_vena_cava": ((60, 150), (60, 160)),
    "spinal_cord": ((40, 80), (5, 50)),
    "sacrum": ((120, 260), (150, 320)),
    "vertebrae_L3": ((30, 60), (200, 380)),
    "vertebrae_T8": ((14, 32), (200, 380)),
    "rib_left_6": ((14, 32), (220, 400)),
    "sternum": ((30, 70), (110, 260)),
    "hip_right": ((160, 320), (200, 380)),
    "femur_left": ((100, 210), (230, 480)),
    "gluteus_maximus_left": ((220, 520), (30, 70)),
    "autochthon_right": ((330, 650), (35, 70)),
    "iliopsoas_left": ((200, 420), (40, 75)),
}


@lru_cache(maxsize=12)
def made(seed: int, spacing_mm: float = 4) -> tuple[Volume, LabelMap]:
    return torso(seed, spacing_mm)


def centroid(labels: LabelMap, name: str) -> np.ndarray:
    return labels.grid.to_world(np.argwhere(labels.values == ID[name]).mean(axis=0))


def outside_air(volume: Volume) -> np.ndarray:
    """The air around the body: what is dark and reaches the side faces."""
    regions, _ = label(volume.values < -300)
    faces = np.concatenate([regions[[0, -1]].ravel(), regions[:, [0, -1]].ravel()])
    return np.isin(regions, np.unique(faces[faces > 0]))


def test_same_seed_gives_the_same_bytes_and_another_seed_another_person():
    first, again, other = torso(3, 8), torso(3, 8), torso(4, 8)
    assert first[0].values.tobytes() == again[0].values.tobytes()
    assert first[1].values.tobytes() == again[1].values.tobytes()
    assert first[0].grid.shape != other[0].grid.shape or not np.array_equal(first[1].values, other[1].values)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promised_label_is_there(seed):
    _, labels = made(seed)
    assert set(labels.ids) == set(ID.values())
    assert {labels.names[number] for number in labels.ids} == set(ID)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PLAUSIBLE)
def test_organ_has_a_plausible_volume_and_density(seed, name):
    volume, labels = made(seed)
    inside = labels.values == ID[name]
    (least, most), (darkest, brightest) = PLAUSIBLE[name]
    assert least < inside.sum() * 4**3 / 1000 < most
    assert darkest < volume.values[inside].mean() < brightest


@pytest.mark.parametrize("seed", SEEDS)
def test_left_is_left_and_right_is_right(seed):
    _, labels = made(seed)
    x = {name: centroid(labels, name)[0] for name in ID}
    for name in ID:
        if "right" in name:
            assert x[name] > 5, name
        if "left" in name:
            assert x[name] < -5, name
    assert x["liver"] > 20
    assert x["gallbladder"] > 20
    assert x["superior_vena_cava"] > 10
    assert max(x["spleen"], x["stomach"]) < -20
    assert max(x["heart"], x["aorta"]) < -3


@pytest.mark.parametrize("seed", SEEDS)
def test_organs_are_stacked_from_head_to_feet(seed):
    _, labels = made(seed)
    spine = [f"vertebrae_{level}" for level in ("C7", "T1", "T4", "T8", "T12", "L1", "L5")]
    for order in (
        [*spine, "sacrum"],
        ["thyroid_gland", "heart", "liver", "urinary_bladder", "prostate"],
        ["lung_upper_lobe_right", "lung_middle_lobe_right", "liver", "kidney_right", "femur_right"],
        [f"rib_left_{n}" for n in range(1, 13)],
    ):
        heights = [centroid(labels, name)[2] for name in order]
        assert heights == sorted(heights, reverse=True)
    front = [centroid(labels, name)[1] for name in ("sternum", "heart", "esophagus", "vertebrae_T8")]
    assert front == sorted(front, reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_lies_inside_the_body_and_the_body_inside_the_grid(seed):
    volume, labels = made(seed)
    air = outside_air(volume)
    assert not labels.values[air].any()
    assert air[[0, -1]].all()
    assert air[:, [0, -1]].all()
    # The scan ends in the thighs and in the neck, as real ones do.
    assert not air[:, :, 0].all()
    assert not air[:, :, -1].all()


def test_shows_the_same_person_at_any_spacing():
    (_, coarse), (_, fine) = made(1, 4), made(1, 2.5)
    for name in ID:
        if (coarse.values == ID[name]).sum() > 30:
            np.testing.assert_allclose(centroid(coarse, name), centroid(fine, name), atol=4, err_msg=name)
    for name in ("liver", "heart", "hip_left", "lung_lower_lobe_right", "kidney_left"):
        np.testing.assert_allclose(centroid(coarse, name), centroid(fine, name), atol=0.8)
        volumes = [(labels.values == ID[name]).sum() * s**3 for labels, s in ((coarse, 4), (fine, 2.5))]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.04)


def test_bones_are_whole_and_ribs_reach_the_spine():
    _, labels = made(2, 2)
    for name in [
        name for name in ID if name.split("_")[0] in ("rib", "vertebrae", "hip", "femur", "clavicula", "scapula")
    ]:
        regions, _ = label(labels.values == ID[name], np.ones((3, 3, 3)))
        sizes = np.bincount(regions.ravel())[1:]
        assert sizes.max() > 0.97 * sizes.sum(), name
    for number in range(1, 13):
        spine = np.isin(labels.values, [ID[f"vertebrae_T{n}"] for n in (number, number - 1) if n])
        for side in ("left", "right"):
            rib = labels.values == ID[f"rib_{side}_{number}"]
            assert (binary_dilation(rib, iterations=2) & spine).any()


def test_lungs_are_airy_with_vessels_in_them():
    volume, labels = made(0, 2)
    lungs = volume.values[np.isin(labels.values, [ID[name] for name in ID if name.startswith("lung_")])]
    assert -920 < np.median(lungs) < -850
    assert 0.01 < (lungs > -300).mean() < 0.12


def test_couch_lies_behind_the_back_and_changes_nothing_else():
    (plain, labels), (couched, with_couch) = made(0, 6), torso(0, 6, couch=True)
    extra = couched.grid.shape[1] - plain.grid.shape[1]
    assert extra > 0
    np.testing.assert_array_equal(with_couch.values[:, extra:], labels.values)
    assert not with_couch.values[:, :extra].any()
    assert (couched.values[:, : extra + 3] > -400).sum() > 500
    np.testing.assert_allclose(couched.grid.to_world((0, extra, 0)), plain.grid.origin)


def test_grid_is_what_was_asked_for():
    volume, labels = made(0)
    assert volume.grid.matches(labels.grid)
    assert volume.grid.orientation == "RAS"
    assert (volume.unit, volume.modality) == ("HU", "CT")
    np.testing.assert_allclose(volume.grid.spacing, 4)
    width, depth, height = volume.grid.bounds[1] - volume.grid.bounds[0]
    assert 330 < width < 480
    assert 220 < depth < 330
    assert 540 < height < 730


@pytest.mark.parametrize("seed", [-1, 0.5, "1", True])
def test_refuses_a_seed_that_is_no_count(seed):
    with pytest.raises(InputError, match="seed"):
        torso(seed, 6)


@pytest.mark.parametrize("spacing", [0, -1, 0.1, 50, float("nan")])
def test_refuses_an_impossible_spacing(spacing):
    with pytest.raises(GeometryError, match="spacing_mm"):
        torso(0, spacing)
