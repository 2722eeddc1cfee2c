"""Which format a file has: by its content, checked against its name."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from tomosplat.errors import FileFormatError, InputError
from tomosplat.files.header import ScanHeader
from tomosplat.files.nifti import is_nifti, read_nifti_header

_FORMAT_OF_SUFFIX = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
    ".dcm": "DICOM",
}
_KNOWN = "a DICOM folder or file, NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd)"
_SNIFFED_BYTES = 4096


def open_scan(path: Path, series: str | None = None) -> ScanHeader:
    """Read the header of a scan of any supported format.

    Raises:
        InputError: The path does not exist, may not be read, or the file in it cannot be used (see ``read_volume``).
    """
    try:
        if path.is_dir():
            return _open_dicom(path, series)
        file_format = file_format_of(path)
        if file_format == "DICOM":
            return _open_dicom(path, series)
        if series is not None:
            raise InputError(f'series "{series}" was asked for, but {path} is {file_format}; only DICOM has series')
        if file_format == "NIfTI":
            return read_nifti_header(path)
        from tomosplat.files.itk import read_itk_header

        return read_itk_header(path, file_format)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def file_format_of(path: Path) -> str:
    """Return "DICOM", "NIfTI", "NRRD" or "MetaImage" from the content of a scan file.

    Raises:
        FileFormatError: The file is empty, of no supported format, or of another one than its name says.
    """
    with path.open("rb") as file:
        start = file.read(_SNIFFED_BYTES)
    if not start:
        raise FileFormatError(f"{path} is empty")
    named = _format_by_name(path)
    compressed = start.startswith(b"\x1f\x8b")
    if compressed != path.name.lower().endswith(".gz"):
        state = "is compressed with gzip" if compressed else "is not compressed with gzip"
        raise FileFormatError(f"{path} {state}, other than its name says; rename it to what it is")
    if compressed:
        start = _decompressed_start(path)
    found = _format_by_content(start)
    if found is None:
        raise FileFormatError(f"{path} is no scan that can be read; expected {_KNOWN}")
    if named not in (None, found):
        raise FileFormatError(f"{path} is named like {named} but holds {found}; rename it to what it is")
    return found


def _open_dicom(path: Path, series: str | None) -> ScanHeader:
    from tomosplat.files.dicom import read_dicom_header

    return read_dicom_header(path, series)


def _format_by_name(path: Path) -> str | None:
    name = path.name.lower()
    return next((known for suffix, known in _FORMAT_OF_SUFFIX.items() if name.endswith(suffix)), None)


def _format_by_content(start: bytes) -> str | None:
    if is_nifti(start):
        return "NIfTI"
    if start.startswith(b"NRRD"):
        return "NRRD"
    if start[128:132] == b"DICM":
        return "DICOM"
    if b"NDims" in start:
        return "MetaImage"
    return None


def _decompressed_start(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(_SNIFFED_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
