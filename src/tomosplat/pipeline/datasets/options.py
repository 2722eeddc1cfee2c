"""What can be asked of ``tomosplat prepare``, and of every verb that takes a list of cases. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tomosplat.pipeline.batch.running_options import RunningOptions
from tomosplat.pipeline.options import RigName


@dataclass(frozen=True, kw_only=True)
class CaseOptions(RunningOptions):
    """How the scans of a list are found, read and labelled, and worked through."""

    scan_name: str = "ct.nii*"
    """File name pattern of the scan in a case's folder; where no file matches, a DICOM series is looked for."""
    labels_name: str | None = None
    """File name pattern of a label map beside the scan, with TotalSegmentator v2 ids. A scan without one, and every
    scan if no pattern is given, is labelled by --segmenter."""
    segmenter: Literal["tissue", "totalsegmentator"] = "tissue"
    """Who labels scans without a label map: tissues from HU alone, or TotalSegmentator (extra "segment")."""
    spacing: float = 1.5
    """Voxel edge of the working grid in mm."""
    pseudonyms: Path | None = None
    """Call cases by salted hashes in file names, logs and errors; this file, kept elsewhere than the results, says who
    is who. It is begun if missing."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(CaseOptions):
    """What a dataset shows, and how."""

    views: tuple[int, int, int] = (60, 30, 30)
    """Views of everything, of the skeleton, and of the organs (everything but skeleton and muscle)."""
    size: int = 1600
    """Edge of the square pictures in pixels."""
    held_out_every: int = 8
    """Of each set of views, one in so many is held out for evaluation; 0 holds out none."""
    tf: tuple[str, ...] = ("seen",)
    """Transfer functions: seen, unseen, or files."""
    jitter_tf: int = 0
    """How many more transfer functions to draw at random around the first, other ones for every case."""
    rigs: tuple[RigName, ...] = ("studio",)
    """Light rigs; every transfer function is shown under each."""
    samples: int = 64
    """Paths through each pixel, at most."""
    noise: float | None = None
    """Stop a picture once its relative error is this small, for example 0.02."""
    denoise: bool = False
    """Filter the noise out of the pictures (extra "denoise"): to learn from few samples, not for truth."""
    surface: bool = False
    """Give organ surfaces a sheen, as cinematic rendering does; a look, not physics."""
    seed: int = 0
    """Another seed gives other views, other jitter and other noise."""
