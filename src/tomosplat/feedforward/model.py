"""A network with everything that is needed to use it, in memory and on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError, FileFormatError, InputError, UnitsError
from tomosplat.feedforward.encoding import CT_SCALE, SCAN_CHANNELS, SIGNAL_SCALE, IntensityScale
from tomosplat.feedforward.head import N_CHANNELS
from tomosplat.feedforward.lights import LIGHT_CHANNELS
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.jobs import hash_data
from tomosplat.networks import PRESETS, Layout, UNet3D
from tomosplat.volume import Unit

#: Changes whenever networks would mean something else than when they were trained: with what they are shown, with their
#: channels, and with the primed scenes that their offsets are relative to.
CHECKPOINT_VERSION = 2
Preset = Literal["compact", "paper"]


@dataclass(frozen=True)
class ModelSettings:
    """What a network expects and means.

    Attributes:
        preset: Its layout.
        light_channels: Whether it is told the marched light.
        light: The priming that its offsets are relative to: lit by marched light, or the papers' plain form.
        scale: Of the scan's values.
    """

    preset: Preset = "compact"
    light_channels: bool = True
    light: Literal["march", "none"] = "march"
    scale: IntensityScale = CT_SCALE

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InputError(f"there is no network {self.preset!r}; choose one of {', '.join(PRESETS)}")
        if self.light_channels and self.light == "none":
            raise InputError("light channels come from marched light: a model that has them cannot go without")

    @property
    def layout(self) -> Layout:
        """Shape of the network."""
        return PRESETS[self.preset]


@dataclass(frozen=True, eq=False)
class Model:
    """A network and its settings.

    Attributes:
        network: In evaluation mode unless it is being trained.
        settings: What it expects and means.
        sha256: Of settings and weights, as stored; "" if it was not read from a file.
        about: How it was trained; JSON-serialisable.
    """

    network: UNet3D
    settings: ModelSettings
    sha256: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return next(self.network.parameters()).device

    def on_gpu_if_any(self) -> Model:
        """The same with its weights on this process's GPU, if it has one."""
        if torch.cuda.is_available():
            self.network.cuda()
        return self

    def scale_of(self, unit: Unit) -> IntensityScale:
        """How the network is shown values of a unit; it learned from HU, and reads relative signal by its own spread.

        Raises:
            UnitsError: The values are in a unit of their own.
        """
        if unit == "arbitrary":
            raise UnitsError(
                "the network knows CT in HU and relative signal, this scan's values are in no unit; pass --modality "
                "mr or us, or use tomosplat prime"
            )
        return self.settings.scale if unit == "HU" else SIGNAL_SCALE

    @classmethod
    def untrained(cls, settings: ModelSettings, seed: int = 0) -> Model:
        """A model that returns the primed scene; the seed draws what is below its head."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(_network(settings).eval(), settings)


def save_model(path: Path, model: Model) -> str:
    """Write a model's weights in half precision with everything else; returns their hash.

    Raises:
        DivergedError: A weight is not finite in half precision; nothing is written.
        OutputError: The file could not be written.
    """
    weights = {name: tensor.detach().half().contiguous() for name, tensor in model.network.state_dict().items()}
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise DivergedError(f"weights are not finite in half precision ({broken[0]}); train with a lower learning rate")
    sha256 = _hash(model.settings, weights)
    description = {
        "checkpoint_version": CHECKPOINT_VERSION,
        "settings": asdict(model.settings),
        "channels": [SCAN_CHANNELS, LIGHT_CHANNELS if model.settings.light_channels else 0, N_CHANNELS],
        "sha256": sha256,
        "about": dict(model.about),
    }
    write_shard(path, {name: Stack.of(tensor.numpy()) for name, tensor in weights.items()}, description)
    return sha256


def load_model(path: Path) -> Model:
    """Read what ``save_model`` wrote.

    Raises:
        InputError: There is no such file, or it is of another version.
        FileFormatError: It is no checkpoint of a model, or not what its hash says.
    """
    shard = Shard(path)
    found = shard.description.get("checkpoint_version")
    if found != CHECKPOINT_VERSION or "settings" not in shard.description:
        raise InputError(
            f"{path} is no checkpoint of version {CHECKPOINT_VERSION} (found {found!r}); "
            "train it again, or use the version of tomosplat that made it"
        )
    try:
        data = dict(shard.description["settings"])
        settings = ModelSettings(**{**data, "scale": IntensityScale(**data["scale"])})
        expected, about = str(shard.description["sha256"]), dict(shard.description["about"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: its description of the model is malformed: {error!r}") from error
    weights = {name: torch.from_numpy(np.array(shard[name])) for name in shard.names}
    if _hash(settings, weights) != expected:
        raise FileFormatError(
            f"{path} is damaged or was changed: its weights are not those of SHA-256 {expected}; get it again"
        )
    network = _network(settings)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise FileFormatError(f"{path}: its weights do not fit the network {settings.preset!r}: {error}") from error
    return Model(network.eval(), settings, expected, about)


def shipped_path() -> Path | None:
    """The weights that come with the package, or None."""
    path = Path(str(resources.files("tomosplat.feedforward"))) / "weights" / "compact.safetensors"
    return path if path.is_file() else None


def _network(settings: ModelSettings) -> UNet3D:
    light = LIGHT_CHANNELS if settings.light_channels else 0
    return UNet3D(settings.layout, SCAN_CHANNELS, light, N_CHANNELS)


def _hash(settings: ModelSettings, weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(hash_data(asdict(settings)).encode())
    for name in sorted(weights):
        digest.update(f"{name} {tuple(weights[name].shape)}".encode())
        digest.update(weights[name].numpy().tobytes())
    return digest.hexdigest()
