"""A table fit's state on disk: everything that is needed to go on to the bit."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tomosplat.dvr.lookup import Features
from tomosplat.dvr.table_fitting import Epoch, Pictures, TableFit
from tomosplat.dvr.table_settings import TableSettings
from tomosplat.errors import InputError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data

_VERSION = 1


def fingerprint(features: Features, pictures: Pictures, settings: TableSettings) -> str:
    """What a fit is of: another scan, other pictures or other settings make another fit."""
    digest = hashlib.sha256()
    for array in (features.values, features.others, features.shown, pictures.images.numpy()):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return hash_data([_VERSION, digest.hexdigest(), asdict(settings)])


def save_table_fit(path: Path, state: TableFit, of: str) -> None:
    """Write a state; whole or not at all. ``of`` is the fit's fingerprint.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
    for number, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": tensor for name, tensor in moments.items()}
    tensors["generator"] = state.generator.get_state()
    tensors["best"] = state.best
    description = {"fit": of, "epochs": [list(epoch) for epoch in state.epochs]}
    write_shard(path, {name: Stack.of(tensor.numpy()) for name, tensor in tensors.items()}, description)


def load_table_fit(path: Path, state: TableFit, of: str) -> TableFit:
    """Bring a state as it begins to where ``save_table_fit`` left one of the same fit.

    Raises:
        InputError: The file belongs to another fit.
        FileFormatError: It is damaged.
    """
    shard = Shard(path)
    if shard.description.get("fit") != of:
        raise InputError(
            f"{path} is the checkpoint of a fit with another scan, other pictures, other settings or another version; "
            "remove it to begin anew"
        )
    names = state.model.state_dict().keys()
    state.model.load_state_dict({name: _tensor(shard, f"model.{name}") for name in names})
    adam = state.optimizer.state_dict()
    for number in range(len(list(state.model.parameters()))):
        adam["state"][number] = {
            name: _tensor(shard, f"adam.{number}.{name}") for name in ("step", "exp_avg", "exp_avg_sq")
        }
    state.optimizer.load_state_dict(adam)
    state.generator.set_state(_tensor(shard, "generator"))
    state.epochs = [Epoch(*numbers) for numbers in shard.description["epochs"]]
    state.best = _tensor(shard, "best")
    return state


def _tensor(shard: Shard, name: str) -> Tensor:
    return torch.from_numpy(np.array(shard[name]))
