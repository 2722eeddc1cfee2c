"""Where the training of a renderer is; on disk to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.dvr.build import build_model
from tomosplat.dvr.models import LearnedRenderer
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.errors import InputError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data

_VERSION = 1
_BETAS = (0.9, 0.99)


@dataclass
class DvrTrainState:
    """A training between two steps.

    Attributes:
        model: What is trained.
        adam: The optimiser of its parameters.
        step: Steps taken.
        best_ssim: The highest mean SSIM of held-out pictures after an epoch, −1 before the first.
        best_epoch: After how many epochs that was.
    """

    model: LearnedRenderer[Any]
    adam: torch.optim.Adam
    step: int = 0
    best_ssim: float = -1.0
    best_epoch: int = 0

    @classmethod
    def begin(cls, settings: DvrTrainSettings) -> DvrTrainState:
        """Begin with random weights."""
        model = build_model(settings.model, settings.seed)
        return cls(model, torch.optim.Adam(model.parameters(), lr=settings.adam_rate, betas=_BETAS))


def save_state(path: Path, state: DvrTrainState, settings: DvrTrainSettings, subjects: list[str]) -> None:
    """Write a state; whole or not at all.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    arrays = {name: Stack.of(tensor.detach().numpy()) for name, tensor in _tensors(state)}
    description = {
        "dvr_train_version": _VERSION,
        "training": _fingerprint(settings, subjects),
        "step": state.step,
        "best": [state.best_ssim, state.best_epoch],
    }
    write_shard(path, arrays, description)


def load_state(path: Path, settings: DvrTrainSettings, subjects: list[str]) -> DvrTrainState:
    """Read a state that ``save_state`` wrote under the same settings for the same subjects.

    Raises:
        InputError: There is no such file, or it belongs to another training.
        FileFormatError: It is damaged.
    """
    shard = Shard(path)
    expected = (_VERSION, _fingerprint(settings, subjects))
    if (shard.description.get("dvr_train_version"), shard.description.get("training")) != expected:
        raise InputError(
            f"{path} is the state of a training with other settings, other subjects or of another version; "
            "choose another folder"
        )
    state = DvrTrainState.begin(settings)
    state.step = int(shard.description["step"])
    state.best_ssim, state.best_epoch = shard.description["best"]
    if state.step:
        for parameter in state.model.parameters():
            memory = {"step": torch.tensor(float(state.step))}
            memory |= {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            state.adam.state[parameter] = memory
    with torch.no_grad():
        for name, tensor in _tensors(state):
            tensor.copy_(torch.from_numpy(np.array(shard[name])))
    return state


def _fingerprint(settings: DvrTrainSettings, subjects: list[str]) -> str:
    return hash_data([asdict(settings), subjects])


def _tensors(state: DvrTrainState) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in state.model.state_dict().items():
        yield f"model.{name}", tensor
    for name, parameter in state.model.named_parameters():
        for memory in ("exp_avg", "exp_avg_sq"):
            if parameter in state.adam.state:
                yield f"{memory}.{name}", state.adam.state[parameter][memory]
