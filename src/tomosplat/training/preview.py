"""A picture for people: how far the network is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.feedforward.model import Model
from tomosplat.feedforward.predict import predict
from tomosplat.files.dataset import Manifest
from tomosplat.files.images import to_bytes, write_png
from tomosplat.fitting.shard_views import shard_view
from tomosplat.gaussians import prime
from tomosplat.render import rasterize
from tomosplat.training.looks import Look, case_of, looks_of, shown_pictures


def write_preview(path: Path, model: Model, manifest: Manifest) -> None:
    """Write a PNG of the first look of the dataset's smallest case: primed, predicted, and a picture of it.

    Raises:
        InputError: All its pictures are held out.
        OutputError: The file could not be written.
    """
    case, name = min(looks_of(manifest), key=lambda look: (manifest.cases[look[0]].bytes, look))
    shard = manifest.open(case, check=False)
    look = Look.of(case, shard, name)
    optical = look.optical(*case_of(shard))
    march = MarchedLight(optical, look.rig)
    scene = prime(optical, march)
    primed = Primed(scene, places_of(optical.grid, scene.means.numpy()), march.radiance, march.features)
    view = shard_view(shard, name, int(shown_pictures(shard, name)[0]))
    with torch.no_grad():
        scenes = (scene, predict(model, optical, primed).scene)
        pictures = [rasterize(shown, view.camera).rgba[0].numpy() for shown in scenes]
    write_png(
        path, np.concatenate([to_bytes(picture, (0, 0, 0)) for picture in [*pictures, view.rgba.numpy()]], axis=1)
    )
