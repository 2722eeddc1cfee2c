"""``tomosplat slices mesh``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from tomosplat.cli.command import Reported
from tomosplat.pipeline.slices.mesh_options import SliceMeshOptions


@dataclass(frozen=True, kw_only=True)
class SlicesMesh(Reported):
    """Make a closed, smooth surface of labels, of an iso-level, or of rendered frames."""

    input: Annotated[Path, tyro.conf.arg(aliases=["-i"])]
    """A scan, a label map (with --label), or a folder whose subfolders hold the frames of one case each."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The mesh: .ply, .stl, .obj or .glb, in mm of the body (RAS+); for a folder of cases, a folder."""
    meshing: SliceMeshOptions = field(default_factory=SliceMeshOptions)

    def run(self) -> None:
        """Mesh, and print volume, surface and how near the truth they are."""
        from tomosplat.pipeline.slices.mesh import mesh_files

        with self.reporting() as report:
            told = mesh_files(self.input, self.output, self.meshing, report)
        print(json.dumps(told, indent=2))
