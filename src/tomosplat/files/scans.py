"""Scans and label maps from disk, in RAS+ millimetres and with what was assumed about them written down."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat import machine
from tomosplat.errors import LabelError, MemoryLimitError, SeriesChoiceError, UnitsError
from tomosplat.files.formats import open_scan
from tomosplat.files.header import ScanHeader
from tomosplat.files.hounsfield import check_hounsfield, settle_unit
from tomosplat.geometry import Grid
from tomosplat.volume import LabelMap, Modality, Unit, Volume
from tomosplat.volume.orientation import AxisOrder


def read_volume(
    path: str | os.PathLike[str],
    *,
    series: str | None = None,
    unit: Unit | None = None,
    modality: Modality | None = None,
    rescale: tuple[float, float] | None = None,
    memory_limit: int | None = None,
) -> Volume:
    """Read a scan: a DICOM folder (or one file of it), NIfTI, NRRD or MetaImage.

    The file's index axes are kept as they are; only ITK's and DICOM's LPS becomes RAS+ mm. Values are never clamped.

    Args:
        path: File or folder.
        series: Which of a folder's DICOM series: its UID, number, or a unique part of its description.
        unit: What the values are; found out where not given (DICOM says so, else HU when there is air below -500).
        modality: What made the scan; found out where not given.
        rescale: (slope, intercept) that turn the stored values into HU, for CT that was stored otherwise.
        memory_limit: Bytes that reading may take; what the machine has free by default.

    Raises:
        InputError: The path does not exist or may not be read.
        FileFormatError: The file is damaged, cut short, or not what its name says.
        ShapeError: It does not hold exactly one 3-D volume.
        SeriesChoiceError: The folder holds several series and ``series`` picks none or more than one.
        GeometryError: Orientation or slice positions are missing, contradictory or irregular (SliceSpacingError).
        UnitsError: A value is not finite, 8-bit values are given as HU, or ``rescale`` is impossible.
        MemoryLimitError: Reading would take more than ``memory_limit``.
    """
    header = open_scan(Path(path), series)
    _check_memory(header, path, memory_limit)
    values = header.load().astype(np.float32, copy=False)
    notes = list(header.notes)
    if rescale is not None:
        slope, intercept = rescale
        if not (math.isfinite(slope) and slope != 0 and math.isfinite(intercept)):
            raise UnitsError(
                f"rescale needs a finite slope other than 0 and a finite intercept, got {slope} {intercept}"
            )
        values = values * np.float32(slope) + np.float32(intercept)
        unit = unit or "HU"
        notes.append(f"values rescaled to HU: {slope:g} times the stored value plus {intercept:g}")
    modality = modality or header.modality
    low, high = float(values.min()), float(values.max())
    if unit is None:
        unit, why = settle_unit(header, modality, low, high)
        notes.extend(why)
    if unit == "HU":
        modality = "CT" if modality == "unknown" else modality
        notes.extend(check_hounsfield(low, high, path) if rescale is None else ())
    return Volume(values, header.grid, unit, modality, tuple(notes))


def read_labels(path: str | os.PathLike[str], like: Grid | None = None) -> LabelMap:
    """Read a label map: whole numbers from 0 to 255, in NIfTI, NRRD or MetaImage.

    Args:
        path: The file.
        like: Grid of the scan that the labels belong to. Labels on the same voxels in another order of axes are
            reordered exactly; that is noted in the history.

    Raises:
        LabelError: Values are no label ids, or the labels lie on another grid than ``like``.
        InputError: As ``read_volume``.
    """
    header = open_scan(Path(path), None)
    _check_memory(header, path, None)
    ids = _whole(header.load(), path)
    if like is None or header.grid.matches(like):
        return LabelMap(ids, like or header.grid, history=header.notes)
    order = AxisOrder.between(header.grid, like)
    if order is None:
        raise LabelError(
            f"labels {path} are on another grid than the scan: {header.grid}, not {like}. Labels must be on the voxels "
            "of their scan: resample them with the tool that made them, or segment this scan"
        )
    note = f"label axes reordered from {header.grid.orientation} to {like.orientation}, the scan's"
    return LabelMap(order.apply(ids), like, history=(*header.notes, note))


def read_grid(path: str | os.PathLike[str], *, series: str | None = None) -> Grid:
    """Read where a scan's voxels are, without reading them; errors as ``read_volume``."""
    return open_scan(Path(path), series).grid


def describe(path: str | os.PathLike[str], *, series: str | None = None) -> dict[str, Any]:
    """Say what a scan or label file is: format, geometry, unit, range; for a folder of several series, which.

    Returns:
        JSON-serialisable facts.

    Raises:
        InputError: As ``read_volume``; but several series are listed, and 8-bit values are no error here.
    """
    try:
        header = open_scan(Path(path), series)
    except SeriesChoiceError:
        if series is not None:
            raise
        return {"format": "DICOM", "series": _describe_series(Path(path))}
    _check_memory(header, path, None)
    values = header.load()
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    unit, why = settle_unit(header, header.modality, low, high)
    facts = {
        "format": header.format,
        "shape": list(header.grid.shape),
        "spacing_mm": header.grid.spacing.round(6).tolist(),
        "orientation": header.grid.orientation,
        "affine_ras": header.grid.affine.round(6).tolist(),
        "stored_as": header.dtype.name,
        "modality": header.modality,
        "unit": unit,
        "range": [low, high] if finite.size else None,
        "not_finite": int(values.size - finite.size),
        "notes": [*header.notes, *why],
    }
    if header.format == "DICOM":
        facts["series"] = _describe_series(Path(path))
    elif header.dtype.kind in "iu" and low >= 0 and high <= 255:
        facts["distinct_values"] = np.unique(values).tolist()
    return facts


def _describe_series(path: Path) -> list[dict[str, Any]]:
    from tomosplat.files.dicom import list_series

    return [asdict(info) for info in list_series(path if path.is_dir() else path.parent)]


def _check_memory(header: ScanHeader, path: str | os.PathLike[str], limit: int | None) -> None:
    limit = machine.available_memory() if limit is None else limit
    # While it is read, a scan is held as stored (twice in the formats that ITK reads) and as float32.
    needed = header.grid.n_voxels * (2 * header.dtype.itemsize + 4)
    if needed > limit:
        raise MemoryLimitError(
            f"{path} has {header.grid}: reading it takes {needed / 1e9:.2f} GB and {limit / 1e9:.2f} GB may be used; "
            "crop or shrink the scan, free memory, or use a larger machine"
        )


def _whole(values: NDArray[Any], path: str | os.PathLike[str]) -> NDArray[Any]:
    if values.dtype == np.uint8:
        return values
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255):  # also refuses NaN
        raise LabelError(f"labels {path} hold values from {low:g} to {high:g}; ids must be whole numbers from 0 to 255")
    ids = values.astype(np.uint8)
    if not np.array_equal(ids, values):
        fraction = values[ids != values].flat[0]
        raise LabelError(
            f"labels {path} hold fractions ({fraction:g}); ids must be whole numbers from 0 to 255 "
            "(were the labels resampled linearly? use nearest)"
        )
    return ids
