"""Models by their settings."""

from __future__ import annotations

from typing import Any

import torch

from tomosplat.dvr.mappings import Absorption, Emission
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.models import (
    DvrNet,
    LearnedRenderer,
    PictureHead,
    Preclassified,
    SingleScale,
    TableRenderer,
    ViewSpace,
)
from tomosplat.dvr.renderer import Channels, VolumeRenderer
from tomosplat.dvr.tables import LookupTable, PerceptronTable, TableModel
from tomosplat.networks import VNet

#: Channels of the features that a light V-Net makes.
_FEATURES = 16
#: Of a lookup table, and what its absorption begins with per voxel edge.
_ENTRIES, _FIRST_ABSORPTION = 256, 0.03


def build_model(settings: ModelSettings, seed: int = 0) -> LearnedRenderer[Any]:
    """A model with random weights, which the seed draws; in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(settings)


def _build(settings: ModelSettings) -> LearnedRenderer[Any]:
    if settings.name in ("lookup", "mlp"):
        return TableRenderer(_table(settings))
    if settings.name == "dvrnet":
        return DvrNet(settings.vnet, recompute=settings.recompute, classification=settings.classification)
    if settings.name == "rendernet":
        return ViewSpace(settings.rendernet)
    return SingleScale(_single_scale(settings))


def _table(settings: ModelSettings) -> TableModel:
    generator = torch.Generator().manual_seed(torch.initial_seed())
    if settings.name == "lookup":
        return LookupTable((_ENTRIES,), settings.associated, _FIRST_ABSORPTION, generator)
    return PerceptronTable(settings.associated, _FIRST_ABSORPTION, generator)


def _single_scale(settings: ModelSettings) -> VolumeRenderer:
    if settings.name == "vnet4-4":
        colored = Preclassified(VNet(settings.vnet, 4, recompute=settings.recompute), settings.associated)
        return VolumeRenderer(encoder=colored, color=Channels(0, 3), opacity=Channels(3), classification="pre")
    latent = settings.name == "vnetl16-17"
    return VolumeRenderer(
        encoder=VNet(settings.vnet, _FEATURES, recompute=settings.recompute),
        color=Channels(0, _FEATURES) if latent else Emission(_FEATURES, settings.associated),
        opacity=Absorption(_FEATURES),
        decoder=PictureHead(_FEATURES) if latent else None,
        classification=settings.classification,
    )
