"""Scenes as blobs (docs/viewer-format.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tomosplat.errors import EmptySceneError
from tomosplat.gaussians import GaussianScene
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing.blob import Blob
from tomosplat.viewer.packing.curve import morton_order
from tomosplat.viewer.packing.header import is_lit, scene_header
from tomosplat.viewer.packing.numbers import from_error_byte, to_error_byte
from tomosplat.viewer.packing.records import RECORD, Ranges, Records, array, decode, encode
from tomosplat.viewer.sharing import shareable

#: Gaussians of a chunk; 4 MB, so that a first picture is there while the rest is on its way.
CHUNK_SIZE = 65536


def pack_gaussians(
    scene: GaussianScene,
    *,
    title: str,
    presets: Sequence[TransferFunctions] | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Blob:
    """Pack a scene for the page, 64 bytes a Gaussian, and one more where it was measured against the truth.

    Nothing about a patient or a machine is packed (see ``shareable``); ``title`` and the presets' names are packed as
    they are.

    Args:
        scene: What to show, of any float dtype.
        title: What the page calls it.
        presets: Transfer functions to choose from; by default the package's own in the scene's unit.
        chunk_size: How many Gaussians come in one section, at most.

    Raises:
        EmptySceneError: The scene has no Gaussian.
        UnitsError: A value is NaN, infinite or out of the format's range, a direction is no unit vector, or a matrix
            is not positive semi-definite.
        InputError: ``scene.shading`` is malformed.
    """
    if len(scene) == 0:
        raise EmptySceneError("the scene has no Gaussian: there is nothing to show")
    scene = shareable(scene)
    if not is_lit(scene):
        scene = replace(scene, illumination=None)
    ranges = Ranges.of(scene)
    records = encode(scene, ranges)
    order = morton_order(records["mean"])
    n_chunks = math.ceil(len(scene) / chunk_size)
    # Dealt out in turn: each chunk is a thinner copy of the whole scene.
    dealt = [order[c::n_chunks] for c in range(n_chunks)]
    header = scene_header(scene, ranges, title, presets, [len(chunk) for chunk in dealt])
    sections = {}
    if header["fidelity"] is not None and scene.errors is not None:
        sections["errors"] = to_error_byte(array(scene.errors), "scene.errors")[np.concatenate(dealt)].tobytes()
    sections |= {f"gaussians/{c}": _planes(records[chunk]) for c, chunk in enumerate(dealt)}
    return Blob(header, sections)


def unpack_gaussians(blob: Blob) -> GaussianScene:
    """The scene that the page shows, float64, in the order of the blob; only tensors and names of organs come back."""
    header = blob.header
    low, high = np.asarray(header["bounds_mm"], dtype=np.float64)
    values = header["value_range"]
    ranges = Ranges(low, high, None if values is None else (values[0], values[1]))
    tensors: dict[str, Any] = decode(np.concatenate(list(_chunks(blob))), ranges)
    if not (header["shading"] and header["shading"]["lit"]):
        del tensors["illumination"]
    if "errors" in blob.sections:
        stored = np.frombuffer(blob.sections["errors"], dtype=np.uint8)
        tensors["errors"] = torch.from_numpy(from_error_byte(stored))
    names = {organ["id"]: organ["name"] for organ in header["organs"]}
    return GaussianScene(**tensors, direction_weight=header["direction_weight"], label_names=names)


def _chunks(blob: Blob) -> Iterator[Records]:
    for c, n in enumerate(blob.header["chunks"]):
        planes = np.frombuffer(blob.sections[f"gaussians/{c}"], dtype=np.uint8).reshape(RECORD.itemsize, n)
        yield np.ascontiguousarray(planes.T).view(RECORD)[:, 0]


def _planes(records: Records) -> bytes:
    """All first bytes, then all second bytes, ...: like beside like compresses better."""
    return np.ascontiguousarray(records).view(np.uint8).reshape(len(records), RECORD.itemsize).T.tobytes()
