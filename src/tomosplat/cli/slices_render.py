"""``tomosplat slices render``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.pipeline.slices.options import SliceRenderOptions


@dataclass(frozen=True, kw_only=True)
class SlicesRender(Reported):
    """Render the slices of a fit, and as many in between as asked for."""

    model_path: Annotated[Path, tyro.conf.arg(aliases=["-m"])]
    """Folder that "tomosplat slices fit" wrote."""
    rendering: SliceRenderOptions = field(default_factory=SliceRenderOptions)

    def run(self) -> None:
        """Render and write."""
        from tomosplat.pipeline.slices.render import render_slice_files

        with self.reporting() as report:
            folders = render_slice_files(self.model_path, self.rendering, report)
        for folder in folders:
            print(folder)
