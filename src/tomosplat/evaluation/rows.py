"""The lines of a table: one for each scene, and their means over the scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tomosplat.evaluation.methods import method_place
from tomosplat.evaluation.protocol import look_place
from tomosplat.jobs import hash_data

#: Numbers that only count where every scan has them.
Number = float | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scene beside the truth, or the mean of a method over scans.

    Attributes:
        look: What was shown.
        method: Name of the method.
        case: The scan; empty for a mean.
        scans: How many scans.
        ssim: Over whole test pictures on black, mean over them; so are all that follow.
        ms_ssim: Multi-scale SSIM.
        psnr: dB.
        ssim_foreground: Over the truth's foreground alone.
        ms_ssim_foreground: So.
        psnr_foreground: So, dB.
        st_lpips: Shift-tolerant LPIPS.
        floor_db: PSNR between the truth's two seeds.
        floor_foreground_db: So, over the foreground.
        steps: Of the fit or the fine-tuning.
        wall_s: Seconds from the prepared scan to the scene file.
        cpu_s: Processor seconds, of all threads together.
        gaussians: How many.
        fps: Frames per second of test pictures, splatted here.
        megabytes: Size of the scene file.
        peak_gb: Most memory that the process held while it made the scene.
    """

    look: str
    method: str
    case: str
    scans: int
    ssim: Number
    ms_ssim: Number
    psnr: Number
    ssim_foreground: Number
    ms_ssim_foreground: Number
    psnr_foreground: Number
    st_lpips: Number
    floor_db: Number
    floor_foreground_db: Number
    steps: Number
    wall_s: Number
    cpu_s: Number
    gaussians: Number
    fps: Number
    megabytes: Number
    peak_gb: Number


#: The names of a row's numbers, in the order of the columns.
NUMBERS = tuple(field.name for field in fields(Row) if field.name not in ("look", "method", "case", "scans"))
_MEASURED = tuple(name for name in NUMBERS if name not in ("steps", "wall_s", "cpu_s", "megabytes", "peak_gb"))


@dataclass(frozen=True)
class Section:
    """Rows that were found in the same way and may stand beside each other.

    Attributes:
        protocol: How (see ``Protocol``), and the working grid's voxel edge.
        rows: One for each scene.
    """

    protocol: Mapping[str, Any]
    rows: Sequence[Row]


def sections(facts: Sequence[Mapping[str, Any]]) -> list[Section]:
    """What the done-markers of ``score`` say, those together that share protocol and grid; sorted."""
    groups: dict[str, tuple[dict[str, Any], list[Row]]] = {}
    for fact in facts:
        protocol = {**fact["protocol"], "working_grid_mm": fact["working_grid_mm"]}
        groups.setdefault(hash_data(protocol), (protocol, []))[1].append(_row(fact))
    found = [Section(protocol, sorted(rows, key=_place)) for protocol, rows in groups.values()]
    return sorted(found, key=lambda section: (-len(section.rows), str(section.protocol)))


def mean_rows(rows: Sequence[Row]) -> list[Row]:
    """Mean over the scans of every method at every look, in the order of the rows.

    A number is a mean over all scans of the row, or missing. Methods of one look may have been tried on other scans;
    ``scans`` says on how many.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.look, row.method), []).append(row)
    return [_mean(look, method, group) for (look, method), group in groups.items()]


def _mean(look: str, method: str, rows: Sequence[Row]) -> Row:
    means: dict[str, Number] = {}
    for name in NUMBERS:
        values = [getattr(row, name) for row in rows]
        means[name] = None if None in values else float(np.mean(values))
    return Row(look=look, method=method, case="", scans=len(rows), **means)


def _row(fact: Mapping[str, Any]) -> Row:
    spent = fact["spent"] or {"wall_s": None, "cpu_s": None, "peak_bytes": None}
    return Row(
        look=fact["look"],
        method=fact["method"],
        case=fact["case"],
        scans=1,
        steps=fact["iterations"],
        wall_s=spent["wall_s"],
        cpu_s=spent["cpu_s"],
        megabytes=fact["bytes"] / 1e6,
        peak_gb=None if spent["peak_bytes"] is None else spent["peak_bytes"] / 1e9,
        **{name: fact[name] for name in _MEASURED},
    )


def _place(row: Row) -> tuple[Any, ...]:
    return (*look_place(row.look), row.case, method_place(row.method))
