import json

import numpy as np
import pytest
from tests.files.dicom_writer import write_series
from tests.files.scan_writer import write_scan

from tomosplat.errors import InputError
from tomosplat.pipeline.batch.case_lists import find_cases
from tomosplat.pipeline.datasets.options import PrepareOptions

OPTIONS = PrepareOptions()
LABELLED = PrepareOptions(labels_name="seg*.nii.gz")
VALUES = np.zeros((4, 4, 4), dtype=np.int16)


@pytest.fixture
def archive(tmp_path):
    """Two cases, one in NIfTI with labels and one in DICOM, and a folder without any."""
    folder = tmp_path / "archive"
    for name in ("b nifti", "empty"):
        (folder / name).mkdir(parents=True)
    write_scan(folder / "b nifti" / "ct.nii.gz", VALUES, np.eye(4))
    write_scan(folder / "b nifti" / "seg_all.nii.gz", VALUES.astype(np.uint8), np.eye(4))
    write_series(folder / "a-dicom", VALUES.astype(np.uint16), np.eye(4))
    (folder / "empty" / "notes.md").write_text("nothing to see")
    return folder


def test_torsos_are_counted_to_both_ends():
    cases, _ = find_cases(["torso:2..4", "torso:9"], OPTIONS)
    assert [(case.id, case.scan) for case in cases] == [(f"torso-{i}", i) for i in (2, 3, 4, 9)]


def test_a_folder_of_scans_gives_one_case_each_and_says_what_it_passed_over(archive):
    cases, passed_over = find_cases([str(archive)], OPTIONS)
    assert [case.id for case in cases] == ["a-dicom", "b-nifti"]
    assert [case.scan for case in cases] == [archive / "a-dicom", archive / "b nifti" / "ct.nii.gz"]
    assert passed_over == [f"no scan in {archive / 'empty'}, passed over"]


def test_labels_are_taken_only_when_asked_for(archive):
    def labels(options):
        return [case.reading.labels for case in find_cases([str(archive)], options)[0]]

    assert labels(OPTIONS) == [None, None]
    assert labels(LABELLED) == [None, archive / "b nifti" / "seg_all.nii.gz"]


def test_a_scan_is_named_by_itself_or_by_its_folder(archive, tmp_path):
    lone = write_scan(tmp_path / "patient 7.nrrd", VALUES, np.eye(4))
    cases, _ = find_cases([str(lone), str(archive / "b nifti"), str(archive / "b nifti" / "ct.nii.gz")], OPTIONS)
    assert [case.id for case in cases] == ["patient-7", "b-nifti", "b-nifti"]


def test_lists_begin_at_their_own_folder(archive):
    (archive / "list.txt").write_text("# two\nb nifti\n\ntorso:1\n")
    row = {"scan": "b nifti/ct.nii.gz", "id": "x", "labels": "b nifti/seg_all.nii.gz", "rescale": [1, -1024]}
    (archive / "list.jsonl").write_text(json.dumps(row | {"renumber": {"118": 117}, "series": 2}) + "\n")
    (named, torso, full), _ = find_cases([str(archive / "list.txt"), str(archive / "list.jsonl")], OPTIONS)
    assert (named.id, torso.id, full.id) == ("b-nifti", "torso-1", "x")
    assert full.reading.labels == archive / "b nifti" / "seg_all.nii.gz"
    assert (full.reading.rescale, full.reading.renumber, full.reading.series) == ((1, -1024), {118: 117}, "2")


def test_the_content_hash_follows_the_bytes_of_scan_and_labels(archive):
    def hashes(options):
        return [case.content_hash() for case in find_cases([str(archive)], options)[0]]

    dicom, nifti = hashes(LABELLED)
    assert hashes(OPTIONS)[1] != nifti
    write_scan(archive / "b nifti" / "seg_all.nii.gz", VALUES.astype(np.uint8) + 1, np.eye(4))
    assert hashes(LABELLED)[0] == dicom
    assert hashes(LABELLED)[1] != nifti


def test_voxels_in_a_file_of_their_own_count(tmp_path):
    header = write_scan(tmp_path / "scan.mhd", VALUES, np.eye(4))
    (case,), _ = find_cases([str(header)], OPTIONS)
    before = case.content_hash()
    write_scan(header, VALUES + 1, np.eye(4))
    assert case.content_hash() != before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.jsonl", '{"scan": ', "line 1 is not JSON"),
        ("list.jsonl", "[]", "expected an object with scan"),
        ("list.jsonl", '{"scan": "x", "lables": "y"}', "expected an object with scan"),
        ("list.jsonl", '{"scan": "x", "rescale": 2}', "rescale is"),
        ("list.jsonl", '{"scan": "torso:1"}', "name torsos"),
        ("list.txt", "torso:a\n", "is no torso"),
        ("list.txt", "# nothing\n", "there is no case"),
    ],
)
def test_malformed_lists_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        find_cases([str(tmp_path / name)], OPTIONS)


def test_what_finds_nothing_or_too_much_is_refused(archive):
    with pytest.raises(InputError, match="no argument"):
        find_cases([], OPTIONS)
    with pytest.raises(InputError, match="there is no case"):
        find_cases([str(archive / "empty")], OPTIONS)
    with pytest.raises(InputError, match="cannot be read"):
        find_cases([str(archive / "absent.txt")], OPTIONS)
    with pytest.raises(InputError, match="several files"):
        find_cases([str(archive)], PrepareOptions(scan_name="*.nii.gz"))
