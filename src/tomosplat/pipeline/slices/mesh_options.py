"""What can be asked of ``tomosplat slices mesh``; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SliceMeshOptions:
    """Where the surface lies, how smooth it is, and what it is compared with."""

    thresh: float = 0.0
    """Value at the surface, in the unit of the volume (0..255 for PNG frames); 0 finds it by Otsu's method."""
    label: tuple[int, ...] = ()
    """Take the input for a label map: the surface of these labels together."""
    smooth: int = 20
    """Steps of smoothing, which keeps the volume; 0 leaves the voxels' steps."""
    truth: Path | None = None
    """True label map: Dice of the voxels, ASSD and HD95 of the surfaces are told (of --label, or of all its labels)."""
    inter: int = 8
    """PNG frames: how many lie between one slice and the next, as "slices render --interp" made them."""
    nifti: Path | None = None
    """PNG frames: folder of CASE.nii.gz, or one file, whose spacing and place are those of the slices."""
    spacing: tuple[float, float, float] | None = None
    """PNG frames: mm between columns, rows and slices, where there is no NIfTI. With neither the mesh is in pixels."""
    format: str = ".ply"
    """PNG frames: .ply, .stl, .obj or .glb."""
    series: str | None = None
    """Which series of a DICOM folder."""
