"""What stages of a prediction leave for the next one: files in a case's scratch folder, exact to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.predict import Said
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Grid
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.volume import LabelMap, Volume


def write_primed(path: Path, prepared: PreparedScan, primed: Primed) -> None:
    """Write a scan on its working grid and the scene that was primed of it, of which nothing was measured.

    Raises:
        OutputError: The file could not be written; nothing is left half-written.
    """
    volume, labels, scene = prepared.volume, prepared.labels, primed.scene
    arrays: dict[str, NDArray[Any] | None] = {
        "values": volume.values,
        "labels": labels.values,
        "affine": volume.grid.affine,
        "places": primed.places,
        "radiance": primed.radiance,
        "features": primed.features,
        **{f"scene/{name}": tensor.numpy() for name, tensor in scene.tensors().items()},
    }
    description = {
        "unit": volume.unit,
        "modality": volume.modality,
        "history": volume.history,
        "label_history": labels.history,
        "label_names": _by_text(labels.names),
        "scene": _text(
            {
                "direction_weight": scene.direction_weight,
                "label_names": _by_text(scene.label_names),
                "shading": dict(scene.shading),
                "provenance": dict(scene.provenance),
            }
        ),
    }
    write_shard(path, {name: Stack.of(array) for name, array in arrays.items() if array is not None}, description)


def read_primed(path: Path) -> tuple[PreparedScan, Primed]:
    """Read what ``write_primed`` wrote; errors as ``Shard``."""
    shard = Shard(path)
    about = shard.description
    grid = Grid(shard.shape("values"), shard["affine"])  # type: ignore[arg-type]  # three, as it was written
    volume = Volume(shard["values"], grid, about["unit"], about["modality"], tuple(about["history"]))
    labels = LabelMap(shard["labels"], grid, _by_id(about["label_names"]), tuple(about["label_history"]))
    tensors: dict[str, Any] = {
        name.removeprefix("scene/"): torch.from_numpy(np.array(shard[name]))
        for name in shard.names
        if name.startswith("scene/")
    }
    scene_about = json.loads(about["scene"])
    scene = GaussianScene(**tensors, **scene_about | {"label_names": _by_id(scene_about["label_names"])})
    light = [shard[name] if name in shard.names else None for name in ("radiance", "features")]
    return PreparedScan(volume, labels), Primed(scene, shard["places"], *light)


def write_said(path: Path, said: Said) -> None:
    """Write what the network said.

    Raises:
        OutputError: The file could not be written; nothing is left half-written.
    """
    write_shard(path, {"offsets": Stack.of(said.offsets.numpy())}, {"how": _text(said.how)})


def read_said(path: Path) -> Said:
    """Read what ``write_said`` wrote; errors as ``Shard``."""
    shard = Shard(path)
    return Said(torch.from_numpy(np.array(shard["offsets"])), json.loads(shard.description["how"]))


def _text(about: Mapping[str, Any]) -> str:
    """As text, because scene files keep the order of keys, which shards sort."""
    return json.dumps(dict(about))


def _by_text(names: Mapping[int, str]) -> dict[str, str]:
    return {str(label): name for label, name in names.items()}


def _by_id(names: Mapping[str, str]) -> dict[int, str]:
    return {int(label): name for label, name in names.items()}
