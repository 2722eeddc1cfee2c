"""How much memory a training takes, before it takes it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tomosplat import machine
from tomosplat.dvr.accumulation import MAX_COPIES
from tomosplat.dvr.build import build_model
from tomosplat.dvr.chunked import CHUNK
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.errors import MemoryLimitError
from tomosplat.networks import VNet, VNetEncoder
from tomosplat.threads import n_threads

_FLOAT = 4
#: Weights, their gradients and Adam's two memories.
_PER_WEIGHT = 4 * _FLOAT
#: Of a chunk of samples: their features, their emissions, the gradients of both, and what computes them.
_CHUNK_COPIES = 6
#: Of what rays meet, beside itself: as kernels read it, and gradients; each thread adds up a gradient of its own.
_FEATURE_COPIES = 2
#: Of the largest activation: gradients on their way through the layer that it belongs to.
_GRADIENT_COPIES = 2
#: Compiled kernels, tiles (``networks.tiles``), and what the allocator does not give back.
_OTHER = 800_000_000
_CHANNELS = 17
#: Of a volume, as tables are looked up by it.
_TABLE_COPIES = 4


def check_memory(
    settings: DvrTrainSettings, shape: tuple[int, int, int], picture: tuple[int, int], limit: int | None = None
) -> int:
    """Pass a training that fits into memory; returns its bytes as ``training_bytes`` does.

    Raises:
        MemoryLimitError: It would take more than ``limit``, by default what the machine has free.
    """
    needed = training_bytes(settings, shape, picture)
    allowed = machine.available_memory() if limit is None else limit
    if needed > allowed:
        advice = "" if settings.model.recompute else "--recompute, "
        raise MemoryLimitError(
            f"training {settings.model.name} on volumes of {'x'.join(map(str, shape))} voxels takes about "
            f"{needed / 1e9:.1f} GB and {allowed / 1e9:.1f} GB may be used; try {advice}a smaller --width, or volumes "
            "of fewer voxels"
        )
    return needed


def training_bytes(settings: DvrTrainSettings, shape: tuple[int, int, int], picture: tuple[int, int]) -> int:
    """An estimate of what a training holds at once beside its subjects.

    What autograd keeps of the encoder is counted by running it without computing anything (torch's meta device).

    Args:
        settings: Model and pictures in each step.
        shape: Of the largest volume.
        picture: Height and width of the pictures.
    """
    if settings.model.name in ("lookup", "mlp"):
        return _TABLE_COPIES * _FLOAT * math.prod(shape)
    with torch.device("meta"):
        model = build_model(settings.model)
    kept = _Kept()
    stages = _Stages(model, kept) if settings.model.recompute else None
    with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
        encoded = model.encode(torch.empty(shape, device="meta"))
    features = sum(kept.add(tensor).numel() for tensor in _tensors(encoded))
    samples = settings.n_pictures * picture[0] * picture[1] * 2 * max(shape)
    chunked = settings.model.classification == "post" and settings.model.name != "vnet4-4"
    drawn = _CHUNK_COPIES * min(CHUNK, samples) * _CHANNELS if chunked else 0
    weights = sum(parameter.numel() for parameter in model.parameters())
    drawing = kept.bytes + _FLOAT * ((_FEATURE_COPIES + min(n_threads(), MAX_COPIES)) * features + drawn)
    encoding = stages.bytes if stages else kept.bytes + _GRADIENT_COPIES * kept.largest
    return _PER_WEIGHT * weights + _OTHER + max(drawing, encoding)


def _tensors(encoded: Any) -> list[Tensor]:
    return [encoded] if isinstance(encoded, Tensor) else [tensor for part in encoded for tensor in _tensors(part)]


class _Kept:
    """Sums the bytes of tensors, each counted once, and not if ``others`` counted it."""

    def __init__(self, others: _Kept | None = None) -> None:
        self.bytes = self.largest = 0
        self._seen: dict[int, object] = dict(others._seen) if others else {}

    def add(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter) and storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that no other takes its place
            self.bytes += storage.nbytes()
            self.largest = max(self.largest, storage.nbytes())
        return tensor


class _Stages:
    """What is held at most while the stages of a V-Net are computed again, one after the other.

    Attributes:
        bytes: What is kept of the stages before, what the stage keeps itself, and gradients.
    """

    def __init__(self, model: nn.Module, kept: _Kept) -> None:
        self.bytes = 0
        self._outside = kept
        stages: list[nn.Module] = []
        for module in model.modules():
            if isinstance(module, VNetEncoder):
                stages += list(module.stages)
            elif isinstance(module, VNet):
                stages += [*module.ups, module.head]
        for stage in stages:
            stage.register_forward_pre_hook(self._begin)
            stage.register_forward_hook(self._end)

    def _begin(self, stage: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._kept = _Kept(self._outside)
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._kept.add, lambda tensor: tensor)
        self._hooks.__enter__()

    def _end(self, stage: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._hooks.__exit__(None, None, None)
        held = self._outside.bytes + self._kept.bytes + _GRADIENT_COPIES * self._kept.largest
        self.bytes = max(self.bytes, held)
