"""Rows as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tomosplat import machine
from tomosplat.evaluation.methods import title_of
from tomosplat.evaluation.paper import PAPER, PaperRow
from tomosplat.evaluation.protocol import FOREGROUND_ALPHA, LEAST_FLOOR_DB
from tomosplat.evaluation.rows import NUMBERS, Row, Section, mean_rows
from tomosplat.files.atomic import writing

#: Column of each number in Markdown, and how it is printed.
_COLUMNS = {
    "ssim": ("SSIM", "{:.3f}"),
    "ms_ssim": ("MS-SSIM", "{:.3f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "ssim_foreground": ("SSIM fg", "{:.3f}"),
    "ms_ssim_foreground": ("MS-SSIM fg", "{:.3f}"),
    "psnr_foreground": ("PSNR fg", "{:.2f}"),
    "st_lpips": ("ST-LPIPS", "{:.3f}"),
    "floor_db": ("truth's floor", "{:.1f}"),
    "floor_foreground_db": ("floor fg", "{:.1f}"),
    "steps": ("steps", "{:.0f}"),
    "wall_s": ("wall s", "{:.1f}"),
    "cpu_s": ("CPU s", "{:.1f}"),
    "gaussians": ("Gaussians", "{:,.0f}"),
    "fps": ("FPS", "{:.1f}"),
    "megabytes": ("MB", "{:.1f}"),
    "peak_gb": ("peak GB", "{:.2f}"),
}
_FLAG = " (!)"


@dataclass(frozen=True)
class Results:
    """Everything that an evaluation found.

    Attributes:
        sections: Rows, by how they were found.
        left_out: Case, look → why there is nothing to compare there.
        failed: Name of a job → what its error said.
    """

    sections: Sequence[Section]
    left_out: Mapping[tuple[str, str], str]
    failed: Mapping[str, str]


def write_tables(folder: Path, results: Results) -> None:
    """Write ``table.md``, ``table.csv`` and ``table.json``, each whole or not at all.

    Raises:
        OutputError: A file could not be written.
    """
    for name, text in {"md": to_markdown(results), "csv": to_csv(results), "json": to_json(results)}.items():
        with writing(folder / f"table.{name}") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(results: Results) -> str:
    """Everything: rows, means, the paper's rows, what is missing and why, versions and machine."""
    data = {
        "sections": [
            {
                "protocol": dict(section.protocol),
                "means": [asdict(row) for row in mean_rows(section.rows)],
                "rows": [asdict(row) for row in section.rows],
            }
            for section in results.sections
        ],
        "paper": [asdict(row) for row in PAPER],
        "left_out": [{"case": c, "look": look, "why": why} for (c, look), why in sorted(results.left_out.items())],
        "failed": dict(sorted(results.failed.items())),
        "least_floor_db": LEAST_FLOOR_DB,
        "foreground_alpha": FOREGROUND_ALPHA,
        "versions": machine.versions(),
        "machine": machine.describe_machine(),
    }
    return json.dumps(data, indent=2) + "\n"


def to_csv(results: Results) -> str:
    """One line for each scene, each mean and each of the paper's rows; ``kind`` tells them apart.

    Numbers are those of ``Row``, with all their digits; a missing one is empty.
    """
    protocol = sorted({name for section in results.sections for name in section.protocol})
    fields = ["kind", "case", "look", "method", "scans", *NUMBERS, "noisy_truth", *protocol, "lpips"]
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, restval="", lineterminator="\n")
    writer.writeheader()
    for section in results.sections:
        for kind, rows in (("scan", section.rows), ("mean", mean_rows(section.rows))):
            writer.writerows(
                {**asdict(row), "kind": kind, "noisy_truth": _is_noisy(row), **section.protocol} for row in rows
            )
    for row in PAPER:
        kept = asdict(row) | {"kind": "paper", "case": row.data, "wall_s": row.seconds}
        writer.writerows([{name: value for name, value in kept.items() if name in fields}])
    return text.getvalue()


