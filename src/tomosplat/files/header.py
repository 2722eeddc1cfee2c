"""What is known of a scan before its voxels are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import Grid
from tomosplat.volume import Modality, Unit


@dataclass(frozen=True, eq=False)
class ScanHeader:
    """A scan on disk: its geometry, and how to get its voxels.

    Attributes:
        format: "DICOM", "NIfTI", "NRRD" or "MetaImage".
        grid: Where the voxels are (RAS+ mm).
        dtype: How a voxel is stored.
        load: Reads the voxels [I, J, K], scaled as the file says.
        unit: What the file itself says about its values; None where the format has no word for it.
        modality: What the file itself says it was made by.
        notes: One line for everything in the file that a reader may stumble over.
    """

    format: str
    grid: Grid
    dtype: np.dtype[Any]
    load: Callable[[], NDArray[Any]]
    unit: Unit | None = None
    modality: Modality = "unknown"
    notes: tuple[str, ...] = ()
