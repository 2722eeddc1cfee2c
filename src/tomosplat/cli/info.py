"""``tomosplat info``: what is this file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from tomosplat.cli.command import Told


@dataclass(frozen=True, kw_only=True)
class Info(Told):
    """Tell what a file or DICOM folder holds: format, shape, spacing, orientation, series, organs, how it was made."""

    file: tyro.conf.Positional[Path]
    """A scan, a label map or a scene."""

    def run(self) -> None:
        """Print the description as JSON."""
        from tomosplat.pipeline.fidelity.inspection import describe_file

        self.tell(describe_file(self.file))
