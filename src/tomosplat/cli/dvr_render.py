"""``tomosplat dvr render``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from tomosplat.cli.command import Output, Reported
from tomosplat.pipeline.dvr.train_options import DvrRenderOptions
from tomosplat.pipeline.options import ViewpointOptions


@dataclass(frozen=True, kw_only=True)
class DvrRender(Reported):
    """Draw a scan with a renderer made by "tomosplat dvr train"."""

    checkpoint: tyro.conf.Positional[Path]
    """The trained renderer (model.safetensors)."""
    volume: tyro.conf.Positional[Path]
    """The scan, of the kind that it was trained with: a DICOM folder, NIfTI, NRRD or MetaImage."""
    output: Output
    """*.png: one picture; *.mp4: a video; anything else: a folder with one PNG for each camera."""
    drawing: DvrRenderOptions = field(default_factory=DvrRenderOptions)
    view: ViewpointOptions = field(default_factory=ViewpointOptions)

    def run(self) -> None:
        """Draw and write."""
        from tomosplat.pipeline.dvr.render import render_learned

        with self.reporting() as report:
            n_pictures = render_learned(self.checkpoint, self.volume, self.output, self.drawing, self.view, report)
        print(f"{self.output}: {n_pictures} picture{'s' if n_pictures != 1 else ''}")
