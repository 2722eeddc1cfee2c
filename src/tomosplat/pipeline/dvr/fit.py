"""A scan and pictures in, the transfer function that draws them out: what ``tomosplat dvr fit`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tomosplat import machine
from tomosplat.dvr.few_points import TOLERANCE, with_few_points
from tomosplat.dvr.lookup import render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays, camera_rays, voxel_edge
from tomosplat.dvr.scan_features import ScanFeatures, scan_features
from tomosplat.dvr.table_checkpoints import fingerprint, load_table_fit, save_table_fit
from tomosplat.dvr.table_export import colored_volume, transfer_function_of
from tomosplat.dvr.table_fitting import Pictures, TableFit, check_pictures, fit_table
from tomosplat.dvr.table_settings import TableSettings
from tomosplat.errors import InputError, MemoryLimitError
from tomosplat.files.atomic import writing
from tomosplat.files.cameras import read_cameras
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.scans import read_grid
from tomosplat.fitting import View
from tomosplat.geometry import Grid
from tomosplat.pipeline.colored_volumes import write_colored_volume
from tomosplat.pipeline.dvr.fit_options import DvrExportOptions, DvrFitOptions
from tomosplat.pipeline.fitting.given_views import CAMERAS, picture_views, split_held_out
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.pipeline.scan import label_scan, read_scan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.transfer.exporters import to_paraview_json, to_slicer_vp
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.resample import resample, working_grid

#: Pictures that the best epoch is told by where none are held out.
_JUDGED = 4
#: Bytes for each voxel: values, features, places in the table, label and whether it is shown; and of a second feature.
_PER_VOXEL, _PER_SECOND = 14, 16
#: Bytes for each pixel: its ray and its colours, as given and as drawn.
_PER_PIXEL = 64


@dataclass(frozen=True, eq=False)
class _Subject:
    """A scan on its working grid; without labels all of it is shown."""

    volume: Volume
    labels: LabelMap | None


def fit_transfer_file(
    path: Path,
    images: Path,
    cameras: Path | None,
    output: Path,
    reading: ReadingOptions,
    options: DvrFitOptions,
    exports: DvrExportOptions,
    report: Report,
) -> TransferFunctions:
    """Find the transfer function with which a scan looks as in pictures, and write it.

    What the scan's labels call background is not drawn, as everywhere; a scan that is not in HU needs none.

    Raises:
        InputError: The scan, the pictures or an option cannot be used, or they do not belong together.
        DivergedError: A value was no longer finite.
        OutputError: A result could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    settings = _settings(options)
    _check_names(output, exports)
    with report.stage("read pictures"):
        views = picture_views(images, read_cameras(cameras if cameras is not None else images / CAMERAS))
        check_pictures(_stacked(views) if views else torch.empty(0))
        train, held_out = split_held_out(views)
    _check_memory(path, reading, settings, views)

    subject = _read(path, reading, report)
    volume = subject.volume
    with report.stage("prepare"):
        shown = subject.labels.values != 0 if subject.labels is not None else None
        scan = scan_features(volume, shown, steepness=settings.kind == "lookup2d")
        pictures = _pictures(train, volume.grid)
        judged = _pictures(held_out, volume.grid) if held_out else pictures.first(_JUDGED)
    fit = _fit(scan, pictures, judged, output, settings, options, report)

    edge = voxel_edge(volume.grid)
    function, notes = transfer_function_of(fit.best, fit.seen, scan, edge)
    with report.stage("simplify"):
        # What is half as far off as the fit itself is not worth a point.
        tolerance = max(TOLERANCE, 0.5 * 10 ** (-fit.quality.psnr / 20))
        function, change = with_few_points(function, scan, judged.rays, edge, tolerance)
    notes.append(f"{len(function.points)} points; with more, pictures would change by {255 * change:.2f} of 255 (RMS)")
    functions = TransferFunctions.uniform(function, output.stem, volume.unit, tuple(notes))
    report.facts |= {
        "model": settings.kind,
        "pictures": len(train),
        "held_out": len(held_out),
        "ssim": fit.quality.ssim,
        "psnr": fit.quality.psnr,
        "points": len(function.points),
        "epochs": [epoch._asdict() for epoch in fit.epochs],
    }
    report.history.extend(notes)
    with report.stage("write"):
        _write_text(output, functions.to_json())
        if exports.slicer is not None:
            _write_text(exports.slicer, to_slicer_vp(functions))
        if exports.paraview is not None:
            _write_text(exports.paraview, to_paraview_json(functions))
        if exports.volume is not None:
            write_colored_volume(exports.volume, colored_volume(fit.best, scan, volume, subject.labels, edge))
    _checkpoint(output, options).unlink(missing_ok=True)
    return functions


