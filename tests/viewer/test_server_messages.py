"""Errors on the page say what is wrong, and not where or what the file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tomosplat.errors import InputError
from tomosplat.viewer.serving.messages import public_message

CALLED = {Path("records/DOE_JOHN/ct.nii.gz"): "the scan", Path("/data/doe labels.nrrd"): "the label map"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("records/DOE_JOHN/ct.nii.gz is cut short: 3 bytes", "the scan is cut short: 3 bytes"),
        (f"{Path.cwd()}/records/DOE_JOHN/ct.nii.gz is empty", "the scan is empty"),
        ("labels /data/doe labels.nrrd are on another grid", "labels the label map are on another grid"),
        ("cannot read /home/doe/.cache/x: full", "cannot read a file: full"),
        (r"cannot read C:\Users\doe\x.nii: full", "cannot read a file: full"),
        ("choose one with --series:\n  1: DOE, CT", "choose one with --series"),
        ("series 1.2.840.113619.2.55.3.604688.1 is uneven", "series (UID) is uneven"),
        ("slices are 2.50 mm apart, up to 1/4 off; see NRRD/MetaImage", None),
        ("nothing is visible: check the labels, the unit (HU) and --tf", None),
    ],
)
def test_names_of_files_and_studies_are_left_out(message: str, told: str | None) -> None:
    said = public_message(InputError(message), CALLED)
    assert said[0].isupper()
    assert said[1:] == (told or message)[1:]


def test_files_inside_a_dicom_folder_are_not_named(tmp_path) -> None:
    folder = tmp_path / "DOE_JOHN"
    folder.mkdir()
    (folder / "DOE_JOHN_0001.dcm").touch()
    paths = {folder: "the scan"}
    assert public_message(InputError(f"{folder} holds 2 series"), paths) == "The scan holds 2 series"
    text = f"the pixels of {folder}/DOE_JOHN_0001.dcm are damaged, as are those of instance 3 (DOE_JOHN_0001.dcm)"
    told = "The pixels of the scan are damaged, as are those of instance 3 (a file)"
    assert public_message(InputError(text), paths) == told
