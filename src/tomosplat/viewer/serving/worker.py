"""The thread that computes, one job at a time: kernels use all cores, and a scan takes much of the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tomosplat.report import Report
from tomosplat.viewer.serving.session import Session

#: Called with a scene's title and why work for it failed.
OnFailure = Callable[[str, Exception], None]
_Job = Callable[[Report, Callable[[], bool]], None]


class Worker:
    """Opens the sessions in turn; what a person asks for goes first.

    Attributes:
        all_failed: Set when no session could be opened.
        error: Why the last of them could not; the others' errors were told by then.
    """

    def __init__(self, sessions: Sequence[Session], report: Report, on_failure: OnFailure) -> None:
        self.all_failed = threading.Event()
        self.error: Exception | None = None
        self._sessions = sessions
        self._report = report
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._stopping = False
        # A stage may take long and cannot be broken off: it must not keep the program alive.
        self._thread = threading.Thread(target=self._work, name="tomosplat-worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look again what is to do."""
        with self._changed:
            self._changed.notify_all()

    def stop(self, patience_s: float) -> None:
        """Give up what is being done at its next step, and wait for that, but not for ever."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(patience_s)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            session, do = job
            try:
                do(self._report, lambda: not self._stopping)
            except Exception as error:
                if all(session.error is not None for session in self._sessions):
                    self.error = error
                    self.all_failed.set()
                else:
                    self._on_failure(session.board.title, error)

    def _next(self) -> tuple[Session, _Job] | None:
        """The next job, None when there is to be none."""
        with self._changed:
            while not self._stopping:
                for session in self._sessions:
                    if session.opened and session.error is None and session.is_asked:
                        return session, session.recolour
                for session in self._sessions:
                    if not session.opened:
                        return session, session.open
                self._changed.wait()
        return None