def _settings(options: DvrFitOptions) -> TableSettings:
    settings = TableSettings(
        kind=options.model,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch=options.batch,
        loss=options.loss,
        jitter=not options.still,
        seed=options.seed,
        # Colours of an ordinary transfer function are multiplied by opacity.
        associated=True,
    )
    return settings if options.rate is None else replace(settings, low_rate=options.rate, high_rate=options.rate)


def _check_names(output: Path, exports: DvrExportOptions) -> None:
    for name, path, suffix in (
        ("--output", output, ".json"),
        ("--slicer", exports.slicer, ".vp"),
        ("--paraview", exports.paraview, ".json"),
        ("--volume", exports.volume, ".safetensors"),
    ):
        if path is not None and path.suffix.lower() != suffix:
            raise InputError(f"{name} {path}: expected a name that ends in {suffix}")


def _check_memory(path: Path, reading: ReadingOptions, settings: TableSettings, views: Sequence[View]) -> None:
    grid = working_grid(read_grid(path, series=reading.series), reading.spacing)
    camera = views[0].camera
    n_pixels = len(views) * camera.width * camera.height
    per_voxel = _PER_VOXEL + (_PER_SECOND if settings.kind == "lookup2d" else 0)
    needed, free = grid.n_voxels * per_voxel + n_pixels * _PER_PIXEL, machine.available_memory()
    if needed > free:
        raise MemoryLimitError(
            f"fitting {len(views)} pictures of {camera.width}x{camera.height} to {grid} takes about "
            f"{needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; a larger --spacing needs less"
        )


def _read(path: Path, reading: ReadingOptions, report: Report) -> _Subject:
    scan = read_scan(path, reading, report)
    if scan.unit != "arbitrary" or reading.labels is not None:
        prepared = label_scan(scan, reading, report)
        return _Subject(prepared.volume, prepared.labels)
    with report.stage("resample"):
        volume = resample(scan, working_grid(scan.grid, reading.spacing))
    report.history.extend(volume.history)
    return _Subject(volume, None)


def _stacked(views: Sequence[View]) -> torch.Tensor:
    return torch.stack([view.rgba for view in views])


def _pictures(views: Sequence[View], grid: Grid) -> Pictures:
    rays = [camera_rays(view.camera, grid) for view in views]
    parts = (torch.cat([getattr(r, name) for r in rays]) for name in ("starts", "directions", "lengths", "offsets"))
    return Pictures(Rays(*parts), _stacked(views))


def _checkpoint(output: Path, options: DvrFitOptions) -> Path:
    return options.checkpoint or output.with_name(f".{output.name}.checkpoint")


def _fit(
    scan: ScanFeatures,
    pictures: Pictures,
    judged: Pictures,
    output: Path,
    settings: TableSettings,
    options: DvrFitOptions,
    report: Report,
) -> TableFit:
    """Fit, going on from a checkpoint if there is one."""
    checkpoint = _checkpoint(output, options)
    of = fingerprint(scan.features, pictures, settings)
    state = TableFit.begin(scan.features, settings)
    if checkpoint.is_file():
        state = load_table_fit(checkpoint, state, of)
        report.history.append(f"went on from epoch {len(state.epochs)} of {checkpoint.name}")

    def keep(now: TableFit) -> None:
        save_table_fit(checkpoint, now, of)
        if options.preview is not None:
            march = March(settings.test_rate, settings.associated)
            with torch.no_grad():
                picture = render_table(scan.features, now.model(), judged.rays[:1], march)
            beside = [to_bytes(rgba.numpy(), (0, 0, 0)) for rgba in (judged.images[0], picture[0])]
            write_png(options.preview, np.concatenate(beside, axis=1))

    with report.stage("fit") as progress:
        return fit_table(scan.features, pictures, judged, settings, state=state, progress=progress, on_epoch=keep)


def _write_text(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
