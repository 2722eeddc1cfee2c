"""Which scans are meant: folders, lists, single files and procedural torsos."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tomosplat.errors import InputError
from tomosplat.files.scans import read_grid
from tomosplat.jobs import hash_data, hash_files, known_hashes
from tomosplat.pipeline.batch.archives import pick_series
from tomosplat.pipeline.datasets.options import CaseOptions
from tomosplat.pipeline.options import ScanOptions
from tomosplat.report import Report

_TORSO = re.compile(r"torso:(\d+)(?:\.\.(\d+))?")
_ARCHIVE = "dicom:"
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
#: What a case needs: libraries, the scan as it is read, and everything on the working grid (measured, see
#: benchmarks/scale.md).
_BASE_BYTES, _BYTES_PER_VOXEL, _BYTES_PER_WORKING_VOXEL = 500_000_000, 10, 50
_FIELDS = ("scan", "labels", "id", "series", "rescale", "renumber")


@dataclass(frozen=True)
class Source:
    """Where one case comes from.

    Attributes:
        id: Its name.
        scan: File or DICOM folder, or the seed of a procedural torso.
        reading: How it is read and labelled.
        private: Whether nothing that is written may say where its files lie.
    """

    id: str
    scan: Path | int
    reading: ScanOptions
    private: bool = False

    @property
    def files(self) -> list[Path]:
        """Every file that the case is made from."""
        scan, labels = self.scan, self.reading.labels
        found = [] if isinstance(scan, int) else _files_of(scan)
        return found if labels is None else [*found, *_files_of(labels)]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Scan and labels, for people; none if they are private."""
        if self.private:
            return ()
        labels = self.reading.labels
        scan = f"torso:{self.scan}" if isinstance(self.scan, int) else str(self.scan)
        return (scan,) if labels is None else (scan, str(labels))

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(path.stat().st_size for path in self.files if path.is_file())

    @property
    def signature(self) -> str:
        """Hash of the files' sizes and times of change: it is found without reading them. "" if there are none."""
        try:
            looks = [(status.st_size, status.st_mtime_ns) for status in (path.stat() for path in self.files)]
        except OSError:
            return ""
        return hash_data([list(map(str, self.files)), looks]) if looks else ""

    def content_hash(self) -> str:
        """Hash of the files' bytes, or of the seed."""
        if isinstance(self.scan, int):
            return hash_data(["torso", self.scan])
        try:
            return hash_files(self.files)
        except OSError:  # whoever reads it will say what is wrong
            return hash_data(["unreadable", str(self.scan)])


def find_cases(sources: Sequence[str], options: CaseOptions) -> tuple[list[Source], list[str]]:
    """The cases that arguments stand for, and a line for everything that was passed over, which says why.

    An argument is ``torso:3``, ``torso:0..7`` (both ends included), a scan file, a folder that holds a scan, a folder
    of such folders, ``dicom:FOLDER``, a tree of DICOM studies (see ``pick_series``), or a list: a ``.txt`` with an
    argument on each line, or a ``.jsonl`` with objects of ``scan`` and optionally ``labels``, ``id``, ``series``,
    ``rescale`` and ``renumber``. Paths in a list begin at its own folder.

    Raises:
        InputError: An argument is none of these, finds nothing, or a pattern matches several files.
    """
    passed_over: list[str] = []
    cases = [case for source in sources for case in _cases_of(source, options, passed_over)]
    if not cases:
        where = ", ".join(sources) or "no argument"
        raise InputError(
            f"there is no case in {where}: expected scans, folders with a scan ({options.scan_name} or DICOM), lists "
            "(.txt, .jsonl), dicom:FOLDER or torso:0..7; --scan-name says how the scans are called"
        )
    return cases, passed_over


def content_hashes(sources: Sequence[Source], folder: Path, report: Report) -> dict[str, str]:
    """Content hash of each source by its id; files that an earlier list in ``folder`` knows as they are go unread."""
    known = known_hashes(folder)
    found: dict[str, str] = {}
    with report.stage("hash scans") as progress:
        for n, source in enumerate(sources):
            found[source.id] = known.get((source.id, source.signature)) or source.content_hash()
            progress(n + 1, len(sources))
    return found


def memory_of(source: Source) -> int:
    """Bytes that reading and priming a source are expected to need; 0 if its header cannot be read."""
    if isinstance(source.scan, int):
        return 0
    try:
        grid = read_grid(source.scan, series=source.reading.series)
    except InputError:  # whoever reads it will say what is wrong
        return 0
    voxels = math.prod(grid.shape)
    # Tissues are found on a grid of 1.5 mm, however coarse the scene's is.
    edge = source.reading.spacing if source.reading.labels else min(source.reading.spacing, 1.5)
    working = voxels * float(np.prod(grid.spacing)) / edge**3
    return int(_BASE_BYTES + _BYTES_PER_VOXEL * voxels + _BYTES_PER_WORKING_VOXEL * working)


