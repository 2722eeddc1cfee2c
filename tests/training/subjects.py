"""A dataset of one coarse torso that fits into one crop."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tomosplat.files.dataset import CaseEntry, Manifest, read_manifest, write_manifest
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_file
from tomosplat.pipeline.batch.case_lists import find_cases
from tomosplat.pipeline.datasets.ground_truth import make_case
from tomosplat.pipeline.datasets.looks import CaseOrder
from tomosplat.pipeline.datasets.options import PrepareOptions
from tomosplat.transfer import TransferFunctions

#: Half-resolution grid of a torso at this spacing: at most 32 voxels along each axis.
SPACING_MM = 10.0
CROP = 32


def one_torso(folder: Path) -> Manifest:
    """As ``prepare`` makes it, but in this process: two views of everything, and two of the skeleton."""
    options = PrepareOptions(spacing=SPACING_MM, size=24, views=(2, 2, 0), samples=4, held_out_every=0)
    (source,), _ = find_cases(["torso:0"], options)
    scratch = folder / "scratch"
    scratch.mkdir()
    order = CaseOrder(source, options, {"seen": TransferFunctions.preset("seen")}, threads=1)
    product = make_case(order, scratch, ignore)
    shard = folder / f"{source.id}.safetensors"
    shutil.move(product.outputs[shard.name], shard)
    entry = CaseEntry(
        source.id, shard.name, hash_file(shard), shard.stat().st_size, source.content_hash(), "", (), product.facts
    )
    write_manifest(folder, [entry])
    return read_manifest(folder)


def part_of_torso(folder: Path, manifest: Manifest, look: Path) -> tuple[Manifest, Path]:
    """The middle of a look, one Gaussian for each voxel: it fits into a crop of 16, and can be learned by heart."""
    low, edge = np.array([2, 1, 9]), 16
    case, fitted = manifest.open("torso-0"), Shard(look)
    i, j, k = (slice(2 * a, 2 * (a + edge)) for a in low)
    cut = {name: np.ascontiguousarray(case[name][i, j, k]) for name in ("values", "labels")} | {
        "affine": case["affine"]
    }
    write_shard(folder / "part.safetensors", {name: Stack.of(array) for name, array in cut.items()}, {})
    write_manifest(folder, [CaseEntry("part", "part.safetensors", "", 0, "", "", (), {})])
    places = fitted["places"].astype(np.int64) - low
    inside = np.flatnonzero(((places >= 0) & (places < edge)).all(axis=1))
    _, first = np.unique(places[inside], axis=0, return_index=True)
    kept = inside[first]
    arrays = {name: fitted[name][kept] for name in fitted.names} | {"places": places[kept].astype(np.int16)}
    path = folder / "look.safetensors"
    write_shard(path, {n: Stack.of(array) for n, array in arrays.items()}, fitted.description | {"case": "part"})
    return read_manifest(folder), path


def ignore(done: int, total: int) -> None:
    """Nobody watches."""
