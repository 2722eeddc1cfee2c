"""A scene file in, a file to share out: what ``tomosplat export`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tomosplat.errors import GeometryError, InputError
from tomosplat.files.scenes import SCENE_SUFFIXES, read_scene, write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.pipeline.scan import prepare_scan
from tomosplat.report import Report
from tomosplat.viewer.html import write_html
from tomosplat.viewer.packing import Blob, pack_volume
from tomosplat.viewer.sharing import shareable
from tomosplat.volume import Volume

#: How much of the scene must lie in the scan, and how well its values there must follow the scene's. Of the scans that
#: two scenes were made from, on grids of 1.5 to 4 mm, they did by 0.68 to 0.92; of other patients' by 0.12 at most.
_LEAST_INSIDE, _LEAST_CORRELATION = 0.99, 0.4


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
    _check_belongs(scene, prepared.volume)
    with report.stage("pack slices"):
        return pack_volume(prepared.volume, prepared.labels)


def _check_belongs(scene: GaussianScene, volume: Volume) -> None:
    """Refuse the scan of somebody else: slices that do not belong to the scene beside them would mislead."""
    index = np.rint(volume.grid.to_index(scene.means.double().numpy())).astype(np.intp)
    inside = ((index >= 0) & (index < volume.grid.shape)).all(axis=1)
    if inside.mean() < _LEAST_INSIDE:
        raise GeometryError(
            f"--slices: only {inside.mean():.0%} of the scene lie in that scan; give the one that it was made from"
        )
    if scene.values is None:
        return
    there, own = volume.values[tuple(index[inside].T)], scene.values.numpy()[inside]
    if own.std() == 0 or there.std() == 0:
        return
    correlation = float(np.corrcoef(there, own)[0, 1])
    if correlation < _LEAST_CORRELATION:
        raise GeometryError(
            f"--slices: the values of that scan are not those of the scene (correlation {correlation:.2f}, at least "
            f"{_LEAST_CORRELATION} expected); give the one that it was made from"
        )
