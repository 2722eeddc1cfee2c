"""A scene file in, a file to share out: what ``tomosplat export`` does."""

from __future__ import annotations

from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.scenes import SCENE_SUFFIXES, read_scene, write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.belonging import check_belongs
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.pipeline.scan import prepare_scan
from tomosplat.report import Report
from tomosplat.viewer.html import write_html
from tomosplat.viewer.packing import Blob, pack_volume
from tomosplat.viewer.sharing import shareable


def export_file(
    scene_path: Path, output: Path, report: Report, *, title: str, slices: Path | None, reading: ReadingOptions
) -> int:
    """Write a scene for others, by the suffix of ``output``, without anything that names a patient; return its bytes.

    Args:
        scene_path: A .ply or .glb that tomosplat wrote.
        output: .html, .ply or .glb.
        report: Takes the stages.
        title: What the page calls the scene.
        slices: The scan that the scene was made from, whose slices a page shows beside it; None for none.
        reading: How that scan is read.

    Raises:
        InputError: The scene, the scan or an option cannot be used; nothing is written.
        OutputError: The file could not be written.
    """
    _check_output(output, slices)
    with report.stage("read scene"):
        scene = shareable(read_scene(scene_path))
    report.facts["gaussians"] = len(scene)
    if output.suffix.lower() in SCENE_SUFFIXES:
        with report.stage("write"):
            write_scene(output, scene)
    else:
        volume = None if slices is None else _slices(slices, scene, reading, report)
        with report.stage("write"):
            write_html(output, scene, title=title, volume=volume)
    report.facts["bytes"] = output.stat().st_size
    return output.stat().st_size


def _check_output(output: Path, slices: Path | None) -> None:
    suffix = output.suffix.lower()
    if suffix not in (".html", *SCENE_SUFFIXES):
        raise InputError(f"{output}: scenes are exported to .html, .ply or .glb, not {suffix or 'without a suffix'}")
    if slices is not None and suffix != ".html":
        raise InputError(f"--slices {slices}: only a .html can hold the slices of a scan, not {suffix}")


def _slices(path: Path, scene: GaussianScene, reading: ReadingOptions, report: Report) -> Blob:
    prepared = prepare_scan(path, reading, report)
    check_belongs(scene, prepared.volume, f"--slices {path}")
    with report.stage("pack slices"):
        return pack_volume(prepared.volume, prepared.labels)
