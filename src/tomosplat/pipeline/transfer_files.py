"""Transfer functions by the name of a preset or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer import Preset, TransferFunctions
from tomosplat.transfer.importers import from_paraview_json, from_slicer_vp


def load_transfer_functions(name_or_path: str) -> TransferFunctions:
    """A preset's name, or a file: our JSON, 3D Slicer's volume property (.vp) or ParaView's colour map (.json).

    Raises:
        TransferFunctionError: Neither a preset nor a readable file of one of these formats.
    """
    if name_or_path in get_args(Preset):
        return TransferFunctions.preset(cast(Preset, name_or_path))
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TransferFunctionError(
            f"--tf {name_or_path} is neither a preset ({', '.join(get_args(Preset))}) nor a readable file: {error}"
        ) from error
    if path.suffix.lower() == ".vp":
        return from_slicer_vp(text, name=path.stem)
    # ParaView exports a list of colour maps; ours is an object.
    if text.lstrip().startswith("["):
        return from_paraview_json(text, name=path.stem)
    return TransferFunctions.from_json(text)
