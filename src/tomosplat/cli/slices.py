"""``tomosplat slices``: verbs of its own, one file each (``slices_fit.py``, ``slices_render.py``, ...)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from tomosplat.cli.slices_evaluate import SlicesEvaluate
from tomosplat.cli.slices_fill import SlicesFill
from tomosplat.cli.slices_fit import SlicesFit
from tomosplat.cli.slices_mesh import SlicesMesh
from tomosplat.cli.slices_render import SlicesRender

Verb = (
    Annotated[SlicesFit, tyro.conf.subcommand("fit")]
    | Annotated[SlicesFill, tyro.conf.subcommand("fill")]
    | Annotated[SlicesRender, tyro.conf.subcommand("render")]
    | Annotated[SlicesEvaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[SlicesMesh, tyro.conf.subcommand("mesh")]
)


@dataclass(frozen=True)
class Slices:
    """A volume, labels and surfaces from few slices."""

    verb: Verb

    def run(self) -> None:
        """Run the verb that was asked for."""
        self.verb.run()
