"""Where a training is: weights, their average, Adam's memory and the step; on disk to the bit."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError, InputError
from tomosplat.feedforward.model import Model
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data
from tomosplat.networks import UNet3D
from tomosplat.training.settings import TrainSettings

_VERSION = 1
_BETAS, _EPS, _MAX_NORM = (0.9, 0.999), 1e-8, 1.0


@dataclass
class TrainState:
    """A training between two steps.

    Attributes:
        network: What is trained.
        average: Its weights averaged over past steps: what is kept in the end.
        adam: The optimiser, on the network's parameters.
        step: Steps taken in both stages.
    """

    network: UNet3D
    average: UNet3D
    adam: torch.optim.Adam
    step: int = 0

    @classmethod
    def begin(cls, settings: TrainSettings, model: Model | None = None) -> TrainState:
        """Begin with a model, or with random weights and a head of zeros."""
        network = (model or Model.untrained(settings.model, settings.seed)).network
        network = copy.deepcopy(network).float().train()
        average = copy.deepcopy(network).eval().requires_grad_(False)
        return cls(network, average, torch.optim.Adam(network.parameters(), lr=0.0, betas=_BETAS, eps=_EPS, fused=True))

    def model(self, settings: TrainSettings) -> Model:
        """The averaged weights as a model."""
        return Model(self.average, settings.model)

    def update(self, rate: float, ema: float) -> float:
        """Take Adam's step along the gradients, clipped to a norm of 1; returns the norm before.

        Raises:
            DivergedError: A gradient is not finite.
        """
        norm = float(torch.nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_NORM))
        if not np.isfinite(norm):
            raise DivergedError(f"gradients are not finite at step {self.step}; go on with a lower --learning-rate")
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.step += 1
        # Young averages forget faster, so that the first weights do not linger.
        memory = min(ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for kept, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(now, 1 - memory)
        return norm


def save_state(path: Path, state: TrainState, settings: TrainSettings) -> None:
    """Write a state; whole or not at all.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    arrays = {name: Stack.of(tensor.detach().numpy()) for name, tensor in _tensors(state).items()}
    write_shard(path, arrays, {"train_version": _VERSION, "training": fingerprint(settings), "step": state.step})


def load_state(path: Path, settings: TrainSettings) -> TrainState:
    """Read a state that ``save_state`` wrote under the same settings; the numbers of steps may be others.

    Raises:
        InputError: There is no such file, or it belongs to another training.
        FileFormatError: It is damaged.
    """
    shard = Shard(path)
    expected = (_VERSION, fingerprint(settings))
    if (shard.description.get("train_version"), shard.description.get("training")) != expected:
        raise InputError(
            f"{path} is the state of a training with other settings or of another version; choose another folder"
        )
    state = TrainState.begin(settings)
    state.step = int(shard.description["step"])
    if state.step:
        for parameter in state.network.parameters():
            zeros = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            memory = {"step": torch.tensor(float(state.step)), "exp_avg": zeros, "exp_avg_sq": zeros.clone()}
            state.adam.state[parameter] = memory
    with torch.no_grad():
        for name, tensor in _tensors(state).items():
            tensor.copy_(torch.from_numpy(np.array(shard[name])))
    return state


def fingerprint(settings: TrainSettings) -> str:
    """Hash of all settings but the numbers of steps: a training may be made longer."""
    return hash_data(asdict(replace(settings, dense_steps=0, picture_steps=0)))


def _tensors(state: TrainState) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, parameter in state.network.named_parameters():
        tensors[f"network.{name}"] = parameter
        for memory in ("exp_avg", "exp_avg_sq"):
            if parameter in state.adam.state:
                tensors[f"{memory}.{name}"] = state.adam.state[parameter][memory]
    for name, parameter in state.average.named_parameters():
        tensors[f"average.{name}"] = parameter
    return tensors
