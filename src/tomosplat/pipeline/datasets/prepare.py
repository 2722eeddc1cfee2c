"""Scans in, a dataset of path-traced pictures out: what ``tomosplat prepare`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tomosplat.errors import InputError
from tomosplat.files.dataset import CaseEntry, write_manifest
from tomosplat.jobs import Case, Outcome, Records, hash_data
from tomosplat.lighting import load_rig
from tomosplat.pipeline.batch.case_lists import Source, content_hashes, memory_of
from tomosplat.pipeline.batch.pseudonyms import find_named_cases
from tomosplat.pipeline.batch.running import RUNNING, check_running, facts_of, run_list, shard_of, threads_of
from tomosplat.pipeline.datasets.case_shard import SHARD_VERSION
from tomosplat.pipeline.datasets.ground_truth import make_case
from tomosplat.pipeline.datasets.looks import CaseOrder
from tomosplat.pipeline.datasets.options import PrepareOptions
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.render import PathTraceSettings
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions

#: Options that say where things are or who works, not what the result is.
_NO_MATTER = RUNNING | {"scan_name", "labels_name", "pseudonyms"}


def prepare_dataset(sources: Sequence[str], folder: Path, options: PrepareOptions, report: Report) -> Outcome:
    """Make or complete a dataset: a shard for each case, previews and a manifest.

    Cases that are done with the same inputs and options are left alone; of one that was interrupted, every finished
    picture is used. A case that fails leaves ``<id>.failed.json`` and stops no other.

    Args:
        sources: See ``find_cases``.
        folder: The dataset; made if missing.
        options: What to make.
        report: Takes times and counts.

    Raises:
        InputError: An argument or option cannot be used; nothing is done.
        OutputError: The dataset's folder cannot be written.
    """
    _check(options)
    functions = _named_functions(options.tf)
    found = find_named_cases(sources, folder, options, report)
    mine = shard_of(options).share(
        found, cost=lambda source: _cost(source, options, functions), name=lambda source: source.id
    )
    hashes = content_hashes(mine, folder, report)
    cases = [_case(source, hashes[source.id], options, functions) for source in mine]
    try:
        with report.stage(f"prepare {len(cases)} cases") as progress:
            outcome = run_list(cases, make_case, folder, options, progress)
    finally:
        if folder.is_dir():
            _write_manifest(folder)
    report.facts["cases"] = facts_of(outcome)
    return outcome


def _write_manifest(folder: Path) -> None:
    """List what is done; again if another shard has done more meanwhile, so that the last one to write knows of all."""
    listed: list[CaseEntry] | None = None
    while listed != (entries := [_entry(marker) for marker in Records(folder).done()]):
        write_manifest(folder, entries)
        listed = entries


def _check(options: PrepareOptions) -> None:
    if options.size < 1 or min(options.views) < 0 or not any(options.views):
        raise InputError(
            "--size must be at least 1 and --views three counts that are not all 0, "
            f"got {options.size} and {options.views}"
        )
    if min(options.jitter_tf, options.held_out_every, options.seed) < 0:
        raise InputError("--jitter-tf, --held-out-every and --seed must be at least 0")
    if not options.rigs or len(set(options.rigs)) < len(options.rigs):
        raise InputError(f"--rigs must name each rig once and at least one, got {options.rigs}")
    check_running(options)
    PathTraceSettings(samples=options.samples, target_error=options.noise)


def _named_functions(names: Sequence[str]) -> dict[str, TransferFunctions]:
    functions = {Path(name).stem: load_transfer_functions(name) for name in names}
    if len(functions) < len(names) or not names:
        raise InputError(f"--tf must name at least one transfer function and each by a name of its own, got {names}")
    return functions


def _cost(source: Source, options: PrepareOptions, functions: dict[str, TransferFunctions]) -> float:
    n_pictures = sum(options.views) * (len(functions) + options.jitter_tf) * len(options.rigs)
    # A path through a pixel and a byte of the scan take about as long.
    return n_pictures * options.size**2 * options.samples + source.n_bytes


def _case(source: Source, content_hash: str, options: PrepareOptions, functions: dict[str, TransferFunctions]) -> Case:
    return Case(
        id=source.id,
        payload=CaseOrder(source, options, functions, threads_of(options)),
        cost=_cost(source, options, functions),
        content_hash=content_hash,
        config_hash=hash_data(_configuration(source, options, functions)),
        inputs=source.inputs,
        signature=source.signature,
        memory=memory_of(source),
    )


def _configuration(source: Source, options: PrepareOptions, functions: dict[str, TransferFunctions]) -> dict[str, Any]:
    asked = {name: value for name, value in asdict(options).items() if name not in _NO_MATTER}
    reading = asdict(source.reading) | {"labels": source.reading.labels is not None}
    return {
        "shard_version": SHARD_VERSION,
        "id": source.id,
        "options": asked,
        "reading": reading,
        "functions": {name: drawn.to_dict() for name, drawn in functions.items()},
        "rigs": {name: load_rig(name).to_dict() for name in options.rigs},
    }


def _entry(marker: dict[str, Any]) -> CaseEntry:
    shard = f"{marker['id']}.safetensors"
    return CaseEntry(
        id=marker["id"],
        shard=shard,
        sha256=marker["outputs"][shard]["sha256"],
        bytes=marker["outputs"][shard]["bytes"],
        content_hash=marker["content_hash"],
        config_hash=marker["config_hash"],
        previews=tuple(name for name in marker["outputs"] if name != shard),
        facts=marker["facts"],
    )
