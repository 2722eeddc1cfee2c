"""A volume in, rows and tables of the hold-out protocol out: what ``tomosplat slices evaluate`` does."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from tomosplat.files.atomic import make_folder
from tomosplat.files.scans import read_volume
from tomosplat.jobs import hash_data, hash_file
from tomosplat.pipeline.slices.evaluation_options import SliceEvaluationOptions
from tomosplat.report import Report
from tomosplat.slices.evaluate import evaluate_method, methods_of, middle_of, write_middle_sheet
from tomosplat.slices.methods import DEFAULT
from tomosplat.slices.protocol import binned, cropped, hold_out, scaled
from tomosplat.slices.reading import read_slice_labels
from tomosplat.slices.rows import Row, by_case, file_stem, gain, in_order, read_rows, write_row, write_shown
from tomosplat.slices.stack import SliceStack
from tomosplat.slices.tables import write_tables


def evaluate_slices(path: Path, output: Path | None, options: SliceEvaluationOptions, report: Report) -> list[Row]:
    """Hold slices out of a volume and compare what methods make of the rest with them.

    Args:
        path: The volume.
        output: Folder for rows, sheets and tables; rows that are there already are not made again, and the tables hold
            the rows of all volumes that were evaluated into it. None keeps nothing.
        options: What is given and held out, and which methods there are.
        report: Takes times, every row and ``gain_db``: the default method minus the best plain interpolator.

    Returns:
        The rows of this volume.

    Raises:
        InputError: The volume, the labels or an option cannot be used.
        OutputError: A result could not be written.
    """
    methods = methods_of(options.methods)
    with report.stage("read volume"):
        volume = read_volume(path, series=options.series, unit="arbitrary")
        labels = None
        if options.labels is not None:
            labels = read_slice_labels(options.labels, volume.grid, options.label_threshold)
    name = options.name or _name(path)
    kept = output / "rows" if output is not None else None
    if kept is not None:
        make_folder(kept)
        make_folder(kept.parent / "sheets")
    rows: list[Row] = []
    for axis in options.axis:
        stack = binned(SliceStack.from_volume(volume, axis, labels), options.bin_pixels, options.bin_slices)
        stack = cropped(scaled(stack), options.at_most)
        for fraction in options.fraction:
            rows += _evaluate_case(path, name, axis, fraction, stack, methods, kept, options, report)
    if kept is not None:
        write_tables(kept.parent, read_rows(kept))
    report.facts["rows"] = [asdict(row) for row in rows]
    gains = [found for case in by_case(rows).values() if (found := gain(case, DEFAULT)) is not None]
    report.facts["gain_db"] = sum(gains) / len(gains) if gains else None
    return rows


def _evaluate_case(
    path: Path,
    name: str,
    axis: str,
    fraction: float,
    stack: SliceStack,
    methods: list[str],
    kept: Path | None,
    options: SliceEvaluationOptions,
    report: Report,
) -> list[Row]:
    key = _key(path, options)
    held = hold_out(stack, fraction)
    rows: list[Row] = []
    before: dict[str, Row] = {}
    if kept is not None:
        before = {row.method: row for row in read_rows(kept) if row.case == (name, axis, fraction) and row.key == key}
    for method in methods:
        if method in before:
            continue
        with report.stage(f"{name}, {axis}, {100 * fraction:g} %: {method}"):
            row, found = evaluate_method(held, method, report)
        rows.append(replace(row, volume=name, axis=axis, fraction=fraction, key=key))
        if kept is not None:
            write_shown(kept, rows[-1], found[middle_of(held)])
            write_row(kept, rows[-1])
    every = in_order([*before.values(), *rows])
    if kept is not None:
        write_middle_sheet(kept.parent / "sheets" / f"{file_stem(name, axis, fraction)}.png", held, kept, every)
    return [row for row in every if row.method in methods]


def _name(path: Path) -> str:
    return f"{path.resolve().parent.name}/{path.name}"


def _key(path: Path, options: SliceEvaluationOptions) -> str:
    """Hash of what the rows depend on, beside their axis, fraction and method."""
    used = {
        "labels": str(hash_file(options.labels)) if options.labels else None,
        "label_threshold": options.label_threshold,
        "binned": [options.bin_pixels, options.bin_slices],
        "at_most": options.at_most,
        "series": options.series,
        "volume": hash_file(path) if path.is_file() else str(path.resolve()),
    }
    return hash_data(used)
