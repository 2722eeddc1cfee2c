"""Small networks on one thread: threads that wait for each other are slow where others work, too."""

from __future__ import annotations

from tests.one_thread import one_thread  # noqa: F401