def _cases_of(source: str, options: CaseOptions, passed_over: list[str]) -> Iterator[Source]:
    if source.startswith("torso:"):
        yield from _torsos(source, options)
        return
    if source.startswith(_ARCHIVE):
        yield from _archive(Path(source.removeprefix(_ARCHIVE)), options, passed_over)
        return
    path = Path(source)
    if path.suffix == ".jsonl":
        yield from _jsonl(path, options)
    elif path.suffix == ".txt":
        for _, line in _lines(path):
            yield from _cases_of(_beside(path, line), options, passed_over)
    elif path.is_dir():
        yield from _folder(path, options, passed_over)
    else:
        yield _scan(path, options)


def _torsos(source: str, options: CaseOptions) -> Iterator[Source]:
    match = _TORSO.fullmatch(source)
    if match is None:
        raise InputError(f"{source!r} is no torso: expected torso:SEED or torso:FIRST..LAST, for example torso:0..7")
    first, last = int(match[1]), int(match[2] or match[1])
    for seed in range(first, last + 1):
        yield Source(f"torso-{seed}", seed, _reading(options))


def _archive(root: Path, options: CaseOptions, passed_over: list[str]) -> Iterator[Source]:
    picked = pick_series(root)
    passed_over += [f"{line}, passed over" for line in picked.passed_over]
    for series in picked.series:
        reading = replace(_reading(options), series=series.uid)
        # UIDs are unique, and unlike the folders' names they do not name a patient.
        yield Source(_fit(series.study_uid or series.uid), series.folder, reading)
    for damaged in picked.unreadable:
        yield Source(_fit(str(damaged.folder.relative_to(root))) or "damaged", damaged.folder, _reading(options))


def _folder(folder: Path, options: CaseOptions, passed_over: list[str]) -> Iterator[Source]:
    scan = _scan_in(folder, options)
    if scan is not None:
        yield _scan(scan, options)
        return
    for child in sorted(path for path in folder.iterdir() if path.is_dir()):
        scan = _scan_in(child, options)
        if scan is None:
            passed_over.append(f"no scan in {child}, passed over")
        else:
            yield _scan(scan, options)


def _scan_in(folder: Path, options: CaseOptions) -> Path | None:
    scan = _only_match(folder, options.scan_name)
    if scan is None and any(_is_dicom(path) for path in sorted(folder.iterdir()) if path.is_file()):
        return folder
    return scan


def _scan(path: Path, options: CaseOptions) -> Source:
    folder = path if path.is_dir() else path.parent
    labels = _only_match(folder, options.labels_name) if options.labels_name is not None else None
    # In a folder of its own, a scan is called like the folder: all files there have one name.
    name = folder.resolve().name if path.is_dir() or path.match(options.scan_name) else _stem(path)
    return Source(_fit(name), path, replace(_reading(options), labels=labels))


def _jsonl(path: Path, options: CaseOptions) -> Iterator[Source]:
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where} is not JSON: {error}") from error
        if not isinstance(row, dict) or "scan" not in row or not set(row) <= set(_FIELDS):
            raise InputError(f"{where}: expected an object with scan and, if need be, {', '.join(_FIELDS[1:])}")
        try:
            yield _row(path, row, options)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: {error}; rescale is [slope, intercept], renumber {{found: meant}}") from error


def _row(path: Path, row: Mapping[str, Any], options: CaseOptions) -> Source:
    if str(row["scan"]).startswith("torso:"):
        raise InputError(f"{path}: name torsos on the command line or in a .txt list, not in .jsonl")
    source = _scan(Path(_beside(path, row["scan"])), options)
    reading = source.reading
    if "labels" in row:
        reading = replace(reading, labels=Path(_beside(path, row["labels"])))
    if "series" in row:
        reading = replace(reading, series=str(row["series"]))
    if "rescale" in row:
        slope, intercept = row["rescale"]
        reading = replace(reading, rescale=(float(slope), float(intercept)))
    if "renumber" in row:
        reading = replace(reading, renumber={int(old): int(new) for old, new in dict(row["renumber"]).items()})
    return Source(str(row.get("id", source.id)), source.scan, reading)


def _reading(options: CaseOptions) -> ScanOptions:
    return ScanOptions(segmenter=options.segmenter, spacing=options.spacing)


def _only_match(folder: Path, pattern: str) -> Path | None:
    try:
        matches = sorted(path for path in folder.glob(pattern) if path.is_file())
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{pattern!r} is no file name pattern: {error}") from error
    if len(matches) > 1:
        raise InputError(
            f"{folder} has several files called {pattern}: {', '.join(path.name for path in matches)}; "
            "give a pattern that matches one (--scan-name, --labels-name), or a .jsonl list"
        )
    return matches[0] if matches else None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list {path} cannot be read: {error}") from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return ((number, line) for number, line in stripped if line and not line.startswith("#"))


def _beside(path: Path, name: str) -> str:
    if name.startswith(_ARCHIVE):
        return _ARCHIVE + str(path.parent / name.removeprefix(_ARCHIVE))
    return name if name.startswith("torso:") else str(path.parent / name)


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(child for child in path.iterdir() if child.is_file())
    if path.suffix.lower() in (".mhd", ".nhdr"):  # a header whose voxels lie in another file
        return sorted(path.parent.glob(f"{path.stem}.*"))
    return [path]


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _stem(path: Path) -> str:
    suffix = next((suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def _fit(name: str) -> str:
    """The name without what does not belong in a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
