"""Ray is started again where its own patience was too short."""

from __future__ import annotations

import pytest

from tomosplat.errors import TomosplatError
from tomosplat.jobs.actors import _start


class BusyMachine:
    """As Ray, where its node does not start in time for ``failures`` times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[str] = []

    def init(self, **_: object) -> None:
        self.calls.append("init")
        if self.failures:
            self.failures -= 1
            raise Exception("the node did not start")  # bare, as Ray's is

    def shutdown(self) -> None:
        self.calls.append("shutdown")


def test_a_node_that_starts_late_is_started_again() -> None:
    machine = BusyMachine(failures=2)
    _start(machine, {}, attempts=3)
    assert machine.calls == ["init", "shutdown", "init", "shutdown", "init"]


def test_a_node_that_never_starts_is_a_named_error() -> None:
    with pytest.raises(TomosplatError, match="no cluster at there: the node did not start"):
        _start(BusyMachine(failures=1), {"address": "there"}, attempts=1)
