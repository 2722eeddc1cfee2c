"""``tomosplat cameras``: evaluation views around a scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported


@dataclass(frozen=True, kw_only=True)
class MakeCameras(Reported):
    """Write a camera file: views spread evenly around a scan or a scene, each showing all of it."""

    target: tyro.conf.Positional[Path]
    """A scan or a scene (.ply)."""
    output: Output
    """The camera file (JSON)."""
    n: int = 40
    """How many views."""
    size: int = 800
    """Edge of the square pictures in pixels."""

    def run(self) -> None:
        """Place the cameras and write them."""
        from tomosplat.pipeline.cameras import write_cameras_around

        with self.reporting() as report:
            write_cameras_around(self.target, self.output, self.n, self.size, report)
        print(f"{self.output}: {self.n} cameras of {self.size}x{self.size} pixels")
