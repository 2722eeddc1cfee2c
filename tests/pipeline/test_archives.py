"""A tree of DICOM studies: one series of each becomes a case, every other is named with the reason."""

import numpy as np
import pytest
from tests.files.dicom_writer import write_series

from tomosplat.errors import InputError
from tomosplat.pipeline.batch.archives import is_sharp, pick_series
from tomosplat.pipeline.batch.case_lists import find_cases
from tomosplat.pipeline.datasets.options import CaseOptions

AXIAL = np.diag([2.0, 2.0, 3.0, 1.0])
CORONAL = np.array([[2.0, 0, 0, 0], [0, 0, 3.0, 0], [0, -2.0, 0, 0], [0, 0, 0, 1]])


def series(folder, study, number, n=12, *, affine=AXIAL, modality="CT", kernel="B30f"):
    def change(k, dataset):
        dataset.StudyInstanceUID, dataset.ConvolutionKernel = study, kernel

    stored = np.full((4, 4, n), 1000, np.int16)
    uid = f"{study}.{number}"
    write_series(folder, stored, affine, modality=modality, number=number, uid=uid, change=change)


@pytest.fixture
def archive(tmp_path):
    root = tmp_path / "archive"
    first = root / "DOE^JOHN" / "st0"
    series(first / "a", "1.2.1", 1, 3)
    series(first / "b", "1.2.1", 2, kernel="B60f")
    series(first / "c", "1.2.1", 3)
    series(first / "d", "1.2.1", 4, affine=CORONAL)
    series(first / "e", "1.2.1", 5, 11)
    series(first / "f", "1.2.1", 6, modality="MR")
    series(first / "g", "1.2.1", 7)
    series(root / "ROE^JANE" / "all in one", "1.2.2", 1, modality="PT")
    series(root / "ROE^JANE" / "half", "1.2.3", 8)
    series(root / "ROE^JANE" / "other half", "1.2.3", 8)
    (root / "ROE^JANE" / "half" / "notes.txt").write_text("no image")
    return root


def test_of_each_study_the_fullest_smooth_axial_ct_is_taken_and_the_others_are_named_with_the_reason(archive):
    picked = pick_series(archive)
    assert [series.uid for series in picked.series] == ["1.2.1.3"]
    why = {line.split("UID ")[1].split(")")[0]: line.split("): ")[1] for line in picked.passed_over}
    assert "has 3 slices, fewer than 10" in why["1.2.1.1"]
    assert "sharp kernel (B60f)" in why["1.2.1.2"]
    assert why["1.2.1.4"] == "is not axial"
    assert why["1.2.1.5"] == "has 11 slices, series 3 of the same study 12"
    assert why["1.2.1.6"] == "is MR, not CT"
    assert "as good as series 3" in why["1.2.1.7"]
    assert why["1.2.2.1"] == "is PT, not CT"
    assert why["1.2.3.8"].startswith("lies in 2 folders")
    assert len(why) == len(picked.passed_over) == 8
    assert not picked.unreadable


def test_a_damaged_file_makes_a_case_that_will_fail_and_stops_no_other(archive):
    (archive / "ROE^JANE" / "half" / "IM0003.dcm").write_bytes(b"cut short")
    cases, _ = find_cases([f"dicom:{archive}"], CaseOptions())
    assert [(case.id, case.reading.series) for case in cases] == [
        ("1.2.1", "1.2.1.3"),
        ("1.2.3", "1.2.3.8"),
        ("ROE-JANE-half", None),
    ]


def test_an_archive_can_stand_in_a_list_and_must_be_there(archive, tmp_path):
    (tmp_path / "list.txt").write_text("dicom:archive\ntorso:1\n")
    cases, passed_over = find_cases([str(tmp_path / "list.txt")], CaseOptions())
    assert [case.id for case in cases] == ["1.2.1", "torso-1"]
    assert len(passed_over) == 8
    with pytest.raises(InputError, match="there is no folder"):
        find_cases([f"dicom:{tmp_path / 'absent'}"], CaseOptions())


@pytest.mark.parametrize("kernel", ["B30f", "STANDARD", "Br40d", "FC08", ""])
def test_smooth_kernels_are_told_by_their_names(kernel):
    assert not is_sharp(kernel)


@pytest.mark.parametrize("kernel", ["B60f", "LUNG", "BONEPLUS", "Br64d", "FC56"])
def test_sharp_kernels_are_told_by_their_names(kernel):
    assert is_sharp(kernel)
