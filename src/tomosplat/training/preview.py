"""A picture for people: how far the network is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.feedforward.model import Model
from tomosplat.feedforward.predict import predict
from tomosplat.files.dataset import Manifest
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.shards import Shard
from tomosplat.gaussians import GaussianScene, linear_to_srgb, prime
from tomosplat.geometry import SH_C0, fibonacci_directions, frame_points
from tomosplat.render import rasterize
from tomosplat.training.looks import Look, case_of

_SIZE = 240


def write_preview(path: Path, model: Model, manifest: Manifest, looks: list[Path]) -> None:
    """Write a PNG of the dataset's smallest case: marched light, predicted, baked.

    Raises:
        OutputError: The file could not be written.
    """
    smallest = min(looks, key=lambda look: (look.stat().st_size, look.name))
    shard = Shard(smallest)
    look = Look.from_dict(shard.description)
    optical = look.optical(*case_of(manifest.open(look.case, check=False)))
    march = MarchedLight(optical, look.light())
    scene = prime(optical, march)
    primed = Primed(scene, places_of(optical.grid, scene.means.numpy()), march.radiance, march.features)
    baked = torch.from_numpy(linear_to_srgb(shard["baked"].astype(np.float32)))
    sh = scene.sh.clone()
    sh[:, 0] = (baked - 0.5) / SH_C0
    scenes = [scene, predict(model, optical, primed).scene, replace(scene, sh=sh)]
    write_png(path, np.concatenate([_seen(shown, scene) for shown in scenes], axis=1))


def _seen(scene: GaussianScene, outline: GaussianScene) -> NDArray[np.uint8]:
    cameras = frame_points(outline.means.double().numpy(), fibonacci_directions(3)[1:2], _SIZE, _SIZE)
    with torch.no_grad():
        return to_bytes(rasterize(scene, cameras).rgba[0].numpy(), (0, 0, 0))
