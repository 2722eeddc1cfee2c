"""A dataset of one coarse torso that fits into one crop."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tomosplat.files.dataset import CaseEntry, Manifest, read_manifest, write_manifest
from tomosplat.files.shards import Stack, write_shard
from tomosplat.jobs import hash_file
from tomosplat.pipeline.case_lists import find_cases
from tomosplat.pipeline.ground_truth import make_case
from tomosplat.pipeline.looks import CaseOrder
from tomosplat.pipeline.prepare_options import PrepareOptions
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import torso

#: Half-resolution grid of a torso at this spacing: at most 32 voxels along each axis.
SPACING_MM = 10.0
CROP = 32


def one_torso(folder: Path) -> Manifest:
    """As ``prepare`` makes it, but in this process."""
    options = PrepareOptions(spacing=SPACING_MM, size=24, views=(2, 0, 0), samples=2, held_out_every=0)
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


def part_of_torso(folder: Path) -> Manifest:
    """The middle of a torso, without pictures: it fits into a crop of 16."""
    volume, labels = torso(0, SPACING_MM)
    part = (slice(4, 36), slice(None), slice(20, 52))
    tensors = {
        "values": volume.values[part].round().astype(np.int16),
        "labels": labels.values[part],
        "affine": volume.grid.affine,
    }
    shard = folder / "part.safetensors"
    write_shard(shard, {name: Stack.of(np.ascontiguousarray(array)) for name, array in tensors.items()}, {})
    write_manifest(folder, [CaseEntry("part", shard.name, "", 0, "", "", (), {})])
    return read_manifest(folder)


def ignore(done: int, total: int) -> None:
    """Nobody watches."""
