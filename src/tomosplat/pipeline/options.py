"""What can be asked for; the command line shows these fields as its options. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Background = Literal["black", "white", "transparent"]
LightMode = Literal["march", "bake", "none"]
RigName = Literal["studio", "surgical", "soft"]


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a scan is read and labelled."""

    labels: Path | None = None
    """Label map of the scan with TotalSegmentator v2 ids. Without it, --segmenter finds labels."""
    segmenter: Literal["tissue", "totalsegmentator"] = "tissue"
    """Who labels the scan when no label map is given: tissues from HU alone, or TotalSegmentator (extra "segment")."""
    spacing: float = 1.5
    """Voxel edge of the working grid in mm; the Gaussians' grid is twice as coarse."""
    series: str | None = None
    """Which series of a DICOM folder: its UID, its number in the list, or a unique part of its description."""
    rescale: tuple[float, float] | None = None
    """Slope and intercept that turn stored values into HU, for a CT that was saved otherwise."""
    modality: Literal["ct", "mr", "us"] | None = None
    """What made the scan, where its file does not say. Signal of mr and us is made relative (0 air, 1 bright tissue)
    and, without --labels, the body is found as a whole."""
    renumber: dict[int, int] = field(default_factory=dict)
    """Label ids of the map that mean another id in TotalSegmentator v2: FOUND MEANT ..."""


@dataclass(frozen=True, kw_only=True)
class ScanOptions(ReadingOptions):
    """How a scan is read, labelled and coloured."""

    tf: str | None = None
    """Transfer functions: seen, unseen (CT), mr, us, or a file (our JSON, 3D Slicer .vp, ParaView .json); by default
    seen for CT, mr and us for these."""


@dataclass(frozen=True, kw_only=True)
class PrimingOptions:
    """How a prepared scan becomes a scene."""

    light: LightMode = "march"
    """march: light marched towards the rig's lights, on Gaussians matched to the voxels' moments; bake: the same
    Gaussians, their light path-traced, closer to the truth and slower; none: the papers' plain priming, flat colour."""
    drop_unseen: bool = False
    """With --light bake: leave out the Gaussians that no light path saw from outside. The scene is smaller and looks
    the same, but what lies inside is missing when organs are hidden or cut."""
    rig: RigName = "studio"
    """Where the light comes from, fixed in the patient's frame."""
    organs: str | None = None
    """Only these organs or groups, comma-separated ("skeleton,liver"); the light is theirs alone."""


@dataclass(frozen=True, kw_only=True)
class PredictingOptions:
    """How the network is run."""

    checkpoint: Path | None = None
    """Weights made by "tomosplat train" (.safetensors); by default those that come with the package."""
    tile: int | None = None
    """Edge of the parts that the scan is cut into, in voxels of the Gaussians' grid; by default as large as --memory
    allows. The result is the same."""
    memory: float = 4.0
    """GB that the network may use beside the scan."""


@dataclass(frozen=True, kw_only=True)
class ViewpointOptions:
    """From where to look, and what becomes of the pictures."""

    cameras: Path | None = None
    """Camera file (JSON); without it the view is set by --azimuth, --elevation and --size."""
    azimuth: float = 20.0
    """Degrees around the patient: 0 looks at the front, 90 at the left side."""
    elevation: float = 5.0
    """Degrees above the horizon: 90 looks down from above the head."""
    size: int = 800
    """Edge of the square picture in pixels."""
    background: Background = "black"
    """What is behind the scene; videos cannot be transparent."""
    frames: int = 120
    """Pictures of a turntable, spread over one turn."""
    fps: int = 30
    """Pictures per second of a video."""


@dataclass(frozen=True, kw_only=True)
class ViewOptions(ViewpointOptions):
    """What to show and from where."""

    organs: str | None = None
    """Show only these organs or groups, comma-separated ("skeleton,liver")."""


@dataclass(frozen=True, kw_only=True)
class CameraSetOptions:
    """Where the cameras of a set stand."""

    arrangement: Literal["sphere", "orbit", "hospital"] = "sphere"
    """Spread evenly over a sphere (without its poles), on a circle around the patient, or the six standard views:
    anterior, posterior, left, right, cranial, caudal."""
    n: int = 40
    """How many views of a sphere or an orbit."""
    elevation: float = 5.0
    """Of an orbit: degrees above the horizon."""
    size: int = 800
    """Edge of the square pictures in pixels."""


@dataclass(frozen=True, kw_only=True)
class FidelityOptions:
    """How a scene is compared with path-traced truth."""

    n_views: int = 24
    """How many views, spread evenly over a sphere around what is visible."""
    size: int = 400
    """Edge of the square pictures in pixels."""
    samples: int = 16
    """Paths through each pixel of each of the two pictures whose mean is the truth."""
    raw: bool = False
    """Compare with noisy pictures even where the extra "denoise" is installed."""
    seed: int = 0
    """Another seed gives other noise."""


Plane = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class TraceOptions:
    """How light is traced."""

    rig: RigName = "studio"
    """Where the light comes from, fixed in the patient's frame."""
    environment: Path | None = None
    """Light from all around instead of the rig's own: a latitude-longitude map (.hdr, .exr)."""
    samples: int = 64
    """Paths through each pixel, at most."""
    noise: float | None = None
    """Stop a picture once its relative error is this small, for example 0.02."""
    max_depth: int = 32
    """How often light is scattered on a path, at most."""
    phase_g: float = 0.0
    """Mean cosine of scattering (Henyey-Greenstein): 0 to all sides alike, towards 1 straight on."""
    surface: bool = False
    """Give organ surfaces a sheen, as cinematic rendering does; a look, not physics."""
    denoise: bool = False
    """Filter the noise out (extra "denoise"): for previews, never for truth; the report says so."""
    exposure: float = 1.0
    """Factor on the light before it is encoded."""
    clip: list[Plane] = field(default_factory=list)
    """Planes that cut the scan: a point and a normal in mm each; the half the normal points into stays."""
    seed: int = 0
    """Another seed gives other noise."""


@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """Where to compute."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """cuda: on an NVIDIA GPU; auto: there if it can be used ("tomosplat doctor" tells), else on the CPU."""


@dataclass(frozen=True, kw_only=True)
class MarchOptions(DeviceOptions):
    """How rays are marched."""

    mode: Literal["composite", "mip", "average"] = "composite"
    """Emission and absorption, the highest value on each ray, or the mean (as an X-ray picture)."""
    classification: Literal["post", "preintegrated"] = "post"
    """Classify the value in the middle of each step, or all values between its ends."""
    step: float = 0.5
    """Length of a step in mm."""
    flat: bool = False
    """Leave out the shading of surfaces."""
    window: tuple[float, float] | None = None
    """For mip and average: the values shown black and white."""
    clip: list[Plane] = field(default_factory=list)
    """Planes that cut the scan: a point and a normal in mm each; the half the normal points into stays."""
