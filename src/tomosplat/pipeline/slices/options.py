"""What can be asked of ``tomosplat slices fit``, ``slices fill`` and ``slices render``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tomosplat.pipeline.options import DeviceOptions

Method = Literal["auto", "flow", "inner", "triplane", "folded"]


@dataclass(frozen=True, kw_only=True)
class SliceReadOptions:
    """What the files of slices do not say themselves."""

    axis: Literal["axial", "coronal", "sagittal", "thick"] = "thick"
    """Along which the slices of a volume follow one another; thick: along its largest spacing."""
    spacing: tuple[float, float, float] | None = None
    """Millimetres from column to column, row to row and frame to frame of a folder of PNG frames, which does not know
    them."""
    labels: tuple[Path, ...] = ()
    """Label maps of the sources (or folders of PNG masks), one for each, carried along with the image."""
    label_threshold: float | None = None
    """What lies above it in label maps is label 1."""
    series: str | None = None
    """Which series of a DICOM folder: its UID, its number in the list, or a unique part of its description."""
    image_to_probe: tuple[float, ...] | None = None
    """Of tracked frames: the calibration from pixels to the probe's mm, 16 numbers row by row."""


@dataclass(frozen=True, kw_only=True)
class SliceFitOptions(SliceReadOptions, DeviceOptions):
    """How slices are fitted."""

    method: Method = "auto"
    """flow: Gaussians fitted to the slices and to motion-compensated ones in between; inner: to the slices alone
    (InnerGS); triplane: the same, modulated by three feature planes; folded: 2D Gaussians that move and fade from frame
    to frame (MedGS). auto: folded for a folder of PNG frames, flow for all else."""
    gap: Literal["auto", "motion", "crossfade", "none"] = "auto"
    """What is asked of the gaps between slices: motion-compensated slices, cross-faded ones (IBFR of MedGS), or
    nothing. auto: motion for flow, crossfade for folded, none for the rest."""
    quality: Literal["draft", "default", "high"] = "default"
    """Of motion-compensated slices: motion alone, or with a small network taught by the given slices, for longer."""
    blending: Literal["auto", "normalised", "alpha", "additive"] = "auto"
    """How Gaussians add up in a slice; auto: normalised, or alpha with --as-published."""
    semantic: Literal["scores", "colours"] = "scores"
    """What stands for labels: a score for each, or a colour picture, as the tri-plane paper has it."""
    as_published: bool = False
    """Run inner, triplane and folded as their authors do: random start, alpha blending, their losses and rates, and as
    many steps. For comparison: the results are worse."""
    iterations: int | None = None
    """Steps; by default what the method needs."""
    pitch: float = 2.0
    """Pixels between Gaussians at the start; 3 makes a draft."""
    learning_rate: float = 1.0
    """Factor on all learning rates."""
    seed: int = 0
    """Another seed shows the slices in another order."""
    preview: Path | None = None
    """Keep this PNG up to date with a given slice as it looks now, right of the truth."""


@dataclass(frozen=True, kw_only=True)
class FoldedOptions:
    """How the folded method (MedGS) works; names and defaults are those of its README."""

    pipeline: Literal["img", "seg", "joint"] = "img"
    """Fit the image, a binary mask, or both on one geometry with a head each."""
    seg_source_path: Path | None = None
    """For --pipeline joint: the dataset of the masks, as many frames as the images and numbered alike."""
    seg_head_only: bool = False
    """With --pipeline seg: freeze the geometry and the image head of --start-checkpoint, fit the mask's head alone."""
    lambda_img: float = 1.0
    """Weight of the image's loss in joint fits."""
    lambda_seg: float = 1.0
    """Weight of the mask's loss in joint fits."""
    start_checkpoint: Path | None = None
    """Go on from this checkpoint (chkpntN.safetensors)."""
    save_xyz: bool = False
    """Save the Gaussians' positions now and then to xyz/ in the result's folder."""
    random_background: bool = False
    """Put another random grey behind transparent frames at every step."""
    poly_degree: int = 7
    """Degree of the polynomial that a Gaussian moves by."""
    batch_size: int = 3
    """Neighbouring frames in each step."""
    test_iterations: tuple[int, ...] = ()
    """Steps after which the PSNR of the frames is taken; by default ten times, evenly."""
    save_iterations: tuple[int, ...] = ()
    """Steps after which the Gaussians are saved, beside the last."""
    checkpoint_iterations: tuple[int, ...] = ()
    """Steps after which everything is saved that --start-checkpoint needs to go on to the bit."""


@dataclass(frozen=True, kw_only=True)
class SliceGridOptions:
    """Where a volume has its voxels; by default where the slices have their pixels."""

    voxel: float | None = None
    """Write volumes of cubes of this edge in mm, along the patient's axes."""
    like: Path | None = None
    """Write volumes on the voxels of this one."""


@dataclass(frozen=True, kw_only=True)
class SliceFillOptions(SliceReadOptions, SliceGridOptions):
    """How gaps are filled."""

    interp: int | None = None
    """Slices for each one given: 4 puts three in between. By default they come to lie as near as pixels do."""
    quality: Literal["draft", "default", "high"] = "default"
    """Motion alone, or with a small network taught by the given slices, for longer."""
    label_output: Path | None = None
    """Write the labels that were carried along (.nii.gz)."""


@dataclass(frozen=True, kw_only=True)
class SliceRenderOptions(SliceGridOptions, DeviceOptions):
    """What is rendered of a fit."""

    interp: int = 1
    """Slices for each one given: 4 shows three in between."""
    pipeline: Literal["img", "seg", "both"] = "img"
    """The image, the mask, or both."""
    iteration: int = -1
    """Which checkpoint; -1: the last."""
    chunks: int = 1
    """Render in so many parts, to need less memory."""
    extension: str = ".png"
    """Format of the pictures: .png, .jpg, .bmp or .tif."""
    mask_path: Path | None = None
    """Folder of PNG masks named as the pictures are (00000_0.png, ...): black pixels are left black."""
    generate_points_path: Path | None = None
    """Folder to which the places of the Gaussians that each picture shows are written (.npy, [N, 2] pixels or
    [N, 3] mm)."""
    volume: Path | None = None
    """Write all slices as one volume too (.nii.gz), in the scan's own values."""
    label_volume: Path | None = None
    """Write the labels as one volume too (.nii.gz)."""
