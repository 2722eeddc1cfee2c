"""Which series of each study of a DICOM archive becomes a scene, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.dicom_archive import ArchivedSeries, UnreadableFolder, walk_archive

#: Fewer slices are a scout, a localiser or a single level, not a body.
_FEWEST_SLICES = 10
#: Kernels that enhance edges, and noise with them: by the makers' words, or by numbers from 55 (B60f, Br64, FC56).
_SHARP_WORDS = ("BONE", "LUNG", "EDGE", "SHARP", "DETAIL", "ULTRA")
_SHARP_NUMBER = 55


@dataclass(frozen=True)
class Picked:
    """What is taken of an archive.

    Attributes:
        series: One of each study that has one.
        unreadable: Folders with damaged files: whoever reads them will say what is wrong.
        passed_over: A line for every other series, which says why.
    """

    series: tuple[ArchivedSeries, ...]
    unreadable: tuple[UnreadableFolder, ...]
    passed_over: tuple[str, ...]


def pick_series(root: Path) -> Picked:
    """Of each study, the axial CT that has most slices; of several, one with a smooth kernel, then the lowest number.

    A series counts if it is a CT, axial, a volume by its own geometry, has at least 10 slices and lies in one folder.

    Raises:
        InputError: There is no such folder, or something in it may not be read.
    """
    if not root.is_dir():
        raise InputError(f"there is no folder {root}: dicom:FOLDER names a tree of DICOM studies")
    studies: dict[str, dict[str, list[ArchivedSeries]]] = {}
    unreadable: list[UnreadableFolder] = []
    for found in walk_archive(root):
        if isinstance(found, UnreadableFolder):
            unreadable.append(found)
        else:
            studies.setdefault(found.study_uid, {}).setdefault(found.uid, []).append(found)
    taken: list[ArchivedSeries] = []
    passed_over: list[str] = []
    for _, series in sorted(studies.items()):
        faults = {uid: _fault(parts) for uid, parts in series.items()}
        fit = sorted((parts[0] for uid, parts in series.items() if not faults[uid]), key=_rank)
        taken += fit[:1]
        passed_over += [f"{_named(parts[0])}: {faults[uid]}" for uid, parts in series.items() if faults[uid]]
        passed_over += [f"{_named(other)}: {_lost_to(fit[0], other)}" for other in fit[1:]]
    return Picked(tuple(taken), tuple(unreadable), tuple(passed_over))


def is_sharp(kernel: str) -> bool:
    """Whether a reconstruction kernel enhances edges, as far as its name tells."""
    numbers = [int(number) for number in re.findall(r"(?<!\d)\d{2}(?!\d)", kernel)]
    return any(word in kernel.upper() for word in _SHARP_WORDS) or any(n >= _SHARP_NUMBER for n in numbers)


def _fault(parts: Sequence[ArchivedSeries]) -> str:
    """Why a series does not count; "" if it does."""
    series = parts[0]
    if len(parts) > 1:
        return f"lies in {len(parts)} folders ({', '.join(str(part.folder) for part in parts)}); put it into one"
    if series.modality != "CT":
        return f"is {series.modality or 'of no modality'}, not CT"
    if series.n_slices < _FEWEST_SLICES:
        return f"has {series.n_slices} slices, fewer than {_FEWEST_SLICES}"
    if series.problem:
        return f"is no volume: {series.problem}"
    return "" if series.is_axial else "is not axial"


def _rank(series: ArchivedSeries) -> tuple[int, bool, int, str]:
    """Less is better."""
    number = int(series.number) if series.number.isdecimal() else 2**31
    return -series.n_slices, is_sharp(series.kernel), number, series.uid


def _lost_to(taken: ArchivedSeries, other: ArchivedSeries) -> str:
    if other.n_slices < taken.n_slices:
        return f"has {other.n_slices} slices, series {taken.number} of the same study {taken.n_slices}"
    if is_sharp(other.kernel) and not is_sharp(taken.kernel):
        return f"has a sharp kernel ({other.kernel}), series {taken.number} of the same study a smooth one"
    return f"is as good as series {taken.number} of the same study, which comes first"


def _named(series: ArchivedSeries) -> str:
    return f"series {series.number or '?'} in {series.folder} (UID {series.uid})"
