"""DICOM series: found, chosen, arranged by their own geometry, and read slice by slice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import FileFormatError, GeometryError, InputError, SeriesChoiceError
from tomosplat.files.dicom_geometry import arrange_slices
from tomosplat.files.dicom_instances import Instance, read_instance, read_instances
from tomosplat.files.header import ScanHeader
from tomosplat.volume import Modality, Unit

#: "US" means unspecified; CT scanners write it, or nothing, for HU.
_HU_RESCALE_TYPES = ("", "HU", "US")


@dataclass(frozen=True)
class SeriesInfo:
    """One DICOM series in a folder.

    Attributes:
        uid: Series instance UID.
        number: Series number in its study, as text; "" if absent.
        description: What the scanner calls it.
        modality: DICOM's code: CT, MR, US, PT, ...
        n_instances: Image files.
        shape: Voxels (I, J, K); None if the series is no volume.
        spacing: Voxel size in mm; None if the series is no volume.
        problem: Why the series is no volume; "" if it is one.
    """

    uid: str
    number: str
    description: str
    modality: str
    n_instances: int
    shape: tuple[int, int, int] | None
    spacing: tuple[float, float, float] | None
    problem: str

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) if self.shape else "no volume"
        return f"{self.number or '?'}: {self.description or 'unnamed'}, {self.modality}, {shape} (UID {self.uid})"


def list_series(folder: str | os.PathLike[str]) -> list[SeriesInfo]:
    """List the DICOM series in a folder and the folders in it, by reading headers only.

    Raises:
        InputError: There is no DICOM image.
        FileFormatError: A file is named .dcm but is no DICOM.
    """
    return [_describe(instances) for instances in _by_series(Path(folder)).values()]


def read_dicom_header(path: Path, series: str | None) -> ScanHeader:
    """Read where the voxels of a DICOM series are, without reading them.

    Args:
        path: A folder, or one file of the series in its folder.
        series: UID, number or unique part of the description of the series, where there are several.

    Raises:
        InputError: There is no DICOM image.
        SeriesChoiceError: There are several series and ``series`` picks none or more than one.
        GeometryError: The instances do not form one volume (see ``arrange_slices``).
    """
    all_series = _by_series(path if path.is_dir() else path.parent)
    if series is None and not path.is_dir():
        series = read_instance(path).series_uid
    ordered, grid, notes = arrange_slices(_choose(all_series, series, path))
    first = ordered[0]
    return ScanHeader(
        format="DICOM",
        grid=grid,
        dtype=first.dtype,
        load=partial(_load, ordered),
        unit=_unit(ordered),
        modality=_modality(first.modality),
        notes=notes,
    )


def _by_series(folder: Path) -> dict[str, list[Instance]]:
    found: dict[str, list[Instance]] = {}
    for instance in read_instances(folder):
        found.setdefault(instance.series_uid, []).append(instance)
    if not found:
        raise InputError(
            f"folder {folder} holds no DICOM image; for NIfTI, NRRD or MetaImage give the file itself, not its folder"
        )
    return found


def _describe(instances: Sequence[Instance]) -> SeriesInfo:
    first = instances[0]
    shape, spacing, problem = None, None, ""
    try:
        _, grid, _ = arrange_slices(instances)
    except (GeometryError, FileFormatError) as error:
        problem = str(error)
    else:
        shape = grid.shape
        spacing = (float(grid.spacing[0]), float(grid.spacing[1]), float(grid.spacing[2]))
    return SeriesInfo(
        uid=first.series_uid,
        number=first.series_number,
        description=first.description,
        modality=first.modality,
        n_instances=len(instances),
        shape=shape,
        spacing=spacing,
        problem=problem,
    )


def _choose(all_series: dict[str, list[Instance]], series: str | None, path: Path) -> list[Instance]:
    if series is None:
        if len(all_series) == 1:
            return next(iter(all_series.values()))
        raise SeriesChoiceError(f"{path} holds {len(all_series)} series; {_how_to_choose(all_series)}")
    matches = _matching(all_series, series)
    if len(matches) == 1:
        return all_series[matches[0]]
    found = "no series" if not matches else f"{len(matches)} series"
    raise SeriesChoiceError(f'"{series}" names {found} in {path}; {_how_to_choose(all_series)}')


def _matching(all_series: dict[str, list[Instance]], series: str) -> list[str]:
    """UIDs that ``series`` names: exactly as UID or number if there is one, else as a part of UID or description."""
    firsts = [instances[0] for instances in all_series.values()]
    exact = [first.series_uid for first in firsts if series in (first.series_uid, first.series_number)]
    wanted = series.lower()
    parts = [
        first.series_uid
        for first in firsts
        if wanted in first.description.lower() or wanted in first.series_uid.lower()
    ]
    return exact or parts


def _how_to_choose(all_series: dict[str, list[Instance]]) -> str:
    listed = "".join(f"\n  {_describe(instances)}" for instances in all_series.values())
    return f"choose one with --series (UID, number, or a part of the description that no other has):{listed}"


def _modality(code: str) -> Modality:
    return code if code in get_args(Modality) else "unknown"  # type: ignore[return-value]


def _unit(instances: Sequence[Instance]) -> Unit:
    in_hu = all(instance.modality == "CT" and instance.rescale_type in _HU_RESCALE_TYPES for instance in instances)
    return "HU" if in_hu else "arbitrary"


def _load(ordered: Sequence[Instance]) -> NDArray[np.float32]:
    import SimpleITK as sitk

    # One by one, because rescale slope and intercept may differ between slices, and ITK's reader of whole series
    # would round them all to the number type of the first.
    columns, rows = ordered[0].size
    slices = np.empty((len(ordered), rows, columns), dtype=np.float32)
    for k, instance in enumerate(ordered):
        try:
            image = sitk.ReadImage(str(instance.path), sitk.sitkFloat32, imageIO="GDCMImageIO")
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise FileFormatError(
                f"the pixels of {instance.path} cannot be read: the file is damaged, cut short, or compressed in a way "
                f"that is not known here ({reason})"
            ) from error
        slices[k] = sitk.GetArrayViewFromImage(image)[0]
    return slices.transpose()
