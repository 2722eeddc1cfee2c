"""The headers of DICOM images, and what they say about themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import UID

from tomosplat.errors import FileFormatError, InputError
from tomosplat.geometry import FloatArray

_TAGS = [
    "SOPInstanceUID", "StudyInstanceUID", "ConvolutionKernel",
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "InstanceNumber",
    "ImageType", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated",
    "PixelRepresentation", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleType",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Instance:
    """One image file of a series.

    Attributes:
        path: The file.
        uid: SOP instance UID.
        study_uid: UID of the study.
        series_uid: UID of the series.
        series_number: Number of the series in its study, as text; "" if absent.
        description: What the scanner calls the series.
        modality: DICOM's code: CT, MR, US, PT, ...
        kernel: What the scanner calls the reconstruction; "" if absent.
        number: Instance number; -1 if absent.
        size: (columns, rows).
        n_frames: Images in the file.
        n_samples: Numbers per pixel.
        dtype: How a pixel is stored.
        is_localizer: Whether it is a scout image.
        rescale_type: Unit that the file names for its values; "" if none.
        spacing: Pixel size along a row and along a column in mm (DICOM writes them the other way round).
        position: LPS mm of the centre of the first pixel.
        orientation: LPS unit vectors [2, 3] along a row and along a column.
    """

    path: Path
    uid: str
    study_uid: str
    series_uid: str
    series_number: str
    description: str
    modality: str
    kernel: str
    number: int
    size: tuple[int, int]
    n_frames: int
    n_samples: int
    dtype: np.dtype[Any]
    is_localizer: bool
    rescale_type: str
    spacing: FloatArray | None
    position: FloatArray | None
    orientation: FloatArray | None

    def __str__(self) -> str:
        return f"instance {self.number} ({self.path.name})"


def read_instances(folder: Path) -> list[Instance]:
    """Read the headers of all DICOM images in a folder and the folders in it; other files are passed over.

    Raises:
        InputError: The folder, or something in it, may not be read.
        FileFormatError: A file is named .dcm but is no DICOM, or its header is damaged.
    """

    def refuse(error: OSError) -> None:
        raise error

    try:
        walk = os.walk(folder, onerror=refuse)
        return images_in(sorted(Path(parent, name) for parent, _, names in walk for name in names))
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error


def images_in(paths: list[Path]) -> list[Instance]:
    """Read the headers of those files that are DICOM images.

    Raises:
        OSError: A file may not be read.
        FileFormatError: A file is named .dcm but is no DICOM, or its header is damaged.
    """
    return list(_images(paths))


def read_instance(path: Path) -> Instance:
    """Read the header of one DICOM image.

    Raises:
        FileFormatError: The file is no DICOM image.
    """
    for instance in _images([path]):
        return instance
    raise FileFormatError(f"{path} is DICOM, but no image")


def _images(paths: list[Path]) -> Iterator[Instance]:
    for path in paths:
        # Hospitals' files break many small rules; the values that matter here are checked by name.
        with pydicom.config.disable_value_validation():
            instance = _image(path)
        if instance is not None:
            yield instance


def _image(path: Path) -> Instance | None:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except (InvalidDicomError, EOFError) as error:
        if path.suffix.lower() == ".dcm":
            raise FileFormatError(f"{path} is named like DICOM but is none; is it cut short?") from error
        return None
    if "Rows" not in dataset or "SeriesInstanceUID" not in dataset:
        _refuse_damaged_image(path, dataset)
        return None
    try:
        return _instance(path, dataset)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"the DICOM header of {path} is damaged: {error}") from error


def _refuse_damaged_image(path: Path, dataset: pydicom.FileDataset) -> None:
    """Let pass what is no image by its class (a report, a plan, contours, an index)."""
    sop_class = UID(dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    unknown = sop_class.name == sop_class and not (sop_class and sop_class.is_private)
    if unknown or "Image Storage" in sop_class.name:
        raise FileFormatError(f"{path} is DICOM, but its header lacks what an image needs; is it cut short?")


def _instance(path: Path, dataset: pydicom.Dataset) -> Instance:
    def text(tag: str) -> str:
        return str(dataset.get(tag) or "").strip()

    def count(tag: str, default: int) -> int:
        value = dataset.get(tag)
        return default if value is None else int(value)

    spacing = _numbers(dataset.get("PixelSpacing"), 2)
    orientation = _numbers(dataset.get("ImageOrientationPatient"), 6)
    return Instance(
        path=path,
        uid=text("SOPInstanceUID"),
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        series_number=text("SeriesNumber"),
        description=text("SeriesDescription"),
        modality=text("Modality"),
        kernel=_first_text(dataset.get("ConvolutionKernel")),
        number=count("InstanceNumber", -1),
        size=(count("Columns", 0), count("Rows", 0)),
        n_frames=count("NumberOfFrames", 1),
        n_samples=count("SamplesPerPixel", 1),
        dtype=_dtype(count("BitsAllocated", 16), signed=count("PixelRepresentation", 0) == 1),
        is_localizer="LOCALIZER" in [str(value).upper() for value in dataset.get("ImageType") or []],
        rescale_type=text("RescaleType"),
        spacing=None if spacing is None else spacing[::-1],
        position=_numbers(dataset.get("ImagePositionPatient"), 3),
        orientation=None if orientation is None else orientation.reshape(2, 3),
    )


def _dtype(bits: int, signed: bool) -> np.dtype[Any]:
    size = next((size for size in (1, 2, 4) if bits <= 8 * size), 8)
    return np.dtype(f"{'i' if signed else 'u'}{size}")


def _numbers(values: Any, n: int) -> FloatArray | None:
    if values is None or len(values) != n:
        return None
    numbers = np.array([float(value) for value in values])
    return numbers if np.all(np.isfinite(numbers)) else None


def _first_text(value: Any) -> str:
    """Of one text or several, the first."""
    return str((value[0] if value else "") if isinstance(value, MultiValue) else value or "").strip()
