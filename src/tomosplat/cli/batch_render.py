"""``tomosplat batch render``."""

from __future__ import annotations

from dataclasses import dataclass, field

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.batch.options import BatchRenderOptions


@dataclass(frozen=True, kw_only=True)
class BatchRender(Reported):
    """Render scenes: a picture, a turntable or frames of each."""

    scenes: tyro.conf.Positional[tuple[str, ...]]
    """Scenes that tomosplat wrote (.ply, .glb), and folders of them."""
    output: Output
    """Folder for the pictures."""
    rendering: BatchRenderOptions = field(default_factory=BatchRenderOptions)

    def run(self) -> None:
        """Render what is not done yet."""
        from tomosplat.pipeline.batch.render import render_scenes
        from tomosplat.pipeline.batch.running import check_outcome

        with self.reporting() as report:
            outcome = render_scenes(self.scenes, self.output, self.rendering, report)
        print(f"{self.output}: {len(outcome.done)} scenes rendered, {len(outcome.skipped)} were done before")
        check_outcome(outcome, self.output)