def to_markdown(results: Results) -> str:
    """Means beside the paper's rows, then every scan, for each protocol; then what is missing and why."""
    parts = ["# Scenes beside the path-traced truth"]
    for section in results.sections:
        means = mean_rows(section.rows)
        parts += [
            _caption(section.protocol),
            "## Means over the scans\n\n" + _table("scans", [_means_line(row) for row in means], _paper_lines(means)),
            "## Every scan\n\n" + _table("scan", [_cells(row, row.case) for row in section.rows], []),
        ]
    if results.left_out:
        reasons = (f"- {case}, {look}: {_flat(why)}" for (case, look), why in sorted(results.left_out.items()))
        parts.append("## Left out, as there is nothing to see\n\n" + "\n".join(reasons))
    if results.failed:
        parts.append(
            "## Failed\n\n" + "\n".join(f"- {job}: {_flat(why)}" for job, why in sorted(results.failed.items()))
        )
    facts = ", ".join(f"{key} {value}" for key, value in machine.describe_machine().items())
    versions = ", ".join(f"{key} {value}" for key, value in machine.versions().items())
    parts.append(f"Table written on: {facts}. Versions: {versions}.")
    return "\n\n".join(parts) + "\n"


def _caption(protocol: Mapping[str, Any]) -> str:
    denoised = "denoised" if protocol["denoised"] else "raw"
    p = protocol
    return (
        f"Pictures of {p['size']}² under {p['rig']} light, working grid {p['working_grid_mm']:g} mm. Fitted scenes saw "
        f"{p['fit_views']} views of {p['fit_samples']} samples, {denoised}; all are compared in {p['test_views']} "
        f"views from other directions, each the mean of two seeds of {p['test_samples']} samples, both {denoised}.\n\n"
        f"Truth's floor: PSNR between its two seeds; {_FLAG.strip()} where it is below {LEAST_FLOOR_DB:g} dB. fg: over "
        f"the truth's foreground alone (alpha above {FOREGROUND_ALPHA:.0%}). Steps: of the fit or the fine-tuning. "
        "Seconds, CPU of all threads together, are from the scan on its working grid to the scene file, of what is "
        "fine-tuned from the scene before; tracing the fitting views is not in them. FPS: splatting test views here. "
        "Peak: of the process, with the scan if it is not fine-tuned. ST-LPIPS is not the paper's LPIPS; empty "
        'where the extra "evaluate" is not installed. Rows of the paper (Render-FM) are its own numbers, on its data, '
        "its pictures and its GPU."
    )


def _table(first: str, lines: Sequence[Sequence[str]], paper: Sequence[Sequence[str]]) -> str:
    header = ["look", "method", first, *(title for title, _ in _COLUMNS.values())]
    rule = ["---", "---", "---", *("---:" for _ in _COLUMNS)]
    ordered = sorted([*lines, *paper], key=lambda line: [line[0] for line in lines].index(line[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *ordered])


def _means_line(row: Row) -> list[str]:
    return _cells(row, str(row.scans))


def _cells(row: Row, third: str) -> list[str]:
    cells = [_printed(pattern, getattr(row, name)) for name, (_, pattern) in _COLUMNS.items()]
    if _is_noisy(row):
        cells[list(_COLUMNS).index("floor_db")] += _FLAG
    return [row.look, title_of(row.method), third, *cells]


def _paper_lines(means: Sequence[Row]) -> list[list[str]]:
    looks = {row.look for row in means}
    return [_paper_cells(row) for row in PAPER if row.look in looks]


def _paper_cells(row: PaperRow) -> list[str]:
    numbers = {"ssim": row.ssim, "psnr": row.psnr, "wall_s": row.seconds, "gaussians": row.gaussians, "fps": row.fps}
    cells = [_printed(pattern, numbers.get(name)) for name, (_, pattern) in _COLUMNS.items()]
    return [row.look, f"*paper: {row.method}, LPIPS {row.lpips:.3f}*", f"*{row.data}*", *cells]


def _printed(pattern: str, value: float | None) -> str:
    return "" if value is None else pattern.format(value)


def _is_noisy(row: Row) -> bool:
    return row.floor_db is not None and row.floor_db < LEAST_FLOOR_DB


def _flat(text: str) -> str:
    return " ".join(text.split())
