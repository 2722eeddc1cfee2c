"""Scans in, a folder of scenes out: what ``tomosplat batch predict`` and ``prime`` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tomosplat.feedforward.model import shipped_path
from tomosplat.jobs import Case, Outcome, Work, hash_data, hash_file
from tomosplat.lighting import load_rig
from tomosplat.pipeline.batch.case_lists import Source, content_hashes, memory_of
from tomosplat.pipeline.batch.options import BatchSceneOptions
from tomosplat.pipeline.batch.pseudonyms import find_named_cases
from tomosplat.pipeline.batch.running import check_running, facts_of, run_list, shard_of, threads_of
from tomosplat.pipeline.batch.stages import PREDICTION, BatchOrder, make_scene
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions
from tomosplat.pipeline.predict import check_predicting, open_model
from tomosplat.pipeline.prime import check_priming
from tomosplat.pipeline.scan import visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions
from tomosplat.report import Report

#: Changes whenever scenes made before are not what would be made now.
_VERSION = 1


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
    found = find_named_cases(sources, folder, options, report)
    mine = shard_of(options).share(found, cost=lambda source: source.n_bytes, name=lambda source: source.id)
    hashes = content_hashes(mine, folder, report)
    functions = given_transfer_functions(options.tf)

    def case(source: Source) -> Case:
        order = BatchOrder(source, functions, priming, predicting, options.file_format, threads_of(options))
        memory = memory_of(source)
        return Case(
            id=source.id,
            payload=order,
            cost=max(source.n_bytes, 1),
            content_hash=hashes[source.id],
            config_hash=hash_data(_configuration(order, checkpoint)),
            inputs=source.inputs,
            signature=source.signature,
            memory=memory + int(1e9 * predicting.memory) if memory and predicting else memory,
        )

    with report.stage(f"make {len(mine)} scenes") as progress:
        work: Work = make_scene if predicting is None else PREDICTION
        outcome = run_list([case(source) for source in mine], work, folder, options, progress)
    report.facts["cases"] = facts_of(outcome)
    return outcome


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
        "functions": order.functions and order.functions.to_dict(),
        "priming": asdict(order.priming),
        "rig": load_rig(order.priming.rig).to_dict(),
        "predicting": predicting,
        "checkpoint": checkpoint,
        "file_format": order.file_format,
    }
