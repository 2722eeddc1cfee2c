"""How far pictures are from truth when the network has changed a part of the scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import EmptySceneError
from tomosplat.feedforward.head import activate
from tomosplat.feedforward.lights import light_field
from tomosplat.fitting import FitSettings, View
from tomosplat.fitting.losses import picture_loss
from tomosplat.gaussians import GaussianScene
from tomosplat.networks import UNet3D
from tomosplat.render import rasterize
from tomosplat.training.crops import varied
from tomosplat.training.settings import TrainSettings
from tomosplat.training.subjects import Subject

#: Pixels around a cube that its Gaussians, and the windows of SSIM that see them, reach into.
_MARGIN = 16


def predicted_picture_loss(
    network: UNet3D, subject: Subject, rng: np.random.Generator, settings: TrainSettings
) -> tuple[Tensor, float]:
    """Mean loss of pictures whose scene the network has changed inside a cube, and that of the primed scene.

    What lies outside the cube is drawn as it was primed, so that a scan of any size can be learned from; of each
    picture only the window counts in which the cube can be seen.

    Args:
        network: Gradients flow to its weights.
        subject: The scene, and how it should look.
        rng: Draws the cube and the pictures.
        settings: How it is trained.
    """
    low = draw_cube(subject, settings.crop, rng)
    scene = predicted_scene(network, subject, low, rng, settings)
    changed = subject.primed.scene.means[torch.from_numpy(_inside(subject, low, settings.crop))]
    how = FitSettings(ssim_weight=settings.ssim_weight)
    losses, primed = [], []
    for index in rng.choice(subject.shown, min(settings.pictures, len(subject.shown)), replace=False).tolist():
        view = window_of(subject.view(index), changed.double().numpy())
        losses.append(picture_loss(rasterize(scene, view.camera).rgba[0], view, how))
        with torch.no_grad():
            primed.append(float(picture_loss(rasterize(subject.primed.scene, view.camera).rgba[0], view, how)))
    return torch.stack(losses).mean(), float(np.mean(primed))


def window_of(view: View, points: NDArray[np.float64]) -> View:
    """The part of a view in which points [N, 3] lie, with a margin; all of it where that part is black."""
    rotation, shift = view.camera.viewmats[0, :3, :3], view.camera.viewmats[0, :3, 3]
    seen = (points @ rotation.T + shift) @ view.camera.Ks[0].T
    pixels = seen[:, :2] / seen[:, 2:]
    size = (view.camera.width, view.camera.height)
    left, top = np.clip(np.floor(pixels.min(axis=0)).astype(int) - _MARGIN, 0, np.array(size) - 1).tolist()
    right, bottom = np.clip(np.ceil(pixels.max(axis=0)).astype(int) + _MARGIN, (left + 1, top + 1), size).tolist()
    if not bool(view.rgba[top:bottom, left:right].any()):
        return view
    return view.window(left, top, right - left, bottom - top)


def predicted_scene(
    network: UNet3D, subject: Subject, low: tuple[int, int, int], rng: np.random.Generator, settings: TrainSettings
) -> GaussianScene:
    """The primed scene, changed inside a cube; differentiable in the network's weights.

    Args:
        network: Whose offsets it takes.
        subject: The scene.
        low: First voxel of the cube on the half-resolution grid.
        rng: Varies what the network is shown if ``settings.augment``.
        settings: Edge of the cube and precision.

    Raises:
        EmptySceneError: No Gaussian lies in the cube.
    """
    primed, edge, inside = subject.primed, settings.crop, _inside(subject, low, settings.crop)
    if not len(inside):
        raise EmptySceneError(f"no Gaussian lies in the cube of {edge} voxels at {low}")
    at = primed.places[inside] - np.array(low)
    scan = torch.from_numpy(subject.part(low, edge, settings.model.scale))
    if settings.augment:
        scan = varied(scan, rng)
    light = None
    if network.light_channels and primed.features is not None:
        light = torch.from_numpy(light_field(at, primed.features[inside], (edge, edge, edge)))[None]
    dtype = next(network.parameters()).dtype
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        field = network(scan[None].to(dtype), light if light is None else light.to(dtype))[0]
    i, j, k = torch.from_numpy(at.T)
    there = torch.from_numpy(inside)
    changed = activate(primed.select(there), field[:, i, j, k].T).tensors()
    parts = primed.scene.tensors().items()
    merged: dict[str, Any] = {name: part.index_put((there,), changed[name]) for name, part in parts}
    return replace(primed.scene, **merged)


def draw_cube(subject: Subject, edge: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """First voxel of a cube of ``edge`` voxels around a Gaussian, inside the grid if that holds it."""
    places = subject.primed.places
    center = places[rng.integers(len(places))]
    room = np.maximum(np.array(subject.channels.shape[1:]) // 2 - edge, 0)
    i, j, k = np.clip(center - rng.integers(edge // 4, edge - edge // 4, 3), 0, room).tolist()
    return i, j, k


def _inside(subject: Subject, low: tuple[int, int, int], edge: int) -> NDArray[np.int64]:
    """Which Gaussians lie in a cube."""
    places, first = subject.primed.places, np.array(low)
    return np.flatnonzero(((places >= first) & (places < first + edge)).all(axis=1))
