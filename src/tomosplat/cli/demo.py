"""``tomosplat demo``: the main job on a real chest CT."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.cli.serving import ServingOptions, serve_until_stopped


@dataclass(frozen=True, kw_only=True)
class Demo(Reported):
    """Turn a real chest CT (or, offline, the procedural torso) into a scene, two pictures and a turntable video."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demo")
    """Folder for the results."""
    phantom: bool = False
    """Use the procedural torso; nothing is fetched."""
    size: int = 800
    """Edge of the square pictures in pixels."""
    network: bool = True
    """Let the network that comes with the package improve what is primed."""
    view: bool = False
    """Then open the scene in the browser."""
    serving: ServingOptions = field(default_factory=ServingOptions)

    def run(self) -> None:
        """Run the main job and say where the results are."""
        from tomosplat.pipeline.demo import run_demo

        with self.reporting() as report:
            results = run_demo(self.output, phantom=self.phantom, size=self.size, network=self.network, report=report)
        print(results.summary())
        if self.view:
            from tomosplat.viewer.serving import PreparedSource

            source = PreparedSource(results.prepared, results.everything, network=self.network)
            serve_until_stopped([source], self.serving, report)
