"""What every scene file says besides its numbers, and what every scene read from a file must hold to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
from tomosplat.errors import FileFormatError, InputError, ShapeError, UnitsError
from tomosplat.gaussians import Fidelity, GaussianScene

FORMAT_VERSION = 1
#: What files say instead of NaN, which not every reader bears, of a Gaussian whose error is unknown.
_UNKNOWN_ERROR = -1.0


def describe(scene: GaussianScene) -> dict[str, Any]:
    """Units, settings and provenance, JSON-serialisable."""
    return {
        "version": FORMAT_VERSION,
        "units": "mm",
        "space": "RAS",
        "direction_weight": scene.direction_weight,
        "shading": dict(scene.shading),
        "provenance": dict(scene.provenance),
        **({} if scene.fidelity is None else {"fidelity": scene.fidelity.to_dict()}),
    }


def described_errors(errors: Tensor) -> Tensor:
    """The scene's errors [N] as files hold them: -1 where they are unknown."""
    return errors.nan_to_num(nan=_UNKNOWN_ERROR, posinf=math.inf, neginf=-math.inf)


def describe_organs(scene: GaussianScene) -> list[dict[str, Any]]:
    """Id, name and group of each label that has a name, JSON-serialisable."""
    return [
        {"id": label, "name": name, "group": GROUPS[GROUP_OF_LABEL[label]].name}
        for label, name in sorted(scene.label_names.items())
    ]


def check_float32(scene: GaussianScene) -> None:
    """Refuse a scene that would lose digits.

    Raises:
        ShapeError: The scene is not float32.
    """
    if scene.means.dtype != torch.float32:
        raise ShapeError(f"scene must be float32 to be written, got {scene.means.dtype}; use scene.to(torch.float32)")


def check_finite(table: Tensor) -> None:
    """Refuse rows, one for each Gaussian, that no reader would take.

    Raises:
        UnitsError: A value is NaN or infinite.
    """
    if not torch.isfinite(table.sum(dtype=torch.float64)):
        n_bad = int((~torch.isfinite(table)).any(dim=1).sum())
        raise UnitsError(f"{n_bad} of {len(table)} Gaussians have values that are NaN or infinite; drop them first")


def described_scene(tensors: Mapping[str, Tensor], about: Any, organs: Any, source: Path) -> GaussianScene:
    """The scene of a file.

    Args:
        tensors: The scene's tensors by name, float32; labels too, errors as ``described_errors`` gave them.
        about: What ``describe`` gave.
        organs: What ``describe_organs`` gave.
        source: The file, for messages.

    Raises:
        FileFormatError: The description is broken or of another version, or opacities, labels or errors are impossible.
    """
    opacities, labels = tensors["opacities"], tensors["labels"]
    if bool(((opacities < 0) | (opacities > 1)).any()):
        raise FileFormatError(f"{source}: the opacities of the 6D scene must lie in 0..1")
    if bool(((labels < 0) | (labels > 255) | (labels != labels.round())).any()):
        raise FileFormatError(f"{source}: labels must be whole numbers from 0 to 255")
    numbers: dict[str, Any] = {**tensors, "labels": labels.to(torch.uint8)}
    if "errors" in tensors:
        numbers["errors"] = _errors(tensors["errors"], source)
    return GaussianScene(**numbers, **_described(about, organs, source))


def _errors(stored: Tensor, source: Path) -> Tensor:
    unknown = stored == _UNKNOWN_ERROR
    if bool((~unknown & ((stored < 0) | (stored > 1))).any()):
        raise FileFormatError(f"{source}: errors must lie in 0..1, or be {_UNKNOWN_ERROR:g} where they are unknown")
    return torch.where(unknown, torch.nan, stored)


def parse_json(text: str, source: Path) -> Any:
    """Read JSON in a scene file.

    Raises:
        FileFormatError: It is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{source}: the description of the 6D scene is broken: {error}") from error


def _described(about: Any, organs: Sequence[Any], source: Path) -> dict[str, Any]:
    try:
        version, weight = about["version"], about["direction_weight"]
        # Files from before scenes could be recoloured have no shading.
        shading, provenance = about.get("shading", {}), about["provenance"]
        fidelity = Fidelity.from_dict(about["fidelity"]) if "fidelity" in about else None
        names = {int(organ["id"]): str(organ["name"]) for organ in organs}
        if not (isinstance(weight, float) and 0 <= weight < math.inf):
            raise ValueError(f"direction_weight {weight!r}")
        if not (isinstance(shading, dict) and isinstance(provenance, dict)):
            raise TypeError(f"shading {type(shading).__name__}, provenance {type(provenance).__name__}")
    except (AttributeError, InputError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{source}: the description of the 6D scene is broken: {error!r}") from error
    if version != FORMAT_VERSION:
        raise FileFormatError(f"{source} has format version {version!r}; this tomosplat reads {FORMAT_VERSION}")
    return {
        "direction_weight": weight,
        "label_names": names,
        "shading": shading,
        "provenance": provenance,
        "fidelity": fidelity,
    }
