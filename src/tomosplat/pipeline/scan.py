"""From a scan file to values and labels on the working grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tomosplat.anatomy import GROUP_OF_LABEL, SignalSegmenter, check_labels, renumber, resolve_organs
from tomosplat.anatomy.segmenters import Segmenter
from tomosplat.errors import InputError, UnitsError
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume import LabelMap, Modality, OpticalVolume, Volume
from tomosplat.volume.resample import resample, resample_labels, working_grid
from tomosplat.volume.signal import relative_signal

#: Segmenters are made for this voxel edge; a coarser grid loses ribs.
_SEGMENTATION_SPACING_MM = 1.5
_MODALITIES: dict[str, Modality] = {"ct": "CT", "mr": "MR", "us": "US"}


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan on its working grid.

    Attributes:
        volume: Values.
        labels: Organ or tissue of each voxel, on the same grid.
    """

    volume: Volume
    labels: LabelMap


def prepare_scan(path: Path, options: ReadingOptions, report: Report) -> PreparedScan:
    """Read a scan and its labels (or find them), and resample both to the working grid.

    A fit of slices counts as a scan: it is shown on the working grid, with the labels that it was fitted to.

    Raises:
        InputError: The scan, its labels or an option cannot be used; the subclass says why.
    """
    if is_slice_fit(path):
        return _prepare_slice_fit(path, options, report)
    scan = read_scan(path, options, report)
    _check_unit(scan, path, options)
    return label_scan(scan, options, report)


def is_slice_fit(path: Path) -> bool:
    """Whether a path is what ``slices fit`` writes: a .safetensors file, or a folder of them."""
    return path.suffix == ".safetensors" or (path.is_dir() and any(path.glob("chkpnt*.safetensors")))


def _prepare_slice_fit(path: Path, options: ReadingOptions, report: Report) -> PreparedScan:
    from tomosplat.pipeline.slices.scene import read_slice_scan  # brings torch

    if options.series is not None or options.rescale is not None:
        raise InputError(f"{path} is a fit of slices; --series and --rescale are for the scan that it was made from")
    scan, labels = read_slice_scan(path, options.spacing, report)
    asked = _asked_modality(options)
    if asked in ("MR", "US") or scan.modality in ("MR", "US"):
        scan = relative_signal(scan if asked is None else replace(scan, modality=asked))
    if labels is None or options.labels is not None:
        _check_unit(scan, path, options)
        return label_scan(scan, options, report)
    report.history.extend((*scan.history, *labels.history))
    return PreparedScan(scan, check_labels(renumber(labels, options.renumber)))


def _check_unit(scan: Volume, path: Path, options: ReadingOptions) -> None:
    if scan.unit == "arbitrary" and options.labels is None:
        raise UnitsError(
            f"{path} is not a CT in HU (its values go from {scan.values.min():g} to {scan.values.max():g}). If it is "
            "MR or ultrasound, pass --modality mr or us; if it is a CT that was saved otherwise, --rescale SLOPE "
            "INTERCEPT; else give --labels, and --tf for its values"
        )


def read_scan(path: Path, options: ReadingOptions, report: Report) -> Volume:
    """Read a scan on its own grid: CT in HU, MR and ultrasound as relative signal.

    Raises:
        InputError: The file or an option cannot be used; the subclass says why.
    """
    asked = _asked_modality(options)
    if asked not in (None, "CT") and options.rescale is not None:
        raise InputError(f"--rescale makes HU of a CT's values, got --modality {options.modality}")
    with report.stage("read scan"):
        scan = read_volume(path, series=options.series, modality=asked, rescale=options.rescale)
        if scan.modality in ("MR", "US"):
            scan = relative_signal(scan)
    return scan


def _asked_modality(options: ReadingOptions) -> Modality | None:
    return None if options.modality is None else _MODALITIES[options.modality]


def label_scan(scan: Volume, options: ReadingOptions, report: Report) -> PreparedScan:
    """Resample a scan to the working grid, with labels that are given or found (in HU or relative signal).

    Raises:
        InputError: The labels or an option cannot be used; the subclass says why.
    """
    grid = working_grid(scan.grid, options.spacing)
    given = None
    if options.labels is not None:
        with report.stage("read labels"):
            given = check_labels(renumber(read_labels(options.labels, like=scan.grid), options.renumber))
    with report.stage("resample"):
        volume = resample(scan, grid)
    if given is None and scan.unit == "relative":
        with report.stage("segment"):
            given = SignalSegmenter()(volume)
    elif given is None:
        given = _segment(scan, volume, options, report)
    with report.stage("resample"):
        labels = given if given.grid.matches(grid) else resample_labels(given, grid)
    report.history.extend((*volume.history, *labels.history))
    report.facts["working_grid"] = {"shape": list(grid.shape), "spacing_mm": options.spacing}
    return PreparedScan(volume, labels)


def color_scan(
    prepared: PreparedScan, functions: TransferFunctions, visible: list[int] | None, report: Report
) -> OpticalVolume:
    """What light meets in a prepared scan: of all organs, or of the ``visible`` label ids alone.

    Raises:
        UnitsError: The transfer functions are made for another unit.
    """
    with report.stage("apply transfer function"):
        return apply_transfer(prepared.volume, prepared.labels, functions, GROUP_OF_LABEL, visible=visible)


def visible_ids(organs: str | None) -> list[int] | None:
    """Label ids of the organs asked for, None for all."""
    return resolve_organs(organs) if organs is not None else None


def _segment(scan: Volume, volume: Volume, options: ReadingOptions, report: Report) -> LabelMap:
    """Labels of the scan, found on the working grid or, where that is coarse, on a finer one of their own."""
    spacing = max(_SEGMENTATION_SPACING_MM, float(scan.grid.spacing.min()))
    if spacing < options.spacing:
        with report.stage("resample"):
            volume = resample(scan, working_grid(scan.grid, spacing))
    with report.stage("segment") as progress:
        return _segmenter(options.segmenter)(volume, progress)


def _segmenter(name: str) -> Segmenter:
    # Each brings libraries of its own: load only the one that is used.
    if name == "tissue":
        from tomosplat.anatomy.tissue import TissueSegmenter

        return TissueSegmenter()
    from tomosplat.anatomy.segmenters import TotalSegmentatorSegmenter

    return TotalSegmentatorSegmenter()
