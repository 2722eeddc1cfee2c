"""One scene of the server: opened once, then coloured anew as often as a person asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from tomosplat.errors import TomosplatError
from tomosplat.report import Progress, Report
from tomosplat.viewer.serving.board import Board, Kind
from tomosplat.viewer.serving.messages import public_message
from tomosplat.viewer.serving.sources import Source

if TYPE_CHECKING:  # torch takes seconds to load, and the page is up before
    from tomosplat.gaussians import GaussianScene
    from tomosplat.pipeline.scan import PreparedScan
    from tomosplat.transfer import TransferFunctions


class _SupersededError(Exception):
    """Nobody waits for this work any more."""


class Session:
    """One scene: where it comes from, what is asked of it, and the board that tells of it.

    ``open`` and ``recolour`` belong to the worker's thread; ``ask_for`` to any.

    Args:
        source: Where the scene comes from.
        title: What the page calls it; None for what it is made of.
        number: Put before that, to tell it from others.

    Attributes:
        source: Where the scene comes from.
        board: What the page is told.
        opened: Whether ``open`` has been run.
        error: Why the scene could not be opened.
    """

    def __init__(self, source: Source, title: str | None = None, number: int | None = None) -> None:
        self.source = source
        self.board = Board(title or _neutral_title(None, number), source.kind)
        self.opened = False
        self.error: Exception | None = None
        self._titled, self._number = title is not None, number
        self._scan: PreparedScan | None = None
        self._wanted: TransferFunctions | None = None
        self._lock = threading.Lock()

    def ask_for(self, functions: TransferFunctions) -> None:
        """Colour the scene anew by these functions, once the worker comes to it; only the latest are kept."""
        with self._lock:
            self._wanted = functions

    @property
    def is_asked(self) -> bool:
        """Whether there are functions to colour the scene anew by."""
        return self._wanted is not None

    def open(self, report: Report, wanted: Callable[[], bool]) -> None:
        """Compute the first scene, the volume for the slices, then a better scene; each is put up once it is there.

        Args:
            report: Takes the stages, and the facts of this scene into its list ``scenes``.
            wanted: Tells whether to go on; asked at every stage.
        """
        self.opened = True
        with self._working(report, wanted) as own:
            self._scan = self.source.scan(own)
            if not self._titled:
                self.board.title = _neutral_title(self._scan, self._number)
            self._publish(self.source.scene(self._scan, None, own), self.source.kind, own)
            if self._scan is not None:
                self._publish_volume(self._scan, own)
            self._publish_better(None, own)
            report.facts.setdefault("scenes", []).append({"title": self.board.title, **own.facts})
            report.history.extend(own.history)

    def recolour(self, report: Report, wanted: Callable[[], bool]) -> None:
        """Compute the scene by the functions asked for last; given up when others are asked for meanwhile."""
        with self._lock:
            functions, self._wanted = self._wanted, None
        with self._working(report, lambda: wanted() and not self.is_asked) as own:
            self._publish(self.source.scene(self._scan, functions, own), self.source.kind, own)
            self._publish_better(functions, own)

    @contextmanager
    def _working(self, report: Report, wanted: Callable[[], bool]) -> Iterator[Report]:
        """Tell the board how the work goes, and what went wrong."""
        self.board.begin()
        try:
            yield Report(_Relay(self.board, report, wanted))
        except _SupersededError:
            return
        except Exception as error:
            if self.board.blob("gaussians") is None:
                self.error = error
            self.board.finish(
                public_message(error, self.source.paths)
                if isinstance(error, TomosplatError)
                else f"Unexpected {type(error).__name__}; the terminal tells more"
            )
            raise
        self.board.finish()

    def _publish(self, scene: GaussianScene, kind: Kind, report: Report) -> None:
        from tomosplat.viewer.packing import pack_gaussians

        with report.stage("pack scene"):
            self.board.publish("gaussians", pack_gaussians(scene, title=self.board.title).compressed(), kind)

    def _publish_better(self, functions: TransferFunctions | None, report: Report) -> None:
        scene = self.source.better(self._scan, functions, report)
        if scene is not None:
            self._publish(scene, "predicted", report)

    def _publish_volume(self, scan: PreparedScan, report: Report) -> None:
        from tomosplat.viewer.packing import pack_volume

        with report.stage("pack slices"):
            self.board.publish("volume", pack_volume(scan.volume, scan.labels).compressed())


class _Relay:
    """Tells the board and the command's report of each stage, and ends the work that nobody waits for."""

    def __init__(self, board: Board, report: Report, wanted: Callable[[], bool]) -> None:
        self._board, self._report, self._wanted = board, report, wanted
        self._open: list[AbstractContextManager[Progress]] = []

    def stage_started(self, name: str) -> None:
        self._check()
        self._board.stage_started(name)
        stage = self._report.stage(name)
        stage.__enter__()
        self._open.append(stage)

    def stage_advanced(self, done: int, total: int) -> None:
        self._check()
        self._board.stage_advanced(done, total)
        self._report.advance(done, total)

    def stage_ended(self, name: str, seconds: float) -> None:
        self._open.pop().__exit__(None, None, None)
        self._board.stage_ended(name, seconds)

    def _check(self) -> None:
        if not self._wanted():
            raise _SupersededError


def _neutral_title(scan: PreparedScan | None, number: int | None) -> str:
    """What a scene may be called: a file's name can be a patient's."""
    prefix = f"{number}: " if number is not None else ""
    if scan is None:
        return f"{prefix}Scene"
    modality = "Scan" if scan.volume.modality == "unknown" else scan.volume.modality
    return f"{prefix}{modality}, {float(scan.volume.grid.spacing.min()):.3g} mm"
