"""Scene files of every kind, told apart by their suffix."""

from __future__ import annotations

import os
from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.scene_glb import read_glb, write_glb
from tomosplat.files.scene_ply import read_ply, write_ply
from tomosplat.gaussians import GaussianScene

_READERS = {".ply": read_ply, ".glb": read_glb}
_WRITERS = {".ply": write_ply, ".glb": write_glb}
SCENE_SUFFIXES = tuple(_READERS)


def is_scene_file(path: str | os.PathLike[str]) -> bool:
    """Whether the name says that the file is a scene."""
    return Path(path).suffix.lower() in SCENE_SUFFIXES


def read_scene(path: str | os.PathLike[str]) -> GaussianScene:
    """Read a scene from .ply or .glb.

    Raises:
        InputError: The suffix is another one.
        FileFormatError: The file is missing, cut short, hostile or not of the format that its name says.
    """
    return _READERS[_suffix(path)](path)


def write_scene(path: str | os.PathLike[str], scene: GaussianScene) -> None:
    """Write a float32 scene as .ply or .glb; errors as ``write_ply`` and ``write_glb``.

    Raises:
        InputError: The suffix is another one.
    """
    _WRITERS[_suffix(path)](path, scene)


def check_scene_name(path: str | os.PathLike[str]) -> None:
    """Refuse early what ``read_scene`` and ``write_scene`` would refuse by its name.

    Raises:
        InputError: The suffix is none of a scene.
    """
    _suffix(path)


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SCENE_SUFFIXES:
        raise InputError(
            f"{path}: scenes are {' and '.join(SCENE_SUFFIXES)} files, not {suffix or 'without a suffix'}; "
            '"tomosplat prime" makes one of a scan, or of a fit of slices'
        )
    return suffix
