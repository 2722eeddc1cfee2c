"""What Gaussians are fitted to: slices anywhere, each with a weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import InputError, ShapeError, UnitsError
from tomosplat.geometry import SlicePlane
from tomosplat.slices.stack import SliceStack, TrackedFrames


@dataclass(frozen=True, eq=False)
class SliceTarget:
    """One slice and where it is.

    Attributes:
        plane: Its pixels in the body.
        image: [H, W, C] float32; 0..1 is the range that the fit is made for.
        semantic: [H, W] int64, the class of each pixel; or [H, W, S] float32, colours or a mask that stand for it; None
            where nothing is known of it.
        weight: Of its loss.
        time: Where it is for Gaussians that move from frame to frame.
        plain: Leave the structural term out of its loss.
        background: Grey behind Gaussians that move from frame to frame.

    Raises:
        ShapeError: The pictures are not of the plane's size.
        UnitsError: A pixel is not finite.
    """

    plane: SlicePlane
    image: Tensor
    semantic: Tensor | None = None
    weight: float = 1.0
    time: float = 0.0
    plain: bool = False
    background: float = 0.0

    def to(self, device: torch.device) -> SliceTarget:
        """The same slice on another device."""
        if self.image.device == device:
            return self
        semantic = None if self.semantic is None else self.semantic.to(device)
        return replace(self, image=self.image.to(device), semantic=semantic)

    def __post_init__(self) -> None:
        size = (self.plane.height, self.plane.width)
        for name, picture in (("image", self.image), ("semantic", self.semantic)):
            if picture is not None and tuple(picture.shape[:2]) != size:
                raise ShapeError(f"the {name} of a slice of {size} pixels has shape {tuple(picture.shape)}")
        if self.image.ndim != 3:
            raise ShapeError(f"the image of a slice must be [H, W, C], got {tuple(self.image.shape)}")
        if not bool(self.image.sum(dtype=torch.float64).isfinite()):
            raise UnitsError("a slice has pixels that are NaN or infinite; replace them and try again")


@dataclass(frozen=True)
class ValueRange:
    """Which values a fit sees as 0 and 1; nothing is cut off beyond them."""

    low: float
    high: float

    @classmethod
    def of(cls, stacks: Sequence[SliceStack | TrackedFrames]) -> ValueRange:
        """From the 0.5th to the 99.5th percentile of all pixels, or of all that differ if those are one.

        Raises:
            UnitsError: All pixels are of one value.
        """
        pixels = np.concatenate([stack.values.ravel() for stack in stacks])
        low, high = (float(v) for v in np.percentile(pixels, (0.5, 99.5)))
        if not high > low:
            low, high = float(pixels.min()), float(pixels.max())
        if not high > low:
            raise UnitsError(f"every pixel is {low}; there is nothing to fit")
        return cls(low, high)

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Values as the fit sees them."""
        return ((values - np.float32(self.low)) / np.float32(self.high - self.low)).astype(np.float32)

    def from_unit(self, values: np.ndarray) -> np.ndarray:
        """The other way."""
        return (values * np.float32(self.high - self.low) + np.float32(self.low)).astype(np.float32)


def slice_targets(
    slices: SliceStack | TrackedFrames, values: ValueRange, classes: Sequence[int] = (), weight: float = 1.0
) -> list[SliceTarget]:
    """The slices of a stack as targets; their labels by place in ``classes`` (ids, 0 first) where there are any.

    Raises:
        InputError: A label is not among the classes.
    """
    numbers = np.full(256, -1, np.int64)
    numbers[list(classes)] = np.arange(len(classes))
    targets = []
    for n, affine in enumerate(slices.planes):
        image = torch.from_numpy(values.to_unit(slices.values[n]))[..., None]
        semantic = None
        if classes and slices.labels is not None:
            semantic = torch.from_numpy(numbers[slices.labels[n]])
            if bool((semantic < 0).any()):
                raise InputError(f"slice {n} has a label that is none of the classes {list(classes)}")
        height, width = slices.values.shape[1:]
        time = float(slices.positions[n]) if isinstance(slices, SliceStack) else float(n)
        targets.append(SliceTarget(SlicePlane(affine, height, width), image, semantic, weight, time))
    return targets


def gaps_mm(slices: SliceStack | TrackedFrames) -> list[float]:
    """How far each slice is from its neighbours, in mm across it; the mean of both where there are two."""
    planes, middle = slices.planes, np.array([(slices.values.shape[2] - 1) / 2, (slices.values.shape[1] - 1) / 2, 0, 1])
    centers = (planes @ middle)[:, :3]
    normals = np.cross(planes[:, :3, 0], planes[:, :3, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    steps = np.abs((np.diff(centers, axis=0) * normals[:-1]).sum(axis=1))
    # Frames of a sweep may lie on one another.
    steps = np.maximum(steps, 0.1 * np.median(steps[steps > 0]) if (steps > 0).any() else 1.0)
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    return [float(gap) for gap in (padded[:-1] + padded[1:]) / 2]


#: Chooses what a step shows: given slices, and slices in the gaps; told the generator and the share of steps done.
Sampler = Callable[[np.random.Generator, float], tuple[list[SliceTarget], list[SliceTarget]]]


def any_slices(given: Sequence[SliceTarget], between: Sequence[SliceTarget], n_given: int, n_between: int) -> Sampler:
    """Any given slices (all of them for 0) and any of those in the gaps."""

    def choose(rng: np.random.Generator, _done: float) -> tuple[list[SliceTarget], list[SliceTarget]]:
        chosen = rng.integers(0, len(given), n_given) if n_given else range(len(given))
        extra = rng.integers(0, len(between), n_between) if between else ()
        return [given[i] for i in chosen], [between[i] for i in extra]

    return choose


def crossfade(a: SliceTarget, b: SliceTarget, share: float, weight: float = 1.0) -> SliceTarget:
    """The slice that lies ``share`` of the way from a to b, cross-faded (IBFR of MedGS, which knows no motion)."""
    affine = (1 - share) * a.plane.affine + share * b.plane.affine
    semantic = None
    if a.semantic is not None and b.semantic is not None and a.semantic.is_floating_point():
        semantic = (1 - share) * a.semantic + share * b.semantic
    return SliceTarget(
        SlicePlane(affine, a.plane.height, a.plane.width),
        (1 - share) * a.image + share * b.image,
        semantic,
        weight,
        (1 - share) * a.time + share * b.time,
        plain=True,
    )
