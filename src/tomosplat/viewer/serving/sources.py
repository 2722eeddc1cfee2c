"""Where a scene comes from: a scan that is primed, a scan and a scene that are at hand, or a scene file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tomosplat.errors import InputError
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.report import Report
from tomosplat.viewer.serving.board import Kind

if TYPE_CHECKING:  # torch takes seconds to load, and the page is up before
    from tomosplat.gaussians import GaussianScene
    from tomosplat.pipeline.scan import PreparedScan
    from tomosplat.transfer import TransferFunctions

#: As ``files.scenes`` has them, which would load torch to say so.
_SCENE_SUFFIXES = (".ply", ".glb")


class Source(Protocol):
    """What one scene of the server is made from."""

    @property
    def kind(self) -> Kind:
        """How the scene comes to be."""

    @property
    def paths(self) -> dict[Path, str]:
        """The files that are read, and what to call each of them where no name of a file may be said."""

    def scan(self, report: Report) -> PreparedScan | None:
        """The scan on its working grid, None where only a scene is known."""

    def scene(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> GaussianScene:
        """The scene of that scan, coloured by other transfer functions than its own if some are given."""

    def better(
        self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report
    ) -> GaussianScene | None:
        """The same nearer to the truth, computed while the first is looked at; None where there is nothing better."""


@dataclass(frozen=True)
class ScanSource:
    """A scan file that is primed, then predicted by the network if there is one that knows such scans.

    Raises:
        InputError: The scan does not exist, or an option can be refused without reading it.
    """

    path: Path
    reading: ScanOptions = field(default_factory=ScanOptions)
    priming: PrimingOptions = field(default_factory=PrimingOptions)
    network: bool = True

    def __post_init__(self) -> None:
        _check_exists(self.path)
        if self.reading.labels is not None:
            _check_exists(self.reading.labels)
        _ = self._functions, self._visible  # refused now rather than on the page

    @property
    def kind(self) -> Kind:
        """Primed from the scan."""
        return "primed"

    @property
    def paths(self) -> dict[Path, str]:
        """The scan and its labels."""
        labels = {self.reading.labels: "the label map"} if self.reading.labels is not None else {}
        return {self.path: "the scan", **labels}

    def scan(self, report: Report) -> PreparedScan:
        """Read, resample, label."""
        with report.stage("load libraries"):
            import_module("tomosplat.pipeline.prime")
            from tomosplat.pipeline.scan import prepare_scan

        return prepare_scan(self.path, self.reading, report)

    def scene(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> GaussianScene:
        """Prime."""
        from tomosplat.pipeline.prime import prime_prepared

        if scan is None:
            raise InputError("priming needs the scan that ScanSource.scan returns, got None")
        return prime_prepared(scan, self._colours(scan, functions), self._visible, self.priming, report)

    def better(
        self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report
    ) -> GaussianScene | None:
        """Predict."""
        if scan is None or not self.network:
            return None
        from tomosplat.pipeline.predict import predicted_if_known

        return predicted_if_known(scan, self._colours(scan, functions), self._visible, self.priming, report)

    def _colours(self, scan: PreparedScan, asked: TransferFunctions | None) -> TransferFunctions:
        from tomosplat.pipeline.transfer_files import usual_transfer_functions

        return asked or self._functions or usual_transfer_functions(scan.volume)

    @cached_property
    def _functions(self) -> TransferFunctions | None:
        from tomosplat.pipeline.transfer_files import given_transfer_functions

        return given_transfer_functions(self.reading.tf)

    @cached_property
    def _visible(self) -> list[int] | None:
        from tomosplat.anatomy import resolve_organs

        return resolve_organs(self.priming.organs) if self.priming.organs is not None else None


@dataclass(frozen=True, eq=False)
class PreparedSource:
    """A scan and its scene that are at hand; new transfer functions prime it anew with ``priming``, then predict."""

    prepared: PreparedScan
    at_hand: GaussianScene
    priming: PrimingOptions = field(default_factory=PrimingOptions)
    network: bool = True

    @property
    def kind(self) -> Kind:
        """Primed before."""
        return "primed"

    @property
    def paths(self) -> dict[Path, str]:
        """None is read."""
        return {}

    def scan(self, report: Report) -> PreparedScan:
        """The scan that is at hand."""
        return self.prepared

    def scene(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> GaussianScene:
        """The scene that is at hand, or another of its scan."""
        if functions is None:
            return self.at_hand
        from tomosplat.pipeline.prime import prime_prepared
        from tomosplat.pipeline.scan import visible_ids

        return prime_prepared(self.prepared, functions, visible_ids(self.priming.organs), self.priming, report)

    def better(
        self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report
    ) -> GaussianScene | None:
        """Predict where new transfer functions are given; the scene at hand is as good as whoever made it has it."""
        if functions is None or not self.network:
            return None
        from tomosplat.pipeline.predict import predicted_if_known
        from tomosplat.pipeline.scan import visible_ids

        visible = visible_ids(self.priming.organs)
        return predicted_if_known(self.prepared, functions, visible, self.priming, report)


@dataclass(frozen=True)
class SceneFileSource:
    """A scene file (.ply, .glb), shown as it is; its scan is not known, so there are no slices and no priming anew.

    Raises:
        InputError: The file does not exist.
    """

    path: Path

    def __post_init__(self) -> None:
        _check_exists(self.path)

    @property
    def kind(self) -> Kind:
        """From a file."""
        return "file"

    @property
    def paths(self) -> dict[Path, str]:
        """The scene."""
        return {self.path: "the scene"}

    def scan(self, report: Report) -> None:
        """None is known."""

    def scene(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> GaussianScene:
        """Read."""
        with report.stage("load libraries"):
            from tomosplat.files.scenes import read_scene
        with report.stage("read scene"):
            return read_scene(self.path)

    def better(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> None:
        """The file is shown as it is."""


def source_of(
    path: Path, reading: ScanOptions, priming: PrimingOptions, *, network: bool
) -> ScanSource | SceneFileSource:
    """The source that a path names: a scene by its suffix, else a scan.

    Raises:
        InputError: The path does not exist, or an option can be refused without reading it.
    """
    if path.suffix.lower() in _SCENE_SUFFIXES and not path.is_dir():
        return SceneFileSource(path)
    return ScanSource(path, reading, priming, network)


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist")
