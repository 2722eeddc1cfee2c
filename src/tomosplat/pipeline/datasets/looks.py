"""What is known of a case and its pictures before any is traced, and where each is kept until the shard is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import Cameras
from tomosplat.jobs import hash_data
from tomosplat.lighting import LightRig
from tomosplat.pipeline.batch.case_lists import Source
from tomosplat.pipeline.datasets.options import PrepareOptions
from tomosplat.render import PathTraceSettings, SurfaceMode
from tomosplat.transfer import TransferFunctions


@dataclass(frozen=True)
class CaseOrder:
    """Everything that a worker is told about a case.

    Attributes:
        source: The scan.
        options: What to make of it.
        functions: Name → transfer functions; those drawn for this case alone come on top.
        threads: How many to use; workers share the processors.
    """

    source: Source
    options: PrepareOptions
    functions: dict[str, TransferFunctions]
    threads: int

    def settings(self) -> PathTraceSettings:
        """How its pictures are traced, but for the seed."""
        surface = SurfaceMode() if self.options.surface else None
        return PathTraceSettings(samples=self.options.samples, target_error=self.options.noise, surface=surface)

    def seed(self, *what: str | int) -> int:
        """60 bits that are other ones for every case and every use."""
        return int(hash_data([self.options.seed, self.source.id, *what])[:15], 16)

    def rng(self, *what: str | int) -> np.random.Generator:
        """Random numbers for one use."""
        return np.random.default_rng(self.seed(*what))


@dataclass(frozen=True)
class Look:
    """Pictures of one visible set in one transfer function under one rig.

    Attributes:
        shown: The visible set.
        tf: Name of the transfer functions.
        rig: The light.
        cameras: The views.
        scratch: Folder in which the case keeps its pictures.
    """

    shown: str
    tf: str
    rig: LightRig
    cameras: Cameras
    scratch: Path

    @property
    def name(self) -> str:
        """What its tensors are called."""
        return f"{self.shown}/{self.tf}/{self.rig.name}"

    def picture(self, view: int) -> Path:
        """Where one view is kept: rgba [1, H, W, 4], relative_error [1] and samples [1]."""
        return self.scratch / self.name / f"{view:04d}.npz"

    def missing(self) -> list[int]:
        """The views that are not there yet."""
        return [view for view in range(len(self.cameras)) if not self.picture(view).exists()]

    def pieces(self, key: str) -> Iterator[NDArray[Any]]:
        """What was kept of each view, one at a time: a case's pictures may be larger than memory."""
        for view in range(len(self.cameras)):
            with np.load(self.picture(view)) as kept:
                yield kept[key]
