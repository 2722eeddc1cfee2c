"""Slice scenes on disk: safetensors, with how they were made inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import FileFormatError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.geometry import SlicePlane
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.targets import ValueRange

_VERSION = 1
_GAUSSIANS = ("means", "covs", "opacities", "values")
_FOLDED = ("ellipses", "moves", "times", "spans", "image_head", "mask_head")


def write_slice_scene(path: Path, scene: SliceScene | FoldedScene) -> None:
    """Write what a fit made; whole or not at all.

    Raises:
        OutputError: The file could not be written; the one before stays.
    """
    description: dict[str, Any] = {"slice_scene_version": _VERSION, "provenance": dict(scene.provenance)}
    if isinstance(scene, FoldedScene):
        names = [name for name in _FOLDED if getattr(scene, name) is not None]
        description |= {"kind": "folded", "exact": scene.exact, "size": scene.size, "n_frames": scene.n_frames}
    else:
        names = list(_GAUSSIANS)
        description |= {
            "kind": "gaussians",
            "blending": scene.blending,
            "value_range": [scene.value_range.low, scene.value_range.high],
            "channels": scene.channels,
            "classes": list(scene.classes),
            "coloured": scene.coloured,
            "unit": scene.unit,
            "planes": [{"affine": p.affine.tolist(), "height": p.height, "width": p.width} for p in scene.planes],
        }
    tensors = {name: Stack.of(getattr(scene, name).detach().float().numpy()) for name in names}
    write_shard(path, tensors, description)


def read_slice_scene(path: Path) -> SliceScene | FoldedScene:
    """Read what ``write_slice_scene`` wrote.

    Raises:
        InputError: There is no such file.
        FileFormatError: It is no slice scene, of another version, or damaged.
    """
    shard = Shard(path)
    about = shard.description
    if about.get("slice_scene_version") != _VERSION:
        raise FileFormatError(f'{path} is no slice scene of version {_VERSION}; "tomosplat slices fit" makes them')
    try:
        tensors = {name: torch.from_numpy(np.array(shard[name])) for name in shard.names}
        return _folded(tensors, about) if about["kind"] == "folded" else _gaussians(tensors, about)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FileFormatError(f"{path} is a damaged slice scene: {error!r}") from error


def _folded(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> FoldedScene:
    return FoldedScene(
        tensors["ellipses"],
        tensors["moves"],
        tensors["times"],
        tensors["spans"],
        tensors.get("image_head"),
        tensors.get("mask_head"),
        bool(about["exact"]),
        (int(about["size"][0]), int(about["size"][1])),
        int(about["n_frames"]),
        about["provenance"],
    )


def _gaussians(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> SliceScene:
    return SliceScene(
        tensors["means"],
        tensors["covs"],
        tensors["opacities"],
        tensors["values"],
        about["blending"],
        ValueRange(*about["value_range"]),
        about["channels"],
        tuple(about["classes"]),
        about["coloured"],
        tuple(SlicePlane(np.array(p["affine"]), p["height"], p["width"]) for p in about["planes"]),
        about.get("unit", "arbitrary"),  # not yet there in the first scenes
        about["provenance"],
    )
