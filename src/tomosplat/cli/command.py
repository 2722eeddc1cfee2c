"""What every verb that works has in common: a report, and whole-or-nothing errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from tomosplat.cli.console import StageDisplay
from tomosplat.files.atomic import writing
from tomosplat.report import Report

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Options of every verb that does work."""

    report: Path | None = None
    """Write how the result was made (seconds per stage, counts, versions, machine) to this JSON file."""

    @contextmanager
    def reporting(self) -> Iterator[Report]:
        """Show stages while the block runs, then write the report if one was asked for."""
        with StageDisplay() as display:
            report = Report(display)
            yield report
        if self.report is not None:
            write_json(self.report, report.to_dict())


def write_json(path: Path, data: Any) -> None:
    """Write JSON-serialisable data, whole or not at all."""
    with writing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Told:
    """Options of every verb that only tells something, as JSON."""

    report: Path | None = None
    """Write what is told to this JSON file too."""

    def tell(self, facts: dict[str, Any]) -> None:
        """Print JSON-serialisable facts to stdout, and to the report if one was asked for."""
        print(json.dumps(facts, indent=2))
        if self.report is not None:
            write_json(self.report, facts)
