"""A fit's state on disk: everything that is needed to go on to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import InputError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.gaussian_fit import SliceFitState, SliceLook
from tomosplat.slices.gaussian_model import SliceModel, named_rates

_VERSION = 1
_ADAM = ("exp_avg", "exp_avg_sq")


def fingerprint(model: SliceModel, settings: SliceFitSettings, about: Mapping[str, Any]) -> str:
    """What a fit begins with, before its first step; ``about`` tells all else that it depends on."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.contiguous().cpu().numpy().tobytes())
    return hash_data([digest.hexdigest(), asdict(settings), about])


def save_state(path: Path, state: SliceFitState, fit: str) -> None:
    """Write a state of the fit with this fingerprint; whole or not at all.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    tensors = {f"model/{name}": tensor for name, tensor in state.model.state_dict().items()}
    steps = {}
    for group in state.optimiser.param_groups:
        memory = state.optimiser.state.get(group["params"][0], {})
        if memory:
            steps[group["name"]] = float(memory["step"])
            tensors |= {f"{kind}/{group['name']}": memory[kind] for kind in _ADAM}
    description = {
        "slice_fit_version": _VERSION,
        "fit": fit,
        "iteration": state.iteration,
        "steps": steps,
        "rng": state.rng.bit_generator.state,
        "losses": state.losses,
        "looks": [asdict(look) for look in state.looks],
    }
    write_shard(
        path, {name: Stack.of(tensor.contiguous().cpu().numpy()) for name, tensor in tensors.items()}, description
    )


def load_state(path: Path, model: SliceModel, settings: SliceFitSettings, fit: str | None) -> SliceFitState:
    """Read a state that ``save_state`` wrote, into the model; ``fit`` None takes that of any fit.

    Raises:
        InputError: There is no such file, or it belongs to another fit.
        FileFormatError: It is damaged.
    """
    shard = Shard(path)
    about = shard.description
    if about.get("slice_fit_version") != _VERSION or (fit is not None and about.get("fit") != fit):
        raise InputError(
            f"{path} is the state of a fit to other slices, with other settings or of another version; remove it to "
            "begin anew"
        )
    # There may be more or fewer Gaussians by now than the fit began with, so tensors are replaced, not filled.
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        tensor.data = _tensor(shard, f"model/{name}").to(tensor.device)
    state = SliceFitState.begin(model, settings)
    for name, parameter, _ in named_rates(model):
        if name in about["steps"]:
            memory: dict[str, Tensor] = {kind: _tensor(shard, f"{kind}/{name}").to(parameter.device) for kind in _ADAM}
            state.optimiser.state[parameter] = {"step": torch.tensor(about["steps"][name]), **memory}
    state.rng.bit_generator.state = about["rng"]
    state.iteration, state.losses = about["iteration"], about["losses"]
    state.looks = [SliceLook(**look) for look in about["looks"]]
    return state


def _tensor(shard: Shard, name: str) -> Tensor:
    return torch.from_numpy(np.array(shard[name]))
