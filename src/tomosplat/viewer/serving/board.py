"""What the page is told about one scene; written by the worker, read by any number of clients."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["working", "ready", "failed"]
Kind = Literal["primed", "predicted", "file"]
Part = Literal["gaussians", "volume"]

#: Progress is told this often at most.
_PROGRESS_EVERY_S = 0.2


@dataclass
class _Stage:
    """One line of the list that the page shows."""

    name: str
    started: float
    seconds: float = 0.0
    running: bool = True
    done: int | None = None
    total: int | None = None

    def to_dict(self, now: float) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": "running" if self.running else "done",
            "seconds": round(self.seconds + (now - self.started if self.running else 0.0), 3),
            "done": self.done,
            "total": self.total,
        }


class Board:
    """State, stages, messages and compressed blobs of one scene; the revision rises with every change.

    Attributes:
        title: What the page calls the scene.
        failure_told: Whoever tells a client that the scene failed sets it.
    """

    def __init__(self, title: str, kind: Kind) -> None:
        self.title = title
        self.failure_told = threading.Event()
        self._kind = kind
        self._changed = threading.Condition()
        self._revision = 1
        self._state: State = "working"
        self._stages: dict[str, _Stage] = {}
        self._blobs: dict[Part, bytes] = {}
        self._gaussians_at: int | None = None
        self._message: str | None = None
        self._told_at = 0.0
        self._closed = False

    def begin(self) -> None:
        """New work begins: its stages replace those of the last."""
        with self._changed:
            self._stages, self._state, self._message = {}, "working", None
            self._tell()

    def stage_started(self, name: str) -> None:
        """A stage begins; one that has been there before goes on."""
        with self._changed:
            now = time.monotonic()
            before = self._stages.get(name)
            self._stages[name] = _Stage(name, now, before.seconds if before else 0.0)
            self._tell()

    def stage_advanced(self, done: int, total: int) -> None:
        """The running stage got this far."""
        with self._changed:
            for stage in self._stages.values():
                if stage.running:
                    stage.done, stage.total = done, total
            if time.monotonic() - self._told_at > _PROGRESS_EVERY_S:
                self._tell()

    def stage_ended(self, name: str, seconds: float) -> None:
        """A stage is over, well or not."""
        with self._changed:
            stage = self._stages[name]
            stage.running, stage.seconds = False, stage.seconds + seconds
            self._tell()

    def publish(self, part: Part, compressed: bytes, kind: Kind | None = None) -> None:
        """Put up a blob as it will travel, compressed with gzip once for all who will ask for it.

        Args:
            part: Which one.
            compressed: The blob.
            kind: How the scene came to be, if that is another way than before.
        """
        with self._changed:
            self._blobs[part] = compressed
            self._kind = kind or self._kind
            self._tell()
            if part == "gaussians":
                self._gaussians_at = self._revision

    def finish(self, message: str | None = None) -> None:
        """The work is over; with a message if something went wrong. Without Gaussians, the scene has failed."""
        with self._changed:
            self._message = message
            self._state = "ready" if self._gaussians_at is not None else "failed"
            self._tell()

    def close(self) -> None:
        """Let everyone go who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def blob(self, part: Part) -> bytes | None:
        """The newest blob, compressed with gzip; None if there is none yet."""
        with self._changed:
            return self._blobs.get(part)

    def status(self, after: int = 0, patience_s: float = 0.0) -> dict[str, Any]:
        """What the page shows, as soon as the revision is past ``after``, or when patience ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._revision > after, timeout=patience_s)
            now = time.monotonic()
            return {
                "revision": self._revision,
                "state": self._state,
                "stages": [stage.to_dict(now) for stage in self._stages.values()],
                "gaussians": self._gaussians_at,
                "kind": self._kind,
                "volume": "volume" in self._blobs,
                "message": self._message,
            }

    def summary(self) -> dict[str, str]:
        """Title and state, for the list of scenes."""
        with self._changed:
            return {"title": self.title, "state": self._state}

    def _tell(self) -> None:
        self._revision += 1
        self._told_at = time.monotonic()
        self._changed.notify_all()
