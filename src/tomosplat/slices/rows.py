"""What one method made of one volume, kept as a file so that a table can be gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import FileFormatError
from tomosplat.files.atomic import writing
from tomosplat.slices.interpolation import PLAIN
from tomosplat.slices.methods import METHODS


@dataclass(frozen=True)
class Row:
    """One method on one volume.

    Attributes:
        volume: What the volume is called.
        axis: Along which slices were held out.
        fraction: Share of the slices that was given.
        method: Its name.
        slices: How many held-out slices were compared.
        skipped: How many were left out because they are constant.
        shape: Slices, rows and columns after binning and cropping.
        psnr: Mean over the slices, dB.
        psnr_pooled: Of all their pixels together, dB.
        ssim: Mean over the slices.
        seconds: Wall clock.
        cpu_seconds: Of all threads together.
        dice: Mean over structures; None where no labels were given or the method carries none.
        dice_p10: 10th percentile over structures.
        structures: How many structures those are over.
        facts: What the method says of itself.
        key: Hash of the volume and how it was prepared.
    """

    volume: str
    axis: str
    fraction: float
    method: str
    slices: int
    skipped: int
    shape: tuple[int, int, int]
    psnr: float
    psnr_pooled: float
    ssim: float
    seconds: float
    cpu_seconds: float
    dice: float | None = None
    dice_p10: float | None = None
    structures: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    key: str = ""

    @property
    def case(self) -> tuple[str, str, float]:
        """What the rows to compare with have in common."""
        return self.volume, self.axis, self.fraction

    @property
    def file_name(self) -> str:
        """Under which the row is kept."""
        return f"{file_stem(*self.case, self.method)}.json"


def file_stem(volume: str, axis: str, fraction: float, *more: str) -> str:
    """What files of a case are called."""
    words = " ".join([volume, axis, f"{100 * fraction:g}", *more])
    return "".join(c if c.isalnum() or c in "._" else "-" for c in words)


def write_row(folder: Path, row: Row) -> None:
    """Keep a row.

    Raises:
        OutputError: It could not be written.
    """
    with writing(folder / row.file_name) as temporary:
        temporary.write_text(json.dumps(asdict(row), indent=2) + "\n", encoding="utf-8")


def write_shown(folder: Path, row: Row, picture: NDArray[np.float32]) -> None:
    """Keep what a row's method shows of one slice [H, W], for sheets.

    Raises:
        OutputError: It could not be written.
    """
    with writing(_shown_path(folder, row)) as temporary:
        np.save(temporary, picture)


def read_shown(folder: Path, row: Row) -> NDArray[np.float32] | None:
    """What ``write_shown`` kept; None where nothing was."""
    path = _shown_path(folder, row)
    shown: NDArray[np.float32] | None = np.load(path) if path.is_file() else None
    return shown


def _shown_path(folder: Path, row: Row) -> Path:
    return folder / row.file_name.replace(".json", ".npy")


def read_rows(folder: Path) -> list[Row]:
    """All rows kept in a folder, in the order of tables.

    Raises:
        FileFormatError: A file is no row.
    """
    return in_order(_read_row(path) for path in sorted(folder.glob("*.json")))


def _read_row(path: Path) -> Row:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Row(**{**stored, "shape": tuple(stored["shape"])})
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{path} is no row of slices evaluate ({error}); remove it") from error


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by volume, axis, fraction and the order of methods."""
    places = {name: place for place, name in enumerate(METHODS)}
    return sorted(rows, key=lambda row: (*row.case, places.get(row.method, len(places)), row.method))


def best_plain(rows: Sequence[Row]) -> Row:
    """Of the rows of one case, the plain interpolator with the highest PSNR."""
    return max((row for row in rows if row.method in PLAIN), key=lambda row: row.psnr)


def gain(rows: Sequence[Row], method: str) -> float | None:
    """PSNR of a method minus the best plain interpolator's among the rows of one case; None where it is missing."""
    found = [row for row in rows if row.method == method]
    return found[0].psnr - best_plain(rows).psnr if found else None


def by_case(rows: Sequence[Row]) -> dict[tuple[str, str, float], list[Row]]:
    """Rows of each volume, axis and fraction."""
    cases: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    return cases
