"""What can be asked of the verbs below ``tomosplat batch``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tomosplat.pipeline.batch.running_options import RunningOptions
from tomosplat.pipeline.datasets.options import CaseOptions
from tomosplat.pipeline.options import ViewOptions


@dataclass(frozen=True, kw_only=True)
class BatchSceneOptions(CaseOptions):
    """How a list of scans becomes scenes."""

    tf: str | None = None
    """Transfer functions: seen, unseen (CT), mr, us, or a file (our JSON, 3D Slicer .vp, ParaView .json); by default
    those of each scan's modality."""
    file_format: Literal["ply", "glb"] = "ply"
    """What the scenes are written as: <id>.ply or <id>.glb."""


@dataclass(frozen=True, kw_only=True)
class BatchRenderOptions(ViewOptions, RunningOptions):
    """How a list of scenes becomes pictures."""

    what: Literal["picture", "video", "frames"] = "picture"
    """For each scene <id>.png, a turntable <id>.mp4, or a folder <id> with one PNG for each camera."""
