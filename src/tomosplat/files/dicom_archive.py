"""A tree of DICOM studies, as archives export them: which series are where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tomosplat.errors import FileFormatError, GeometryError, InputError
from tomosplat.files.dicom_geometry import arrange_slices
from tomosplat.files.dicom_instances import Instance, images_in

#: Cosine of the angle between slices' normal and the body's axis up to which they count as axial.
_AXIAL = 0.9


@dataclass(frozen=True)
class ArchivedSeries:
    """One series of a study, without its instances: an archive has more of those than memory.

    Attributes:
        study_uid: Study instance UID.
        uid: Series instance UID.
        number: Series number in its study, as text; "" if absent.
        folder: Where its files lie.
        modality: DICOM's code: CT, MR, US, PT, ...
        kernel: What the scanner calls the reconstruction; "" if absent.
        n_slices: Image files.
        is_axial: Whether slices are about perpendicular to the body's axis.
        problem: Why it is no volume; "" if it is one.
    """

    study_uid: str
    uid: str
    number: str
    folder: Path
    modality: str
    kernel: str
    n_slices: int
    is_axial: bool
    problem: str


@dataclass(frozen=True)
class UnreadableFolder:
    """A folder with a file that is DICOM by name, but cannot be read."""

    folder: Path
    problem: str


def walk_archive(root: Path) -> Iterator[ArchivedSeries | UnreadableFolder]:
    """Go through a tree folder by folder, in the order of names, reading headers only; other files are passed over.

    Raises:
        InputError: The tree, or something in it, may not be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    try:
        for parent, folders, names in os.walk(root, onerror=refuse):
            folders.sort()
            folder = Path(parent)
            try:
                instances = images_in([folder / name for name in sorted(names)])
            except FileFormatError as error:
                yield UnreadableFolder(folder, str(error))
            else:
                yield from _series_of(folder, instances)
    except OSError as error:
        raise InputError(f"{error.filename or root} cannot be read: {error.strerror or error}") from error


def _series_of(folder: Path, instances: list[Instance]) -> Iterator[ArchivedSeries]:
    by_uid: dict[str, list[Instance]] = {}
    for instance in instances:
        by_uid.setdefault(instance.series_uid, []).append(instance)
    for uid, members in by_uid.items():
        first, problem, is_axial = members[0], "", False
        try:
            _, grid, _ = arrange_slices(members)
        except (GeometryError, FileFormatError) as error:
            problem = str(error)
        else:
            normal = grid.affine[:3, 2]
            is_axial = bool(abs(normal[2]) >= _AXIAL * np.linalg.norm(normal))
        yield ArchivedSeries(
            first.study_uid,
            uid,
            first.series_number,
            folder,
            first.modality,
            first.kernel,
            len(members),
            is_axial,
            problem,
        )
