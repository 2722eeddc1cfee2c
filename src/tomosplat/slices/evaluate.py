"""Methods beside held-out slices: one row for each, and a sheet that shows them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError
from tomosplat.report import Report
from tomosplat.slices.interpolation import Slices
from tomosplat.slices.methods import BASELINES, METHODS
from tomosplat.slices.protocol import HoldOut
from tomosplat.slices.rows import Row, read_shown
from tomosplat.slices.scores import image_scores, label_scores
from tomosplat.slices.sheets import as_radiologists_look, write_slice_sheet


def methods_of(asked: Sequence[str]) -> list[str]:
    """The baselines and what was asked for, each once, in the order of tables.

    Raises:
        InputError: There is no such method.
    """
    unknown = [name for name in asked if name not in METHODS]
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r}; choose among {', '.join(METHODS)}")
    return [name for name in METHODS if name in BASELINES or name in asked]


def evaluate_method(held: HoldOut, method: str, report: Report) -> tuple[Row, Slices]:
    """Fill the gaps by one method and compare with what was held out; names of volume and axis are left empty."""
    truth = held.truth
    start, cpu = time.perf_counter(), time.process_time()
    found = METHODS[method](held.stack, held.at, report)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    image = image_scores(found.values, truth.values[held.held_out])
    row = Row(
        volume="",
        axis="",
        fraction=0.0,
        method=method,
        slices=len(held.held_out),
        skipped=held.skipped,
        shape=(len(truth), *truth.shape),
        psnr=image.psnr,
        psnr_pooled=image.psnr_pooled,
        ssim=image.ssim,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        facts=found.facts,
        **_dice(held, found.labels),
    )
    return row, found.values


def _dice(held: HoldOut, labels: NDArray[np.uint8] | None) -> dict[str, Any]:
    if labels is None or held.truth.labels is None:
        return {}
    scores = label_scores(labels, held.truth.labels[held.held_out], held.truth.labels)
    return {"dice": scores.dice, "dice_p10": scores.dice_p10, "structures": scores.structures}


def middle_of(held: HoldOut) -> int:
    """Which of the held-out slices is in the middle of the volume: the one that sheets show."""
    return int(np.argmin(np.abs(held.at - held.at.mean())))


def write_middle_sheet(path: Path, held: HoldOut, rows_folder: Path, rows: Sequence[Row]) -> None:
    """A sheet of that slice: the truth, linear interpolation, and every method that is no baseline."""
    shown = {}
    for row in rows:
        if row.method == "linear" or row.method not in BASELINES:
            picture = read_shown(rows_folder, row)
            if picture is not None:
                shown[row.method] = as_radiologists_look(picture, held.truth.affine)
    truth = held.truth.values[held.held_out[middle_of(held)]]
    write_slice_sheet(path, as_radiologists_look(truth, held.truth.affine), shown)
