"""A scene and its scan in, how far its pictures are from the truth out: what ``tomosplat fidelity`` does."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tomosplat.errors import InputError
from tomosplat.files.scenes import check_scene_name, read_scene, write_scene
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.gaussians import Agreement, GaussianScene
from tomosplat.jobs import hash_data, hash_file
from tomosplat.pipeline.fidelity.compare_views import ComparedViews, denoises, measured
from tomosplat.pipeline.fidelity.scene_truth import scene_truth
from tomosplat.pipeline.options import FidelityOptions, ReadingOptions
from tomosplat.report import Report


def fidelity_file(
    scene_path: Path, scan: Path, output: Path | None, reading: ReadingOptions, options: FidelityOptions, report: Report
) -> GaussianScene:
    """Measure a scene file against its scan, and write it with what was measured.

    Args:
        scene_path: A lit scene that tomosplat wrote.
        scan: The scan that it was made from.
        output: The scene with ``errors`` and ``fidelity``; None writes nothing. Until it is there, what was found
            in the views so far is kept beside it, so that the same command goes on after a kill.
        reading: How the scan was read and labelled when the scene was made.
        options: How to compare.
        report: Takes times and numbers.

    Raises:
        InputError: The scene, the scan or an option cannot be used, or they do not belong together.
        OutputError: The result could not be written.
    """
    if output is not None:
        check_scene_name(output)
    if min(options.n_views, options.size, options.samples) < 1:
        raise InputError(
            f"--n-views, --size and --samples must be at least 1, got {options.n_views}, {options.size} and "
            f"{options.samples}"
        )
    with report.stage("read scene"):
        scene = read_scene(scene_path)
    optical, rig = scene_truth(scene, scan, reading, report)
    if output is None:
        scene = measured(scene, optical, rig, options, report)
    else:
        path = output.with_name(f".{output.name}.views")
        key = _key(scene_path, scan, reading, options)
        views = _load(path, key) if path.is_file() else ComparedViews.none_of(scene)
        if views.done:
            report.history.append(f"went on after view {views.done}")
        scene = measured(
            scene, optical, rig, options, report, so_far=views, keep=lambda so_far: _save(path, key, so_far)
        )
        with report.stage("write scene"):
            write_scene(output, scene)
        path.unlink(missing_ok=True)
    report.facts["fidelity"] = described_fidelity(scene)
    return scene


def _key(scene: Path, scan: Path, reading: ReadingOptions, options: FidelityOptions) -> str:
    """Hash of what the views so far depend on."""
    work = {
        "scene": hash_file(scene),
        "scan": scan,
        "denoised": denoises(options),
        **asdict(reading),
        **asdict(options),
    }
    return hash_data({name: str(value) for name, value in work.items()})


def _save(path: Path, key: str, views: ComparedViews) -> None:
    description = {"fidelity": key, "squares": views.squares, "done": views.done}
    write_shard(path, {"blended": Stack.of(views.blended.numpy())}, description)


def _load(path: Path, key: str) -> ComparedViews:
    shard = Shard(path)
    if shard.description.get("fidelity") != key:
        raise InputError(f"{path} was begun with another scene, scan or other options; remove it to begin anew")
    blended = torch.from_numpy(np.array(shard["blended"]))
    return ComparedViews(blended, shard.description["squares"], shard.description["done"])


def described_fidelity(scene: GaussianScene) -> dict[str, Any] | None:
    """A scene's fidelity for people, organs by name, None where a number is not known; None where none was measured."""
    fidelity = scene.fidelity
    if fidelity is None:
        return None
    organs = {scene.label_names.get(label, str(label)): organ for label, organ in fidelity.organs.items()}
    return {
        "views": fidelity.views,
        "size": fidelity.size,
        "samples": fidelity.samples,
        "denoised": fidelity.denoised,
        "all": _figures(fidelity.whole),
        "organs": {name: _figures(organ) for name, organ in organs.items()},
    }


def _figures(found: Agreement) -> dict[str, float | None]:
    """Trust, error and noise in percent of full brightness, PSNR in dB, pixels."""
    figures = {
        "trust": found.trust,
        "error_percent": 100 * found.error,
        "psnr_db": found.psnr,
        "noise_percent": 100 * found.noise,
        "pixels": found.pixels,
    }
    return {name: round(value, 2) if math.isfinite(value) else None for name, value in figures.items()}


def fidelity_table(scene: GaussianScene) -> str:
    """The same as lines of a table, the least trusted organ first."""
    described = described_fidelity(scene)
    if described is None:
        return "nothing was measured"
    organs = sorted(described["organs"].items(), key=lambda row: (row[1]["trust"] is None, row[1]["trust"] or 0))
    lines = [f"{'organ':<32}{'trust':>8}{'error %':>10}{'PSNR dB':>10}{'noise %':>10}"]
    for name, figures in [("all", described["all"]), *organs]:
        columns = zip(("trust", "error_percent", "psnr_db", "noise_percent"), (8, 10, 10, 10), strict=True)
        missing = "not seen" if figures["trust"] is None else "-"  # else the error is 0
        cells = [f"{_cell(figures[column], missing):>{width}}" for column, width in columns]
        lines.append(f"{name:<32}{''.join(cells)}")
    return "\n".join(lines)


def _cell(value: float | None, missing: str) -> str:
    return missing if value is None else f"{value:.1f}"
