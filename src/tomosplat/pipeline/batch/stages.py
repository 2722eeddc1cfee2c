"""One scan of a list becomes a scene, at once or in stages that workers hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tomosplat import threads
from tomosplat.errors import InputError
from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.model import Model
from tomosplat.feedforward.predict import Said
from tomosplat.files.scenes import write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.jobs import Product, Stage, Staged
from tomosplat.pipeline.batch.case_lists import Source
from tomosplat.pipeline.batch.handed_on import read_primed, read_said, write_primed, write_said
from tomosplat.pipeline.batch.pseudonyms import unnamed
from tomosplat.pipeline.datasets.ground_truth import prepare_source
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions
from tomosplat.pipeline.predict import ask_network, changed_scene, check_spacing, open_model, prime_for_network
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.scan import PreparedScan, color_scan, visible_ids
from tomosplat.pipeline.transfer_files import usual_transfer_functions
from tomosplat.report import Progress, Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import OpticalVolume


@dataclass(frozen=True)
class BatchOrder:
    """Everything that a worker is told about a scene.

    Attributes:
        source: The scan.
        functions: Its colours; None for those of its modality.
        priming: How it is primed.
        predicting: How the network is run; None where the scene stays as it was primed.
        file_format: What it is written as.
        threads: How many to use; workers share the processors.
    """

    source: Source
    functions: TransferFunctions | None
    priming: PrimingOptions
    predicting: PredictingOptions | None
    file_format: str
    threads: int


def make_scene(order: BatchOrder, scratch: Path, progress: Progress) -> Product:
    """Make one scene and write it; what a stage left in ``scratch`` is made use of.

    Raises:
        InputError: The scan cannot be used.
        OutputError: The file could not be written.
    """
    threads.use(order.threads)
    path = scratch / f"scene.{order.file_format}"
    scene = _scene(order, scratch, progress)
    write_scene(path, scene)
    return Product({f"{order.source.id}.{order.file_format}": path}, {"gaussians": len(scene)})


def prime_ahead(order: BatchOrder, scratch: Path, progress: Progress) -> None:
    """The stage before the network: read, label, light and prime the scan; errors as ``make_scene``."""
    threads.use(order.threads)
    if not _primed_file(scratch).exists():
        ready = _ready(order, scratch)
        write_primed(_primed_file(scratch), ready.prepared, ready.primed)


def predict_ahead(order: BatchOrder, scratch: Path, progress: Progress) -> None:
    """The network's stage; errors as ``make_scene``."""
    threads.use(order.threads)
    if not _said_file(scratch).exists():
        write_said(_said_file(scratch), _said(order, _ready(order, scratch)))


#: Between two stages of processors, that of the network is for a GPU.
PREDICTION = Staged((Stage(prime_ahead), Stage(predict_ahead, gpu=True)), make_scene)


class _Ready(NamedTuple):
    """All that the network is shown."""

    prepared: PreparedScan
    optical: OpticalVolume
    primed: Primed


def _scene(order: BatchOrder, scratch: Path, progress: Progress) -> GaussianScene:
    if order.predicting is None:
        prepared = prepare_source(order.source)
        progress(1, 2)
        return prime_prepared(
            prepared, _colors(order, prepared), visible_ids(order.priming.organs), order.priming, Report()
        )
    if _primed_file(scratch).exists() and _said_file(scratch).exists():
        return changed_scene(read_primed(_primed_file(scratch))[1], read_said(_said_file(scratch)), Report())
    ready = _ready(order, scratch)
    progress(1, 2)
    return changed_scene(ready.primed, _said(order, ready), Report())


def _ready(order: BatchOrder, scratch: Path) -> _Ready:
    source, visible = order.source, visible_ids(order.priming.organs)
    if _primed_file(scratch).exists():
        prepared, primed = read_primed(_primed_file(scratch))
        return _Ready(prepared, color_scan(prepared, _colors(order, prepared), visible, Report()), primed)
    if not isinstance(source.scan, int):
        with unnamed(source):
            check_spacing(source.scan, source.reading)
    prepared = prepare_source(source)
    model, functions = _model_of(order)[0], _colors(order, prepared)
    return _Ready(prepared, *prime_for_network(model, prepared, functions, visible, order.priming, Report()))


def _colors(order: BatchOrder, prepared: PreparedScan) -> TransferFunctions:
    return order.functions or usual_transfer_functions(prepared.volume)


def _said(order: BatchOrder, ready: _Ready) -> Said:
    model, predicting = _model_of(order)
    return ask_network(model, ready.prepared.volume.unit, ready.optical, ready.primed, predicting, Report())


def _model_of(order: BatchOrder) -> tuple[Model, PredictingOptions]:
    if order.predicting is None:
        raise InputError(f"{order.source.id}: this order asks for no network, so its scene has no stages; prime it")
    return _model(order.predicting.checkpoint), order.predicting


@cache
def _model(checkpoint: Path | None) -> Model:
    """Read once by each worker, however many cases it has."""
    return open_model(checkpoint)


def _primed_file(scratch: Path) -> Path:
    return scratch / "primed.safetensors"


def _said_file(scratch: Path) -> Path:
    return scratch / "said.safetensors"
