"""Volumes and label maps to NIfTI files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from tomosplat.errors import InputError
from tomosplat.files.atomic import writing
from tomosplat.geometry import LPS_TO_RAS, Grid

_SUFFIXES = (".nii.gz", ".nii")


def check_volume_name(path: Path) -> None:
    """Pass if a volume can be written under this name.

    Raises:
        InputError: It cannot.
    """
    if not path.name.endswith(_SUFFIXES):
        raise InputError(f"volumes are written as {' or '.join(_SUFFIXES)}, got {path.name}")


def write_volume(path: Path, values: NDArray[np.float32] | NDArray[np.uint8], grid: Grid) -> None:
    """Write values [I, J, K] on an orthogonal grid; whole or not at all.

    Raises:
        InputError: The name is not that of a NIfTI file.
        OutputError: The file could not be written.
    """
    check_volume_name(path)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    to_lps = LPS_TO_RAS @ grid.affine
    image.SetSpacing([float(s) for s in grid.spacing])
    image.SetOrigin([float(x) for x in to_lps[:3, 3]])
    image.SetDirection((to_lps[:3, :3] / grid.spacing).ravel().tolist())
    with writing(path) as temporary:
        sitk.WriteImage(image, str(temporary))
