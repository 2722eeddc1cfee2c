"""Coloured volumes on disk: what light meets in a scan, however it was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tomosplat.errors import FileFormatError, GeometryError
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.geometry import Grid
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.volume import OpticalVolume

_FORMAT = "tomosplat-colored-volume"
_VERSION = 1


def write_colored_volume(path: Path, optical: OpticalVolume) -> None:
    """Write extinction (1/mm) and colours (sRGB) of a volume, at half precision, and where it is.

    Raises:
        OutputError: The file could not be written.
    """
    tensors = {
        "extinction": Stack.of(optical.extinction.astype(np.float16)),
        "rgb": Stack.of(optical.rgb.astype(np.float16)),
    }
    description = {"format": _FORMAT, "version": _VERSION, "affine": optical.grid.affine.tolist()}
    write_shard(path, tensors, description)


def read_colored_volume(path: Path, prepared: PreparedScan, visible: list[int] | None) -> OpticalVolume:
    """Read a coloured volume of a prepared scan; of all organs, or of the ``visible`` label ids alone.

    Raises:
        InputError: The file cannot be read.
        FileFormatError: It is no coloured volume, or damaged.
        GeometryError: It is on another grid than the scan.
    """
    shard = Shard(path)
    description = shard.description
    if (description.get("format"), description.get("version")) != (_FORMAT, _VERSION):
        raise FileFormatError(f"{path} is no coloured volume of this version; write one with dvr fit --volume")
    extinction, rgb = (np.asarray(shard[name], np.float32) for name in ("extinction", "rgb"))
    grid = Grid(extinction.shape, description["affine"])
    if not grid.matches(prepared.volume.grid):
        raise GeometryError(
            f"{path} has {grid}, the scan {prepared.volume.grid}; "
            "give both commands the same scan and the same --spacing"
        )
    labels = prepared.labels.values
    if visible is not None:
        extinction *= np.isin(labels, visible)
    return OpticalVolume(extinction, rgb, labels, prepared.volume.grid, prepared.volume.values)
