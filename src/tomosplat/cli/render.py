"""``tomosplat render``: pictures and videos of a scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.options import DeviceOptions, ViewOptions


@dataclass(frozen=True, kw_only=True)
class Render(Reported):
    """Render a scene to a .png, to an .mp4 turntable, or to a folder of PNGs."""

    scene: tyro.conf.Positional[Path]
    """A scene that tomosplat wrote (.ply, .glb)."""
    output: Output
    """*.png: one picture; *.mp4: a video; anything else: a folder with one PNG for each camera."""
    view: ViewOptions = field(default_factory=ViewOptions)
    computing: DeviceOptions = field(default_factory=DeviceOptions)

    def run(self) -> None:
        """Render and write."""
        from tomosplat.pipeline.render import render_file

        with self.reporting() as report:
            n_pictures = render_file(self.scene, self.output, self.view, report, self.computing.device)
        print(f"{self.output}: {n_pictures} picture{'s' if n_pictures != 1 else ''}")
