"""What the page is told about a scene besides its Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from tomosplat import machine
from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
from tomosplat.gaussians import Agreement, GaussianScene
from tomosplat.lighting import LightRig
from tomosplat.transfer import Preset, TransferFunctions
from tomosplat.viewer.packing.numbers import FloatArray
from tomosplat.viewer.packing.records import Ranges, array

#: Less opacity than this is not drawn.
_MIN_OPACITY = 1 / 255


def scene_header(
    scene: GaussianScene, ranges: Ranges, title: str, presets: Sequence[TransferFunctions] | None, chunks: Sequence[int]
) -> dict[str, Any]:
    """``SceneHeader`` of ``web/src/scene/types.ts``, of a scene that is ``shareable``."""
    shading = _shading(scene)
    unit = shading["functions"]["unit"] if shading else "arbitrary"
    low, high = extent(scene).tolist()
    return {
        "kind": "gaussians",
        "version": 1,
        "title": title,
        "count": len(scene),
        "chunks": list(chunks),
        "bounds_mm": [ranges.low.tolist(), ranges.high.tolist()],
        "extent_mm": [low, high],
        "unit": unit,
        "value_range": ranges.values,
        "direction_weight": scene.direction_weight,
        "organs": _organs(scene),
        "shading": shading,
        "fidelity": _fidelity(scene),
        "presets": [functions.to_dict() for functions in (_shipped(unit) if presets is None else presets)],
        "facts": {**scene.provenance, "tomosplat": machine.version_of("tomosplat")},
    }


def _shipped(unit: str) -> list[TransferFunctions]:
    presets = [TransferFunctions.preset(name) for name in get_args(Preset)]
    return [functions for functions in presets if functions.unit == unit]


def is_lit(scene: GaussianScene) -> bool:
    """Whether the colours were made by ``shade`` from light that is known."""
    known = {"rig", "bounds_mm", "multiple_scattering"} <= scene.shading.keys()
    return scene.illumination is not None and known


def extent(scene: GaussianScene) -> FloatArray:
    """Lowest and highest corner [2, 3] mm of the ellipsoids at whose surfaces the Gaussians fade below 1/255."""
    opacities, variances, means = array(scene.opacities), array(scene.covs)[:, [0, 3, 5]], array(scene.means)
    reach = np.sqrt(2 * np.log(np.maximum(opacities / _MIN_OPACITY, 1)))
    sizes = reach[:, None] * np.sqrt(variances)
    seen = opacities > _MIN_OPACITY if bool((opacities > _MIN_OPACITY).any()) else np.ones_like(opacities, dtype=bool)
    corners: FloatArray = np.stack([(means - sizes)[seen].min(axis=0), (means + sizes)[seen].max(axis=0)])
    return corners


def _organs(scene: GaussianScene) -> list[dict[str, Any]]:
    labels = scene.labels.cpu().numpy()
    means = array(scene.means)
    counts = np.bincount(labels, minlength=256)
    sums = [np.bincount(labels, weights=column, minlength=256) for column in means.T]
    centers = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    return [
        {
            "id": label,
            "name": scene.label_names[label],
            "group": GROUPS[GROUP_OF_LABEL[label]].title,
            "group_index": int(GROUP_OF_LABEL[label]),
            "count": int(counts[label]),
            "center_mm": centers[label].tolist(),
        }
        for label in np.flatnonzero(counts).tolist()
    ]


def _fidelity(scene: GaussianScene) -> dict[str, Any] | None:
    """``SceneFidelity`` of ``web/src/scene/types.ts``, None where nothing was measured."""
    fidelity = scene.fidelity
    if fidelity is None or scene.errors is None:
        return None
    groups: dict[int, list[int]] = {}
    for label in fidelity.organs:
        groups.setdefault(int(GROUP_OF_LABEL[label]), []).append(label)
    return {
        "views": fidelity.views,
        "denoised": fidelity.denoised,
        "whole": _agreement(fidelity.whole),
        "organs": {str(label): _agreement(organ) for label, organ in fidelity.organs.items()},
        "groups": {str(group): _agreement(fidelity.of(labels)) for group, labels in groups.items()},
    }


def _agreement(found: Agreement) -> dict[str, float] | None:
    return None if math.isnan(found.error) else {"error": found.error, "trust": found.trust}


def _shading(scene: GaussianScene) -> dict[str, Any] | None:
    """``Shading`` of ``web/src/scene/types.ts``, None where the scene cannot be recoloured."""
    if scene.values is None or "functions" not in scene.shading:
        return None
    return {"functions": scene.shading["functions"], **_light(scene)}


def _light(scene: GaussianScene) -> dict[str, Any]:
    if not is_lit(scene):
        return {"lit": False, "environment": [1, 1, 1], "lights": [], "multiple_scattering": 0}
    shading = scene.shading
    rig = LightRig.from_dict("of the scene", shading["rig"])
    low, high = np.asarray(shading["bounds_mm"], dtype=np.float64)
    placed = rig.place((low, high))
    lights = [
        {"center_mm": center, "half_edges_mm": half_edges, "normal": normal, "radiance": radiance}
        for center, half_edges, normal, radiance in zip(
            placed.centers.tolist(),
            placed.half_edges.tolist(),
            placed.normals.tolist(),
            placed.radiances.tolist(),
            strict=True,
        )
    ]
    return {
        "lit": True,
        "environment": list(rig.environment),
        "lights": lights,
        "multiple_scattering": float(shading["multiple_scattering"]),
    }
