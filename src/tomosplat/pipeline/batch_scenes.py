"""Scans in, a folder of scenes out: what ``tomosplat batch predict`` and ``prime`` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tomosplat.feedforward.model import Model, shipped_path
from tomosplat.files.scenes import write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.jobs import Case, Outcome, Product, hash_data, hash_file
from tomosplat.lighting import load_rig
from tomosplat.pipeline.batch_options import BatchSceneOptions
from tomosplat.pipeline.case_lists import Source, content_hashes, find_cases, memory_of
from tomosplat.pipeline.ground_truth import prepare_source
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions
from tomosplat.pipeline.predict import check_predicting, check_spacing, open_model, predict_prepared
from tomosplat.pipeline.prime import check_priming, prime_prepared
from tomosplat.pipeline.pseudonyms import Pseudonyms, unnamed
from tomosplat.pipeline.running import check_running, facts_of, run_list, shard_of, threads_of
from tomosplat.pipeline.scan import visible_ids
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.report import Progress, Report
from tomosplat.transfer import TransferFunctions

#: Changes whenever scenes made before are not what would be made now.
_VERSION = 1


@dataclass(frozen=True)
class BatchOrder:
    """Everything that a worker is told about a scene.

    Attributes:
        source: The scan.
        functions: Its colours.
        priming: How it is primed.
        predicting: How the network is run; None where the scene stays as it was primed.
        file_format: What it is written as.
        private: Whether errors may not say where the scan lies.
        threads: How many to use; workers share the processors.
    """

    source: Source
    functions: TransferFunctions
    priming: PrimingOptions
    predicting: PredictingOptions | None
    file_format: str
    private: bool
    threads: int


def make_scenes(
    sources: Sequence[str],
    folder: Path,
    options: BatchSceneOptions,
    priming: PrimingOptions,
    predicting: PredictingOptions | None,
    report: Report,
) -> Outcome:
    """Make or complete a folder of scenes, one for each scan.

    Args:
        sources: See ``find_cases``.
        folder: For scenes and markers; made if missing.
        options: How scans are found, read and coloured, and who works.
        priming: How they are primed.
        predicting: How the network is run; None to leave the scenes as they were primed.
        report: Takes times and counts.

    Raises:
        InputError: An argument or option cannot be used; nothing is done.
        DependencyError: An extra or the network's weights are not installed.
        OutputError: The folder cannot be written.
    """
    check_running(options)
    check_priming(priming)
    visible_ids(priming.organs)
    checkpoint = None if predicting is None else _checked_checkpoint(predicting, priming)
    found, passed_over = find_cases(sources, options)
    if options.pseudonyms is not None:
        found = Pseudonyms.kept_in(options.pseudonyms, folder).of_all(found)
        passed_over = [f"{len(passed_over)} folders or series were passed over"] if passed_over else []
    report.history.extend(passed_over)
    report.facts["passed_over"] = passed_over
    mine = shard_of(options).share(found, cost=lambda source: source.n_bytes, name=lambda source: source.id)
    hashes = content_hashes(mine, folder, report)
    functions = load_transfer_functions(options.tf)
    private = options.pseudonyms is not None

    def case(source: Source) -> Case:
        order = BatchOrder(source, functions, priming, predicting, options.file_format, private, threads_of(options))
        memory = memory_of(source)
        return Case(
            id=source.id,
            payload=order,
            cost=max(source.n_bytes, 1),
            content_hash=hashes[source.id],
            config_hash=hash_data(_configuration(order, checkpoint)),
            inputs=() if private else source.inputs,
            signature=source.signature,
            memory=memory + int(1e9 * predicting.memory) if memory and predicting else memory,
        )

    with report.stage(f"make {len(mine)} scenes") as progress:
        outcome = run_list([case(source) for source in mine], make_scene, folder, options, progress)
    report.facts["cases"] = facts_of(outcome)
    return outcome


def make_scene(order: BatchOrder, scratch: Path, progress: Progress) -> Product:
    """Make one scene and write it.

    Raises:
        InputError: The scan cannot be used.
        OutputError: The file could not be written.
    """
    torch.set_num_threads(order.threads)
    path = scratch / f"scene.{order.file_format}"
    with unnamed(order.source, order.private):
        scene = _scene(order, progress)
    write_scene(path, scene)
    return Product({f"{order.source.id}.{order.file_format}": path}, {"gaussians": len(scene)})


def _scene(order: BatchOrder, progress: Progress) -> GaussianScene:
    source, visible = order.source, visible_ids(order.priming.organs)
    if order.predicting is None:
        prepared = prepare_source(source)
        progress(1, 2)
        return prime_prepared(prepared, order.functions, visible, order.priming, Report())
    if not isinstance(source.scan, int):
        check_spacing(source.scan, source.reading)
    prepared = prepare_source(source)
    progress(1, 2)
    model = _model(order.predicting.checkpoint)
    return predict_prepared(model, prepared, order.functions, visible, order.priming, order.predicting, Report())


@cache
def _model(checkpoint: Path | None) -> Model:
    """Read once by each worker, however many cases it has."""
    return open_model(checkpoint)


def _checked_checkpoint(predicting: PredictingOptions, priming: PrimingOptions) -> str:
    """Hash of the network's file."""
    check_predicting(open_model(predicting.checkpoint), priming, predicting)
    path = predicting.checkpoint or shipped_path()
    return "" if path is None else hash_file(path)


def _configuration(order: BatchOrder, checkpoint: str | None) -> dict[str, Any]:
    reading = asdict(order.source.reading) | {"labels": order.source.reading.labels is not None}
    predicting = None if order.predicting is None else asdict(replace(order.predicting, checkpoint=None))
    return {
        "version": _VERSION,
        "id": order.source.id,
        "reading": reading,
        "functions": order.functions.to_dict(),
        "priming": asdict(order.priming),
        "rig": load_rig(order.priming.rig).to_dict(),
        "predicting": predicting,
        "checkpoint": checkpoint,
        "file_format": order.file_format,
    }
