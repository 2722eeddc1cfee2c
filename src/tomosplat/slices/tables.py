"""Rows of the hold-out protocol as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean

from tomosplat import machine
from tomosplat.files.atomic import writing
from tomosplat.slices.methods import BASELINES, DEFAULT
from tomosplat.slices.rows import Row, best_plain, by_case, gain, in_order

_NUMBERS = (
    "psnr",
    "psnr_pooled",
    "ssim",
    "dice",
    "dice_p10",
    "structures",
    "slices",
    "skipped",
    "seconds",
    "cpu_seconds",
)


def write_tables(folder: Path, rows: Sequence[Row]) -> None:
    """Write ``table.md``, ``table.csv`` and ``table.json``, each whole or not at all.

    Raises:
        OutputError: A file could not be written.
    """
    for name, text in {"md": to_markdown(rows), "csv": to_csv(rows), "json": to_json(rows)}.items():
        with writing(folder / f"table.{name}") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(rows: Sequence[Row]) -> str:
    """Every row, gains, versions and machine."""
    gains = [
        {"volume": v, "axis": a, "fraction": f, "best_plain": best_plain(case).method, "gain_db": gain(case, DEFAULT)}
        for (v, a, f), case in by_case(rows).items()
    ]
    data = {
        "rows": [asdict(row) for row in rows],
        "gains": gains,
        "versions": machine.versions(),
        "machine": machine.describe_machine(),
    }
    return json.dumps(data, indent=2) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """One line for each row, with all digits; a missing number is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["volume", "axis", "fraction", "method", *_NUMBERS], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: getattr(row, name) for name in writer.fieldnames})
    return text.getvalue()


def to_markdown(rows: Sequence[Row]) -> str:
    """Gains of each volume and their means, then PSNR, SSIM and Dice of every method."""
    parts = [
        "# Held-out slices\n\nPSNR is the mean over held-out slices in dB (pooled: of all their pixels), of values "
        "between the 0.5th and 99.5th percentile of the volume, cropped to content; constant slices are skipped. Gain: "
        f"{DEFAULT} minus the best of nearest, linear, Catmull-Rom, spline and pchip on that volume."
    ]
    fractions = sorted({row.fraction for row in rows})
    for fraction in fractions:
        cases = {case: part for case, part in by_case(rows).items() if case[2] == fraction}
        parts += [
            f"## {100 * fraction:g} % of the slices given",
            _gains(cases),
            _means(cases),
            _scores(cases),
            _dice(cases),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def terminal_table(rows: Sequence[Row]) -> str:
    """Rows of one case as lines for a terminal."""
    lines = [f"{'method':<16}{'PSNR':>8}{'pooled':>8}{'SSIM':>8}{'Dice':>8}{'p10':>8}{'s':>8}"]
    for row in rows:
        dice = (f"{x:.3f}" if x is not None else "-" for x in (row.dice, row.dice_p10))
        cells = (f"{row.psnr:.2f}", f"{row.psnr_pooled:.2f}", f"{row.ssim:.3f}", *dice, f"{row.seconds:.1f}")
        lines.append(f"{row.method:<16}" + "".join(f"{cell:>8}" for cell in cells))
    return "\n".join(lines)


def _gains(cases: dict[tuple[str, str, float], list[Row]]) -> str:
    lines, gains = [], []
    for (volume, axis, _), rows in cases.items():
        found = gain(rows, DEFAULT)
        if found is None:
            continue
        gains.append(found)
        plain, default = best_plain(rows), next(row for row in rows if row.method == DEFAULT)
        shape = "x".join(map(str, default.shape))
        ssim = f"{max(row.ssim for row in rows if row.method in BASELINES[:5]):.3f} → {default.ssim:.3f}"
        cells = (f"{plain.psnr:.2f} ({plain.method})", f"{default.psnr:.2f}", f"{found:+.2f}", ssim)
        lines.append([volume, axis, shape, *cells, f"{default.cpu_seconds:.0f}"])
    if not lines:
        return ""
    lines.append(["**mean**", "", "", "", "", f"**{mean(gains):+.2f}**", "", ""])
    return _table(
        ["volume", "axis", "slices x rows x columns", "best plain", DEFAULT, "gain dB", "SSIM", "CPU s"], lines
    )


def _means(cases: dict[tuple[str, str, float], list[Row]]) -> str:
    """What each method gains in the mean over the volumes that it was run on."""
    lines = []
    methods = list(dict.fromkeys(row.method for row in in_order(row for rows in cases.values() for row in rows)))
    for method in methods:
        rows = {case: row for case, part in cases.items() for row in part if row.method == method}
        gains = [row.psnr - best_plain(cases[case]).psnr for case, row in rows.items()]
        given = [row.facts["given_psnr"] for row in rows.values() if "given_psnr" in row.facts]
        lines.append(
            [
                *(method, str(len(gains)), f"{mean(gains):+.2f}", f"{min(gains):+.2f}", f"{max(gains):+.2f}"),
                *(f"{mean(given):.1f}" if given else "", f"{mean(row.cpu_seconds for row in rows.values()):.0f}"),
            ]
        )
    titles = ["method", "volumes", "gain dB, mean", "least", "most", "PSNR of given slices", "CPU s"]
    return "Gain of each method over the best plain interpolator of each volume:\n\n" + _table(titles, lines)


def _scores(cases: dict[tuple[str, str, float], list[Row]]) -> str:
    methods = list(dict.fromkeys(row.method for rows in cases.values() for row in rows))
    lines = []
    for (volume, axis, _), rows in cases.items():
        found = {row.method: row for row in rows}
        for title, attribute, form in (
            ("PSNR", "psnr", "{:.2f}"),
            ("pooled", "psnr_pooled", "{:.2f}"),
            ("SSIM", "ssim", "{:.3f}"),
        ):
            cells = [form.format(getattr(found[name], attribute)) if name in found else "" for name in methods]
            lines.append([volume, axis, title, *cells])
    return _table(["volume", "axis", "", *methods], lines)


def _dice(cases: dict[tuple[str, str, float], list[Row]]) -> str:
    rows = [row for part in cases.values() for row in part if row.dice is not None]
    if not rows:
        return ""
    methods = list(dict.fromkeys(row.method for row in rows))
    lines = []
    for case in dict.fromkeys(row.case for row in rows):
        found = {row.method: row for row in rows if row.case == case}
        cells = [f"{found[name].dice:.3f} / {found[name].dice_p10:.3f}" if name in found else "" for name in methods]
        lines.append([case[0], case[1], str(next(iter(found.values())).structures), *cells])
    titles = ["volume", "axis", "structures", *methods]
    return (
        "Dice of labels, mean / 10th percentile over structures (nearest: of the nearer slice; linear: by signed "
        "distance):\n\n" + _table(titles, lines)
    )


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(titles)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (titles, rule, *lines))
