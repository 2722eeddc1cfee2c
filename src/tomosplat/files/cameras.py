"""Camera files: JSON, the same for every command that renders."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tomosplat.errors import FileFormatError, InputError
from tomosplat.files.atomic import writing
from tomosplat.geometry import Cameras


def read_cameras(path: str | os.PathLike[str]) -> Cameras:
    """Read ``{"width", "height", "cameras": [{"viewmat": 4x4, "K": 3x3}]}``.

    Raises:
        InputError: The file does not exist or may not be read.
        FileFormatError: It is not JSON.
        GeometryError: It is JSON, but no valid cameras.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"camera file {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"camera file {path} is not text: {error}") from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"camera file {path} is not JSON: {error}") from error
    return Cameras.from_dict(data)


def write_cameras(path: str | os.PathLike[str], cameras: Cameras) -> None:
    """Write cameras as JSON; float64 survives exactly.

    Raises:
        OutputError: The file cannot be written.
    """
    with writing(path) as temporary:
        temporary.write_text(json.dumps(cameras.to_dict(), indent=1), encoding="utf-8")
