"""What of a scene may leave the house: its Gaussians, and words that tomosplat itself wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tomosplat.anatomy import LABEL_NAMES
from tomosplat.errors import InputError
from tomosplat.gaussians import GaussianScene
from tomosplat.lighting import LightRig, rig_names
from tomosplat.transfer import TransferFunctions

#: Words of the provenance that may be told. Whatever else stands there came with the scan, or from a person.
_TOLD = {"priming": ("plain", "lit moments"), "light": ("march", "bake", "none"), "rig": tuple(rig_names())}
_PRESETS = ("seen", "unseen")


def shareable(scene: GaussianScene) -> GaussianScene:
    """The scene without anything that might name a patient or tell of a machine.

    Labels get the label table's names, transfer functions that are no preset are called custom, lights are numbered,
    and of the provenance only known words stay: all other text came with the scan, or from a person.

    Raises:
        InputError: ``scene.shading`` is malformed.
    """
    labels = np.flatnonzero(np.bincount(scene.labels.cpu().numpy())).tolist()
    told = {key: scene.provenance.get(key) for key in _TOLD}
    return replace(
        scene,
        label_names={label: _organ_name(label) for label in labels},
        shading=_numbers_of(scene.shading),
        provenance={key: word for key, word in told.items() if word in _TOLD[key]},
    )


def _organ_name(label: int) -> str:
    if label == 0:
        return "unlabelled"
    return LABEL_NAMES.get(label, f"label {label}")


def _numbers_of(shading: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if "functions" in shading:
        functions = TransferFunctions.from_dict(_mapping(shading, "functions"))
        name = functions.name if functions.name in _PRESETS else "custom"
        kept["functions"] = replace(functions, name=name, notes=()).to_dict()
    if "rig" in shading:
        rig = LightRig.from_dict("of the scene", _mapping(shading, "rig"))
        lights = tuple(replace(light, name=f"light {i}") for i, light in enumerate(rig.lights, start=1))
        kept["rig"] = replace(rig, lights=lights).to_dict()
    if "bounds_mm" in shading:
        kept["bounds_mm"] = _finite(shading, "bounds_mm", (2, 3))
    if "multiple_scattering" in shading:
        kept["multiple_scattering"] = _finite(shading, "multiple_scattering", ())
    return kept


def _mapping(shading: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = shading[name]
    if not isinstance(found, Mapping):
        raise InputError(f"scene.shading[{name!r}] must be a mapping, got {type(found).__name__}")
    return found


def _finite(shading: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Any:
    try:
        numbers = np.asarray(shading[name], dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.full(shape, np.nan)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise InputError(f"scene.shading[{name!r}] must be finite numbers of shape {shape}, got {shading[name]!r}")
    return numbers.tolist()
