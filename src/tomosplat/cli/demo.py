"""``tomosplat demo``: the main job on a real chest CT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported


@dataclass(frozen=True, kw_only=True)
class Demo(Reported):
    """Turn a real chest CT (or, offline, the procedural torso) into a scene, two pictures and a turntable video."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demo")
    """Folder for the results."""
    phantom: bool = False
    """Use the procedural torso; nothing is fetched."""
    size: int = 800
    """Edge of the square pictures in pixels."""

    def run(self) -> None:
        """Run the main job and say where the results are."""
        from tomosplat.pipeline.demo import run_demo

        with self.reporting() as report:
            results = run_demo(self.output, phantom=self.phantom, size=self.size, report=report)
        print(results.summary())
