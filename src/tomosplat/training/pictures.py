"""What the network learns from in the second stage: pictures of a dataset's cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tomosplat.anatomy import VISIBLE_SETS
from tomosplat.errors import EmptySceneError, InputError
from tomosplat.feedforward.encoding import IntensityScale, encode_scan
from tomosplat.feedforward.head import N_CHANNELS, Primed, activate
from tomosplat.feedforward.lights import MarchedLight, light_field, places_of
from tomosplat.feedforward.predict import half_shape
from tomosplat.files.dataset import Manifest
from tomosplat.fitting import FitSettings, View
from tomosplat.fitting.losses import picture_loss
from tomosplat.fitting.shard_views import shard_view
from tomosplat.gaussians import prime
from tomosplat.lighting import LightRig
from tomosplat.networks import UNet3D
from tomosplat.render import rasterize
from tomosplat.training.looks import Look, case_of
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import OpticalVolume

#: Looks whose scenes are kept in memory.
_KEPT = 4


class _Subject(NamedTuple):
    optical: OpticalVolume
    primed: Primed


@dataclass(frozen=True)
class PictureSource:
    """The pictures of a dataset that are not held out.

    Attributes:
        manifest: The dataset.
        lit: Whether scenes are primed with marched light.
    """

    manifest: Manifest
    lit: bool

    def draw(self, rng: np.random.Generator) -> tuple[Primed, OpticalVolume, View]:
        """A scene as it is primed, and a picture of how it should look.

        Raises:
            InputError: The dataset has no picture to learn from.
        """
        names = [(case, look) for case, entry in self.manifest.cases.items() for look in entry.facts["looks"]]
        if not names:
            raise InputError(f"{self.manifest.folder} has no pictures to learn from")
        case, name = names[rng.integers(len(names))]
        shard = self.manifest.open(case, check=False)
        shown = np.flatnonzero(~shard[f"{name.split('/')[0]}/held_out"])
        if not len(shown):
            raise InputError(f"all pictures {name} of case {case} are held out; prepare more views")
        subject = _subject(self, case, name)
        return subject.primed, subject.optical, shard_view(shard, name, int(rng.choice(shown)))

    def __hash__(self) -> int:
        return hash((str(self.manifest.folder), self.lit))


@lru_cache(maxsize=_KEPT)
def _subject(source: PictureSource, case: str, name: str) -> _Subject:
    shard = source.manifest.open(case, check=False)
    shown, tf, rig = name.split("/")
    visible = VISIBLE_SETS[shown]
    functions = TransferFunctions.from_dict(shard.description["transfer_functions"][tf])
    look = Look(case, 0, functions, None if visible is None else tuple(visible), rig)
    optical = look.optical(*case_of(shard))
    march = MarchedLight(optical, LightRig.from_dict(rig, shard.description["rigs"][rig])) if source.lit else None
    scene = prime(optical, march)
    lit = (march.radiance, march.features) if march else (None, None)
    return _Subject(optical, Primed(scene, places_of(optical.grid, scene.means.numpy()), *lit))


def predicted_picture_loss(
    network: UNet3D,
    primed: Primed,
    optical: OpticalVolume,
    view: View,
    low: tuple[int, int, int],
    edge: int,
    scale: IntensityScale,
    ssim_weight: float,
    *,
    bf16: bool,
) -> tuple[Tensor, float]:
    """Loss of the picture whose scene the network has changed inside a cube, and that of the primed scene.

    What lies outside the cube is drawn as it was primed, so that a scan of any size can be learned from.

    Args:
        network: Gradients flow to its weights.
        primed: The scene.
        optical: What it was primed from.
        view: How it should look.
        low: First voxel of the cube on the half-resolution grid.
        edge: Of the cube.
        scale: Of the scan's values.
        ssim_weight: Of 1 − SSIM beside L1.
        bf16: Compute the network in bfloat16.

    Raises:
        EmptySceneError: No Gaussian lies in the cube.
    """
    first = np.array(low)
    inside = np.flatnonzero(((primed.places >= first) & (primed.places < first + edge)).all(axis=1))
    if not len(inside):
        raise EmptySceneError(f"no Gaussian lies in the cube of {edge} voxels at {low}")
    at = primed.places[inside] - first
    shape = (edge, edge, edge)
    full_low, full_shape = (2 * low[0], 2 * low[1], 2 * low[2]), (2 * edge, 2 * edge, 2 * edge)
    scan = torch.from_numpy(encode_scan(optical, scale, full_low, full_shape))
    light = None
    if network.light_channels and primed.features is not None:
        light = torch.from_numpy(light_field(at, primed.features[inside], shape))[None]
    dtype = next(network.parameters()).dtype
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        field = network(scan[None].to(dtype), light if light is None else light.to(dtype))[0]
    i, j, k = torch.from_numpy(at.T)
    offsets = torch.zeros(len(primed.scene), N_CHANNELS, dtype=primed.scene.means.dtype)
    offsets = offsets.index_put((torch.from_numpy(inside),), field[:, i, j, k].T.to(offsets.dtype))
    how = FitSettings(ssim_weight=ssim_weight)
    loss = picture_loss(rasterize(activate(primed, offsets), view.camera).rgba[0], view, how)
    with torch.no_grad():
        before = picture_loss(rasterize(primed.scene, view.camera).rgba[0], view, how)
    return loss, float(before)


def draw_cube(primed: Primed, optical: OpticalVolume, edge: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """First voxel of a cube of ``edge`` voxels around a Gaussian, inside the grid if that holds it."""
    center = primed.places[rng.integers(len(primed.places))]
    room = np.maximum(np.array(half_shape(optical)) - edge, 0)
    i, j, k = np.clip(center - rng.integers(edge // 4, edge - edge // 4, 3), 0, room).tolist()
    return i, j, k
