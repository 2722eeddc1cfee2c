"""A trained renderer with everything that is needed to use it, in memory and on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.dvr.build import build_model
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.models import LearnedRenderer
from tomosplat.dvr.values import ValueRange
from tomosplat.errors import DivergedError, FileFormatError, InputError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data

CHECKPOINT_VERSION = 1


@dataclass(frozen=True, eq=False)
class TrainedRenderer:
    """A model and what it was trained for.

    Attributes:
        model: In evaluation mode.
        settings: Which model, and how large.
        values: The scans that it may be shown.
        rate: Samples per voxel edge that it was trained for.
        sha256: Of all this and the weights, as stored; "" if it was not read from a file.
        about: How it was trained; JSON-serialisable.
    """

    model: LearnedRenderer[Any]
    settings: ModelSettings
    values: ValueRange
    rate: float
    sha256: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """What the weights mean."""
        return {"model": asdict(self.settings), "values": asdict(self.values), "rate": self.rate}


def save_renderer(path: Path, trained: TrainedRenderer) -> str:
    """Write a trained renderer; returns the hash.

    Raises:
        DivergedError: A weight is not finite; nothing is written.
        OutputError: The file could not be written.
    """
    weights = {name: tensor.detach().contiguous() for name, tensor in trained.model.state_dict().items()}
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise DivergedError(f"weights are not finite ({broken[0]}); train with a lower learning rate")
    sha256 = _hash(trained.described(), weights)
    description = {
        "dvr_checkpoint_version": CHECKPOINT_VERSION,
        **trained.described(),
        "sha256": sha256,
        "about": dict(trained.about),
    }
    write_shard(path, {name: Stack.of(tensor.numpy()) for name, tensor in weights.items()}, description)
    return sha256


def load_renderer(path: Path) -> TrainedRenderer:
    """Read what ``save_renderer`` wrote.

    Raises:
        InputError: There is no such file, or it is of another version.
        FileFormatError: It is no checkpoint of a renderer, or not what its hash says.
    """
    shard = Shard(path)
    found = shard.description.get("dvr_checkpoint_version")
    if found != CHECKPOINT_VERSION:
        raise InputError(
            f'{path} is no checkpoint of "tomosplat dvr train" of version {CHECKPOINT_VERSION} (found {found!r}); '
            "train it again, or use the version of tomosplat that made it"
        )
    try:
        settings = ModelSettings(**shard.description["model"])
        values = ValueRange(**shard.description["values"])
        rate, expected = float(shard.description["rate"]), str(shard.description["sha256"])
        about = dict(shard.description["about"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: its description of the model is malformed: {error!r}") from error
    weights = {name: torch.from_numpy(np.array(shard[name])) for name in shard.names}
    trained = TrainedRenderer(build_model(settings), settings, values, rate, expected, about)
    if _hash(trained.described(), weights) != expected:
        raise FileFormatError(
            f"{path} is damaged or was changed: its weights are not those of SHA-256 {expected}; get it again"
        )
    try:
        trained.model.load_state_dict(weights)
    except RuntimeError as error:
        raise FileFormatError(f"{path}: its weights do not fit the model {settings.name!r}: {error}") from error
    trained.model.eval()
    return trained


def _hash(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(hash_data(described).encode())
    for name in sorted(weights):
        digest.update(f"{name} {tuple(weights[name].shape)}".encode())
        digest.update(weights[name].numpy().tobytes())
    return digest.hexdigest()
