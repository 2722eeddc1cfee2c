"""The shard of a case: the network's inputs, the views and all pictures in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tomosplat import machine
from tomosplat.anatomy import VISIBLE_SETS
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.shards import Stack, write_shard
from tomosplat.gaussians.shading import linear_to_srgb
from tomosplat.jobs import Product
from tomosplat.lighting import load_rig
from tomosplat.pipeline.datasets.looks import CaseOrder, Look
from tomosplat.pipeline.datasets.poses import held_out
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import Volume

#: Changes whenever shards made before are not what would be made now.
SHARD_VERSION = 1


def as_stored(prepared: PreparedScan) -> PreparedScan:
    """Round HU to whole numbers, so that the pictures show exactly what the shard holds."""
    volume = prepared.volume
    if _stored_type(volume) == np.float32:
        return prepared
    return replace(prepared, volume=replace(volume, values=volume.values.round()))


def gather(
    order: CaseOrder,
    prepared: PreparedScan,
    functions: Mapping[str, TransferFunctions],
    looks: Sequence[Look],
    scratch: Path,
) -> Product:
    """Put everything into one shard, and the first view of each visible set into a PNG.

    The shard holds ``values`` (int16 HU, or float32 if not HU), ``labels`` uint8 and ``affine`` on the working grid;
    per visible set ``SET/viewmats``, ``SET/Ks`` and ``SET/held_out``; per look ``SET/TF/RIG/rgba`` [V, H, W, 4] float16
    (linear radiance over black, premultiplied, and alpha), ``relative_error`` and ``samples`` [V]. Float16 has 11 bits
    at any brightness, more than the noise leaves; encoding to sRGB is for whoever reads.

    Raises:
        OutputError: A file could not be written.
    """
    facts = _facts(order, prepared, looks)
    shard = scratch / "shard.safetensors"
    tensors = _inputs(prepared) | _view_tensors(order, looks)
    for look in looks:
        tensors |= _picture_tensors(look)
    write_shard(shard, tensors, _description(order, prepared, functions) | facts)
    case_id = order.source.id
    previews = {f"previews/{case_id}.{look.shown}.png": _preview(look) for look in reversed(looks)}
    errors = {look.name: _mean_error(look) for look in looks}
    return Product({f"{case_id}.safetensors": shard, **previews}, facts | {"relative_error": errors})


def _inputs(prepared: PreparedScan) -> dict[str, Stack]:
    volume = prepared.volume
    return {
        "values": Stack.of(volume.values.astype(_stored_type(volume))),
        "labels": Stack.of(prepared.labels.values),
        "affine": Stack.of(volume.grid.affine),
    }


def _stored_type(volume: Volume) -> type[np.int16] | type[np.float32]:
    limits = np.iinfo(np.int16)
    fits = volume.values.min() >= limits.min and volume.values.max() <= limits.max
    return np.int16 if volume.unit == "HU" and fits else np.float32


def _view_tensors(order: CaseOrder, looks: Sequence[Look]) -> dict[str, Stack]:
    tensors = {}
    for shown, cameras in {look.shown: look.cameras for look in looks}.items():
        tensors[f"{shown}/viewmats"] = Stack.of(cameras.viewmats)
        tensors[f"{shown}/Ks"] = Stack.of(cameras.Ks)
        tensors[f"{shown}/held_out"] = Stack.of(held_out(len(cameras), order.options.held_out_every))
    return tensors


def _picture_tensors(look: Look) -> dict[str, Stack]:
    cameras = look.cameras
    shape = (len(cameras), cameras.height, cameras.width, 4)
    return {
        f"{look.name}/rgba": Stack(shape, np.dtype(np.float16), look.pieces("rgba")),
        f"{look.name}/relative_error": Stack.of(np.concatenate(list(look.pieces("relative_error")))),
        f"{look.name}/samples": Stack.of(np.concatenate(list(look.pieces("samples")))),
    }


def _mean_error(look: Look) -> float | None:
    """Mean relative error of the pictures; None where one sample leaves it unknown."""
    error = float(np.mean(list(look.pieces("relative_error"))))
    return round(error, 4) if np.isfinite(error) else None


def _facts(order: CaseOrder, prepared: PreparedScan, looks: Sequence[Look]) -> dict[str, Any]:
    options = order.options
    views = {look.shown: len(look.cameras) for look in looks}
    return {
        "shape": list(prepared.volume.grid.shape),
        "spacing_mm": options.spacing,
        "unit": prepared.volume.unit,
        "views": views,
        "empty_sets": [s for s, n in zip(VISIBLE_SETS, options.views, strict=True) if n and s not in views],
        "size": options.size,
        "looks": [look.name for look in looks],
    }


def _description(
    order: CaseOrder, prepared: PreparedScan, functions: Mapping[str, TransferFunctions]
) -> dict[str, Any]:
    options = order.options
    return {
        "shard_version": SHARD_VERSION,
        "id": order.source.id,
        "modality": prepared.volume.modality,
        "history": [*prepared.volume.history, *prepared.labels.history],
        "label_names": {str(label): name for label, name in prepared.labels.names.items()},
        "transfer_functions": {name: drawn.to_dict() for name, drawn in functions.items()},
        "rigs": {name: load_rig(name).to_dict() for name in options.rigs},
        "settings": asdict(order.settings()) | {"seed": options.seed},
        "versions": machine.versions(),
    }


def _preview(look: Look) -> Path:
    """The first view as a PNG."""
    path = look.scratch / f"{look.shown}.png"
    rgba = next(look.pieces("rgba"))[0].astype(np.float32)
    encoded = np.concatenate([linear_to_srgb(rgba[..., :3]), rgba[..., 3:]], axis=-1)
    write_png(path, to_bytes(encoded, (0, 0, 0)))
    return path
