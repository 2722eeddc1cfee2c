"""Transfer functions by the name of a preset or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from tomosplat.errors import TransferFunctionError, UnitsError
from tomosplat.transfer import Preset, TransferFunctions
from tomosplat.transfer.importers import from_paraview_json, from_slicer_vp
from tomosplat.volume import Volume


def given_transfer_functions(name_or_path: str | None) -> TransferFunctions | None:
    """What --tf says; None where nothing is said, until the scan is known.

    Raises:
        TransferFunctionError: As of ``load_transfer_functions``.
    """
    return load_transfer_functions(name_or_path) if name_or_path is not None else None


def usual_transfer_functions(volume: Volume) -> TransferFunctions:
    """Those by which a scan is coloured when nothing else is said.

    Raises:
        UnitsError: The scan is in a unit of its own.
    """
    if volume.unit == "HU":
        return TransferFunctions.preset("seen")
    if volume.unit == "relative":
        return TransferFunctions.preset("mr" if volume.modality == "MR" else "us")
    raise UnitsError(
        f"the scan's values ({volume.values.min():g} to {volume.values.max():g}) are in no unit; give transfer "
        "functions for them with --tf, or pass --modality mr or us"
    )


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
