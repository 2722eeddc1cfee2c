"""``tomosplat finetune``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.fitting.options import FittingOptions, GivenViews


@dataclass(frozen=True, kw_only=True)
class FineTune(Reported):
    """Fit a scene to pictures of it: sharper and truer than priming, in a few hundred steps."""

    scene: tyro.conf.Positional[Path]
    """The scene to begin with."""
    views: Path
    """A dataset of "tomosplat prepare", or a folder with cameras.json and a transparent PNG for each camera."""
    output: Output
    """The fitted scene."""
    given: GivenViews = field(default_factory=GivenViews)
    fitting: FittingOptions = field(default_factory=FittingOptions)

    def run(self) -> None:
        """Fit and write."""
        from tomosplat.pipeline.fitting.finetune import finetune_file

        with self.reporting() as report:
            scene = finetune_file(self.scene, self.views, self.output, self.given, self.fitting, report)
        print(f"{self.output}: {len(scene):,} Gaussians, {scene.n_labels} labels")
