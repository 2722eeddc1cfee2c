"""Models by their settings."""

from __future__ import annotations

import torch
from torch import nn

from tomosplat.dvr.absorption import Absorption
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.models import DvrNet, LearnedRenderer, PictureHead, Preclassified, SingleScale, ViewSpace
from tomosplat.dvr.renderer import Channels, VolumeRenderer
from tomosplat.networks import VNet, perceptron

#: Channels of the features that a light V-Net makes.
_FEATURES = 16


def build_model(settings: ModelSettings, seed: int = 0) -> LearnedRenderer:
    """A model with random weights, which the seed draws; in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(settings)


def _build(settings: ModelSettings) -> LearnedRenderer:
    if settings.name == "dvrnet":
        return DvrNet(settings.vnet, recompute=settings.recompute, classification=settings.classification)
    if settings.name == "rendernet":
        return ViewSpace(settings.rendernet)
    return SingleScale(_single_scale(settings))


def _single_scale(settings: ModelSettings) -> VolumeRenderer:
    if settings.name == "vnet4-4":
        colored = Preclassified(VNet(settings.vnet, 4, recompute=settings.recompute))
        return VolumeRenderer(encoder=colored, color=Channels(0, 3), opacity=Channels(3), classification="pre")
    latent = settings.name == "vnetl16-17"
    return VolumeRenderer(
        encoder=VNet(settings.vnet, _FEATURES, recompute=settings.recompute),
        color=Channels(0, _FEATURES) if latent else nn.Sequential(perceptron(_FEATURES, 3), nn.Sigmoid()),
        opacity=Absorption(_FEATURES),
        decoder=PictureHead(_FEATURES) if latent else None,
        classification=settings.classification,
    )
