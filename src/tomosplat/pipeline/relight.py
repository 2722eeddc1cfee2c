"""Light that follows what is visible: a scene lit for all its organs, relit for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import EmptySceneError, InputError, ShapeError
from tomosplat.gaussians import GaussianScene, cross_sections, mean_sizes, shade
from tomosplat.geometry import SH_C0
from tomosplat.lighting import LightRig, PlacedLights, coarse_grid, cover, sweep_light
from tomosplat.transfer import TransferFunctions

Float32Array = NDArray[np.float32]

#: Edge of a coarse cell in standard deviations of a typical Gaussian: a third more than the block that it stands for.
_CELL_SIGMAS = 2.5


def relightable(scene: GaussianScene) -> bool:
    """Whether the scene keeps all that its light and its colours were made from."""
    known = {"functions", "rig", "bounds_mm", "multiple_scattering"} <= scene.shading.keys()
    return known and scene.values is not None and scene.illumination is not None


def relit(scene: GaussianScene, visible: Sequence[int]) -> GaussianScene:
    """The Gaussians of the ``visible`` labels, in the light that would reach them if there were no others.

    What made the colours besides light stays: each changes by shade(rgb, J') − shade(rgb, J), with the rgb that the
    scene's transfer functions give its value.

    Raises:
        InputError: The scene is not ``relightable``, or ``scene.shading`` is malformed.
        EmptySceneError: The scene has no Gaussian of these labels.
    """
    presence = np.zeros(256, dtype=np.float32)
    presence[list(visible)] = 1
    keep = torch.from_numpy(presence)[scene.labels.long().cpu()] > 0
    if not bool(keep.any()):
        raise EmptySceneError(f"the scene has no Gaussian of the labels {sorted(visible)}")
    light = arriving_light(scene, presence)[keep.numpy()]
    kept = scene.select(keep).unmeasured()
    change = _colors(kept, light) - _colors(kept, _numpy(kept.illumination))
    sh = kept.sh.clone()
    sh[:, 0] += torch.from_numpy(change / SH_C0).to(sh)
    return replace(kept, sh=sh, illumination=torch.from_numpy(light).to(sh))


def arriving_light(scene: GaussianScene, presence: ArrayLike) -> Float32Array:
    """Mean radiance J that arrives at every Gaussian, [N, 3] linear RGB, when labels are there in part or not at all.

    J + C(presence) − C(all), where C is swept through coarse cells that the Gaussians cover. So J stays what it is
    while everything is there, whatever it was made by; and what the cells are too coarse for cancels out.

    Args:
        scene: Lit for everything in it.
        presence: [256], 0..1 for each label id: factor on the light that its Gaussians take away. Those that are not
            there at all keep their J.

    Raises:
        InputError: The scene is not ``relightable``, or ``scene.shading`` is malformed.
        ShapeError: ``presence`` is not [256].
    """
    factors = np.asarray(presence, dtype=np.float32)
    if factors.shape != (256,):
        raise ShapeError(f"presence must be [256], one factor for each label id, got {factors.shape}")
    if not relightable(scene):
        raise InputError(
            "the scene does not keep the light and the values that its colours were made from; prime it again with "
            "--light march or --light bake"
        )
    means, areas, light = _numpy(scene.means), _numpy(cross_sections(scene)), _numpy(scene.illumination).copy()
    grid = coarse_grid(means, _CELL_SIGMAS * float(mean_sizes(scene).median()))
    rig, lights = _lights(scene.shading)
    factor = factors[scene.labels.cpu().numpy()]
    there = factor > 0

    def swept(shown: Float32Array) -> Float32Array:
        return sweep_light(cover(grid, means, shown), grid, rig.environment, lights, means[there])

    light[there] = np.maximum(light[there] + swept(areas * factor) - swept(areas), 0)
    return light


def _lights(shading: Any) -> tuple[LightRig, PlacedLights]:
    rig = LightRig.from_dict("of the scene", shading["rig"])
    try:
        low, high = np.asarray(shading["bounds_mm"], dtype=np.float64).reshape(2, 3)
    except (TypeError, ValueError):
        low = high = np.full(3, np.nan)
    if not (low < high).all():
        raise InputError(f"scene.shading['bounds_mm'] must be two corners, low and high, got {shading['bounds_mm']!r}")
    return rig, rig.place((low, high))


def _colors(scene: GaussianScene, light: Float32Array) -> Float32Array:
    """Colours [N, 3] that ``shade`` gives what the transfer functions show, under this light."""
    functions = TransferFunctions.from_dict(scene.shading["functions"]).functions
    groups, values = GROUP_OF_LABEL[scene.labels.cpu().numpy()], _numpy(scene.values)
    rgb = np.zeros((len(scene), 3), dtype=np.float32)
    for group in np.unique(groups).tolist():
        if group in functions:
            rgb[groups == group] = functions[group](values[groups == group])[:, :3]
    return shade(rgb, light, float(scene.shading["multiple_scattering"]))


def _numpy(tensor: torch.Tensor | None) -> Float32Array:
    if tensor is None:
        raise InputError("the scene lacks values or illumination")
    array: Float32Array = tensor.detach().cpu().float().numpy()
    return array
