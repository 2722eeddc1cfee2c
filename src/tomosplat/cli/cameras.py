"""``tomosplat cameras``: evaluation views around a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import CameraSetOptions


@dataclass(frozen=True, kw_only=True)
class MakeCameras(Reported):
    """Write a camera file: views around a scan or a scene, each showing all of it."""

    target: tyro.conf.Positional[Path]
    """A scan or a scene (.ply, .glb)."""
    output: Output
    """The camera file (JSON)."""
    views: CameraSetOptions = field(default_factory=CameraSetOptions)

    def run(self) -> None:
        """Place the cameras and write them."""
        from tomosplat.pipeline.cameras import write_cameras_around

        with self.reporting() as report:
            n = write_cameras_around(self.target, self.output, self.views, report)
        print(f"{self.output}: {n} cameras of {self.views.size}x{self.views.size} pixels")
