"""A fit's state on disk: everything that is needed to go on to the bit."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import InputError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.fitting.density import Density
from tomosplat.fitting.loop import FitState, Look
from tomosplat.fitting.settings import FitSettings
from tomosplat.gaussians import GaussianScene
from tomosplat.jobs import hash_data

_VERSION = 1


def save_checkpoint(path: Path, state: FitState, settings: FitSettings) -> None:
    """Write a state; whole or not at all.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    gaussians = state.gaussians
    tensors = {
        "rows": gaussians.rows,
        "momentum": gaussians.momentum,
        "energy": gaussians.energy,
        "counts": gaussians.counts.long(),
        "origin": gaussians.origin,
        "pull": state.density.pull,
        "seen": state.density.seen,
    }
    if state.best is not None:
        _, tensors["best_rows"], tensors["best_origin"] = state.best
    description = {
        "checkpoint_version": _VERSION,
        "fit": _fingerprint(gaussians.base_rows, settings),
        "iteration": state.iteration,
        "rng": state.rng.bit_generator.state,
        "deck": state.deck,
        "losses": state.losses,
        "looks": [asdict(look) for look in state.looks],
        "best": state.best[0] if state.best is not None else None,
    }
    write_shard(path, {name: Stack.of(tensor.cpu().numpy()) for name, tensor in tensors.items()}, description)


def load_checkpoint(path: Path, scene: GaussianScene, settings: FitSettings) -> FitState:
    """Read a state that ``save_checkpoint`` wrote for the same scene and settings.

    Raises:
        InputError: There is no such file, or it belongs to another fit.
        FileFormatError: It is damaged.
    """
    shard = Shard(path)
    description: dict[str, Any] = shard.description
    state = FitState.begin(scene, settings)
    expected = (_VERSION, _fingerprint(state.gaussians.base_rows, settings))
    if (description.get("checkpoint_version"), description.get("fit")) != expected:
        raise InputError(
            f"{path} is the checkpoint of a fit with another scene, other settings or another version; "
            "remove it to begin anew"
        )
    read = partial(_tensor, shard, device=scene.means.device)
    for name in ("rows", "momentum", "energy", "origin"):
        setattr(state.gaussians, name, read(name))
    state.gaussians.counts = read("counts").int()
    state.density = Density(read("pull"), read("seen"))
    state.rng = np.random.default_rng()
    state.rng.bit_generator.state = description["rng"]
    state.iteration, state.deck, state.losses = (description[name] for name in ("iteration", "deck", "losses"))
    state.looks = [Look(**look) for look in description["looks"]]
    if description["best"] is not None:
        state.best = (description["best"], read("best_rows"), read("best_origin"))
    return state


def _tensor(shard: Shard, name: str, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(shard[name])).to(device)


def _fingerprint(base_rows: Tensor, settings: FitSettings) -> str:
    scene = hashlib.sha256(base_rows.contiguous().cpu().numpy().tobytes()).hexdigest()
    return hash_data([scene, asdict(settings)])
