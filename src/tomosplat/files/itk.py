"""NRRD and MetaImage scans, through SimpleITK."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from tomosplat.errors import FileFormatError, GeometryError, ShapeError
from tomosplat.files.header import ScanHeader
from tomosplat.geometry import LPS_TO_RAS, Grid

_IMAGE_IO = {"NRRD": "NrrdImageIO", "MetaImage": "MetaImageIO"}
_DTYPES = {
    sitk.sitkUInt8: np.uint8, sitk.sitkInt8: np.int8, sitk.sitkUInt16: np.uint16, sitk.sitkInt16: np.int16,
    sitk.sitkUInt32: np.uint32, sitk.sitkInt32: np.int32, sitk.sitkUInt64: np.uint64, sitk.sitkInt64: np.int64,
    sitk.sitkFloat32: np.float32, sitk.sitkFloat64: np.float64,
}  # fmt: skip
#: Where the formats may state another unit of length than mm; ITK does not look.
_LENGTH_UNITS = {"NRRD": rb"^space units:(.*)$", "MetaImage": rb"^DistanceUnits\s*=(.*)$"}
_HEADER_BYTES = 4096


def read_itk_header(path: Path, file_format: str) -> ScanHeader:
    """Read where the voxels of a NRRD or MetaImage file are, without reading them.

    Args:
        path: The file that holds the header.
        file_format: "NRRD" or "MetaImage".

    Raises:
        FileFormatError: The header is damaged, or a voxel is not a single real number.
        ShapeError: The file does not hold one 3-D volume.
        GeometryError: A NRRD does not say which directions its axes point to, or lengths are not in mm.
    """
    _refuse_other_lengths(path, file_format)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(_IMAGE_IO[file_format])
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _damaged(path, file_format, error) from error
    size = reader.GetSize()
    if len(size) != 3:
        raise ShapeError(f"{path} holds an array of shape {size}, one 3-D volume was expected")
    pixel_type = reader.GetPixelID()
    if pixel_type not in _DTYPES:
        raise FileFormatError(
            f"{path} has shape {size} with {reader.GetNumberOfComponents()} numbers per voxel "
            f"({sitk.GetPixelIDValueAsString(pixel_type)}); one real number per voxel was expected"
        )
    keys = reader.GetMetaDataKeys()
    if file_format == "NRRD" and _metadata(reader, "NRRD_space") != "left-posterior-superior":  # ITK turns RAS and LAS
        raise GeometryError(
            f'{path} does not state which way its axes point (no anatomical "space" field), so left and right cannot '
            'be told apart; add "space: left-posterior-superior" (or what is true) to its header'
        )
    tracked = any(key.startswith("Seq_Frame") for key in keys)
    return ScanHeader(
        format=file_format,
        grid=_grid(size, reader),
        dtype=np.dtype(_DTYPES[pixel_type]),
        load=partial(_load, path, file_format),
        notes=("the third axis is a list of tracked frames, not a direction in space",) if tracked else (),
    )


def _refuse_other_lengths(path: Path, file_format: str) -> None:
    with path.open("rb") as file:
        stated = re.search(_LENGTH_UNITS[file_format], file.read(_HEADER_BYTES), re.MULTILINE)
    units = set(re.findall(rb"\w+", stated.group(1))) if stated else set()
    if units - {b"mm", b"millimeter", b"millimeters"}:
        raise GeometryError(
            f"{path} states lengths in {b', '.join(sorted(units)).decode()}; mm were expected: "
            "convert spacing and origin in its header"
        )


def _metadata(reader: sitk.ImageFileReader, key: str) -> str:
    return str(reader.GetMetaData(key)) if reader.HasMetaDataKey(key) else ""


def _grid(size: tuple[int, int, int], reader: sitk.ImageFileReader) -> Grid:
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * np.asarray(reader.GetSpacing())
    lps[:3, 3] = reader.GetOrigin()
    return Grid(size, LPS_TO_RAS @ lps)


def _load(path: Path, file_format: str) -> NDArray[Any]:
    try:
        image = sitk.ReadImage(str(path), imageIO=_IMAGE_IO[file_format])
    except RuntimeError as error:
        raise _damaged(path, file_format, error) from error
    values: NDArray[Any] = sitk.GetArrayFromImage(image).transpose()  # ITK's arrays run k, j, i
    return values


def _damaged(path: Path, file_format: str, error: RuntimeError) -> FileFormatError:
    reason = str(error).strip().splitlines()[-1].strip()
    return FileFormatError(
        f"{path} cannot be read as {file_format}: it is damaged, cut short, or the file with its voxels is missing "
        f"({reason})"
    )
