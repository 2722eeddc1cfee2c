"""The scene that one method makes of one look at one scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tomosplat import threads
from tomosplat.anatomy import resolve_organs
from tomosplat.evaluation.methods import METHODS, Fitting, Task, find_method, finetune
from tomosplat.evaluation.protocol import ChosenLook, LookOrder
from tomosplat.evaluation.spending import spending
from tomosplat.evaluation.truth import views_of
from tomosplat.files.scenes import read_scene, write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Grid
from tomosplat.jobs import Product
from tomosplat.pipeline.datasets.ground_truth import prepare_source
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Progress
from tomosplat.volume import LabelMap, Volume

#: Changes whenever scenes made before are not what would be made now.
_VERSION = 2


@dataclass(frozen=True)
class SceneOrder:
    """Everything that a worker is told about one method at one look.

    Attributes:
        look: The look at a scan.
        method: Name of the method.
        iterations: Steps, if it fits or is fine-tuned.
        views: Shard of the views to fit to; None if it does not fit.
        base: The scene to fine-tune; None for a method that begins with the scan.
    """

    look: LookOrder
    method: str
    iterations: int
    views: Path | None
    base: Path | None

    @property
    def id(self) -> str:
        """Name of the scene's files."""
        return self.id_of(self.look, self.method)

    @staticmethod
    def id_of(look: LookOrder, method: str) -> str:
        """The same, by look and method."""
        return f"{look.id}.{method.replace('+', '-')}"

    def configuration(self) -> dict[str, Any]:
        """Everything but scan, fitting views and base that the scene depends on; JSON-serialisable."""
        protocol = self.look.protocol
        fitted = {"iterations": self.iterations, "seed": protocol.seed} if self.views is not None else {}
        known = {"version": _VERSION, "method": self.method, "rig": protocol.rig}
        return {**self.look.configuration(), **known, **fitted}


def make_scene(order: SceneOrder, scratch: Path, progress: Progress) -> Product:
    """Make a scene from a scan on its working grid, or fine-tune one, and say what that took.

    A fit that was stopped goes on from its checkpoint; what it took is then not known.

    Raises:
        InputError: The method makes nothing of this look.
        DivergedError: A value was no longer finite.
        OutputError: A file could not be written.
    """
    threads.use(order.look.threads)
    checkpoint, path = scratch / "fit.checkpoint", scratch / "scene.ply"
    resumed = checkpoint.is_file()
    views = list(views_of(order.views)) if order.views is not None else []
    fitting = Fitting(views, order.iterations, order.look.protocol.seed, checkpoint, progress)
    make = _begun(order, fitting) if order.base is None else _finetuned(order.base, fitting)
    with spending() as spent:
        scene = make()
        write_scene(path, scene)
    facts = {
        "case": order.look.source.id,
        "look": order.look.look.name,
        "method": order.method,
        "gaussians": len(scene),
        "bytes": path.stat().st_size,
        "spent": None if resumed else asdict(spent),
        "iterations": order.iterations if order.views is not None else None,
    }
    return Product({f"{order.id}.ply": path}, facts)


def _begun(order: SceneOrder, fitting: Fitting) -> Callable[[], GaussianScene]:
    prepared = prepare_source(order.look.source)
    _load_kernels()
    task = Task(prepared, order.look.look, order.look.protocol.rig, fitting)
    return lambda: find_method(order.method)[0].make(task)


def _finetuned(base: Path, fitting: Fitting) -> Callable[[], GaussianScene]:
    return lambda: finetune(read_scene(base), fitting)


@cache
def _load_kernels() -> None:
    """Prime a small block of bone first: loading compiled kernels, once in a process, is not what a method takes."""
    grid = Grid.axis_aligned((24, 24, 24), 1.5)
    labels = np.zeros(grid.shape, np.uint8)
    labels[6:18, 6:18, 6:18] = resolve_organs("skeleton")[0]
    block = PreparedScan(Volume(np.full(grid.shape, 400, np.float32), grid, "HU"), LabelMap(labels, grid))
    nothing = Fitting((), 0, 0, Path(), lambda done, total: None)
    METHODS["march"].make(Task(block, ChosenLook.parse("all/seen"), "studio", nothing))
