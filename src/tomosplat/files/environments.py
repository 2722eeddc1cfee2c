"""Environment maps: latitude-longitude pictures of light, Radiance .hdr or OpenEXR .exr."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np

from tomosplat.errors import FileFormatError, ShapeError
from tomosplat.lighting import Environment

_SUFFIXES = (".hdr", ".exr")


def read_environment(path: str | os.PathLike[str]) -> Environment:
    """Read a map of linear radiances; its left edge is what stands before the patient.

    Raises:
        FileFormatError: The file is missing, damaged, or neither .hdr nor .exr.
        ShapeError: The picture is not twice as wide as high.
        UnitsError: A radiance is negative or not finite.
    """
    source = Path(path)
    if source.suffix.lower() not in _SUFFIXES:
        raise FileFormatError(f"{source}: an environment map is a {' or '.join(_SUFFIXES)} file")
    try:
        with av.open(str(source)) as container:
            frame = next(container.decode(video=0))
            radiance = frame.to_ndarray(format="gbrpf32le")
    except (OSError, av.FFmpegError, StopIteration, IndexError, ValueError) as error:
        raise FileFormatError(f"cannot read {source} as a picture of light: {error}") from error
    height, width = radiance.shape[:2]
    if width != 2 * height:
        raise ShapeError(
            f"{source} has {width}x{height} pixels; a latitude-longitude map of all directions is twice as wide as high"
        )
    return Environment(np.asarray(radiance, dtype=np.float32))
