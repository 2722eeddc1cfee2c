"""Datasets: a folder of shards, one for each case, and a manifest that vouches for them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tomosplat.errors import FileFormatError, InputError
from tomosplat.files.atomic import writing
from tomosplat.files.shards import Shard
from tomosplat.jobs import hash_file

MANIFEST = "manifest.json"
_FORMAT, _VERSION = "tomosplat-dataset", 1


def open_case(path: str | os.PathLike[str], sha256: str | None = None) -> Shard:
    """Open a shard, its tensors loaded when asked for.

    Args:
        path: The shard.
        sha256: What the manifest says; if given, the whole file is read once to check it.

    Raises:
        InputError: The file cannot be read.
        FileFormatError: It is no shard, damaged, or another one than ``sha256`` says.
    """
    if sha256 is not None:
        _check_hash(Path(path), sha256)
    return Shard(Path(path))


@dataclass(frozen=True)
class CaseEntry:
    """One case in a manifest.

    Attributes:
        id: Its name.
        shard: File name of the shard, below the dataset's folder.
        sha256: Of the shard.
        bytes: Of the shard.
        content_hash: Of the scan and labels that it was made from.
        config_hash: Of the options that it was made with.
        previews: File names of pictures for people.
        facts: What it holds, in short.
    """

    id: str
    shard: str
    sha256: str
    bytes: int
    content_hash: str
    config_hash: str
    previews: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What a dataset consists of.

    Attributes:
        folder: Where it is.
        cases: By id.
    """

    folder: Path
    cases: Mapping[str, CaseEntry]

    def open(self, case_id: str, *, check: bool = True) -> Shard:
        """Open a case's shard, after checking its hash unless told not to; errors as ``open_case``."""
        if case_id not in self.cases:
            raise InputError(f"{self.folder} has no case {case_id!r}; it has {', '.join(self.cases) or 'none'}")
        entry = self.cases[case_id]
        return open_case(self.folder / entry.shard, entry.sha256 if check else None)


def write_manifest(folder: Path, entries: Sequence[CaseEntry]) -> None:
    """Write ``manifest.json``, cases sorted by id.

    Raises:
        OutputError: The file could not be written.
    """
    cases = [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.id)]
    with writing(folder / MANIFEST) as temporary:
        data = {"format": _FORMAT, "version": _VERSION, "cases": cases}
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """Read a dataset's manifest.

    Raises:
        InputError: There is none.
        FileFormatError: It is malformed, of another version, or names files outside the folder.
    """
    path = Path(folder) / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{folder} is no dataset: {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise FileFormatError(f"{path} is not JSON: {error}") from error
    try:
        if (data["format"], data["version"]) != (_FORMAT, _VERSION):
            raise FileFormatError(
                f"{path}: expected format {_FORMAT!r} version {_VERSION}, found {data['format']!r} {data['version']!r}"
            )
        entries = [CaseEntry(**{**case, "previews": tuple(case["previews"])}) for case in data["cases"]]
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is no manifest of a dataset: {error!r}") from error
    outside = [entry.shard for entry in entries if Path(entry.shard).name != entry.shard]
    if outside:
        raise FileFormatError(f"{path} names shards outside its folder: {outside}")
    return Manifest(Path(folder), {entry.id: entry for entry in entries})


def _check_hash(path: Path, expected: str) -> None:
    try:
        found = hash_file(path)
    except OSError as error:
        raise InputError(f"shard {path} cannot be read: {error.strerror or error}") from error
    if found != expected:
        raise FileFormatError(
            f"{path} is not what the manifest says: SHA-256 {found}, expected {expected}; "
            "remove it and prepare the dataset again"
        )
