"""The local server: what ``tomosplat view`` and notebooks start."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from types import TracebackType

from tomosplat.errors import InputError
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.report import Report
from tomosplat.viewer.serving.guard import Guard, is_loopback
from tomosplat.viewer.serving.listener import Listener
from tomosplat.viewer.serving.page import load_page
from tomosplat.viewer.serving.routes import Site
from tomosplat.viewer.serving.session import Session
from tomosplat.viewer.serving.sources import Source, source_of
from tomosplat.viewer.serving.worker import OnFailure, Worker

#: A stage that cannot be broken off is left to the end of the program.
_STOPPING_S = 10.0


class Server:
    """Scenes in the browser, served from this machine while they are computed; as a context manager it stops itself.

    Attributes:
        url: Where the page is; holds the token of this run.
        port: The port that is open.
        exposed: Whether other machines can reach the server; whoever learns the address then sees the scans, and
            others on the way can read along, for nothing is encrypted.
    """

    def __init__(
        self, sessions: Sequence[Session], host: str, port: int, report: Report, on_failure: OnFailure
    ) -> None:
        guard = Guard(host)
        self._sessions = sessions
        self._listener = Listener(host, port)
        self._worker = Worker(sessions, report, on_failure)
        self.port = self._listener.port
        self.exposed = not is_loopback(host)
        self.url = f"http://{_reachable(host)}:{self.port}/?token={guard.token}"
        scenes = {str(number): session for number, session in enumerate(sessions, start=1)}
        self._listener.site = Site(scenes, guard, load_page(), self._worker.wake, f"tomosplat-{self.port}")
        self._listener.start()
        self._worker.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, linger_s: float = 0.0) -> None:
        """Serve until interrupted, or until it is clear that there is nothing to serve.

        Args:
            linger_s: How long a page that is about to open may take to be told that everything failed.

        Raises:
            Exception: No scene could be opened; this is why the last could not; ``on_failure`` was told of the others.
        """
        # In short waits: on Windows, Ctrl-C does not reach a thread that waits for ever.
        while not self._worker.all_failed.wait(1.0):
            pass
        deadline = time.monotonic() + linger_s
        for session in self._sessions:
            session.board.failure_told.wait(max(deadline - time.monotonic(), 0))
        if self._worker.error is not None:
            raise self._worker.error

    def close(self) -> None:
        """Stop computing, hang up on every page, close the port."""
        for session in self._sessions:
            session.board.close()
        self._listener.close()
        self._worker.stop(_STOPPING_S)


def serve(
    *what: Source | str | os.PathLike[str],
    reading: ScanOptions | None = None,
    priming: PrimingOptions | None = None,
    network: bool = True,
    titles: Sequence[str] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    report: Report | None = None,
    on_failure: OnFailure = lambda title, error: None,
) -> Server:
    """Serve scans and scenes to the browser; returns at once, and computes behind.

    ::

        with tomosplat.serve("chest.nii.gz") as server:
            print(server.url)
            server.wait()

    Args:
        what: Scan files, scene files (.ply, .glb), or sources (``PreparedSource`` for a scan that is in memory).
        reading: How scan files are read; labels can be given for one scan only.
        priming: How scans become scenes.
        network: Let the network that comes with the package improve them, where it knows such scans.
        titles: What the page calls each of them; by default what it is made of, for a file's name can be a patient's.
        host: Where to listen; by default only this machine can reach it.
        port: Which port to open; 0 takes a free one.
        report: Takes the stages, and facts of each scene.
        on_failure: Called in the worker's thread with the title of a scene and why work for it failed, as long as
            there are others to serve.

    Raises:
        InputError: There is nothing to serve, a file does not exist, or an option can be refused without reading.
        PortError: The port is taken, or may not be opened.
    """
    reading, priming = reading or ScanOptions(), priming or PrimingOptions()
    sources = [
        source_of(Path(item), reading, priming, network=network) if isinstance(item, (str, os.PathLike)) else item
        for item in what
    ]
    if not sources:
        raise InputError("there is nothing to view: name a scan or a scene")
    if titles and len(titles) != len(sources):
        raise InputError(f"--title names {len(titles)} scenes, but there are {len(sources)}")
    if reading.labels is not None and sum(source.kind == "primed" for source in sources) > 1:
        raise InputError(f"--labels {reading.labels} belongs to one scan, but several are to be viewed")
    numbers = range(1, len(sources) + 1) if len(sources) > 1 else [None]
    sessions = [Session(*each) for each in zip_longest(sources, titles, numbers)]
    return Server(sessions, host, port, report or Report(), on_failure)


def _reachable(host: str) -> str:
    """A name for this machine by which a browser on it reaches a server that listens at ``host``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
