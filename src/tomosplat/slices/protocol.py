"""The hold-out protocol: what of a volume is given, what is held out, and what counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import ConstantSlicesError, InputError, SliceSpacingError
from tomosplat.geometry import FloatArray
from tomosplat.slices.stack import SliceStack

#: Percentiles of the volume that become 0 and 1; values beyond are clipped.
RANGE = (0.5, 99.5)
#: Brightness that counts as content, pixels kept around it, and the range below which a slice counts as constant.
CONTENT, MARGIN, CONSTANT = 0.03, 2, 0.05


@dataclass(frozen=True, eq=False)
class HoldOut:
    """A prepared volume, cut into what is given and what is held out.

    Attributes:
        truth: All slices, of a range 0..1, cropped to content.
        given: Indices of the given slices.
        held_out: Indices of those to be found: between the first and the last given one, and not constant.
        skipped: How many between them were constant: they would count as perfect.
    """

    truth: SliceStack
    given: NDArray[np.int64]
    held_out: NDArray[np.int64]
    skipped: int

    @property
    def stack(self) -> SliceStack:
        """The given slices."""
        return self.truth.subset(self.given)

    @property
    def at(self) -> FloatArray:
        """Where the held-out slices are."""
        return self.truth.positions[self.held_out]


def binned(stack: SliceStack, pixels: int, slices: int) -> SliceStack:
    """Means over blocks of pixels and slices; labels of each block's first. What fills no block is left out."""
    if min(pixels, slices) < 1:
        raise InputError(f"blocks must be of at least 1 pixel and 1 slice, got {pixels} and {slices}")
    if pixels == slices == 1:
        return stack
    n, height, width = len(stack) // slices, stack.shape[0] // pixels, stack.shape[1] // pixels
    if min(n, height, width) < 1:
        raise InputError(f"blocks of {pixels} pixels and {slices} slices do not fit into {stack.values.shape}")
    whole = stack.values[: n * slices, : height * pixels, : width * pixels]
    means = whole.reshape(n, slices, height, pixels, width, pixels).mean(axis=(1, 3, 5))
    labels = stack.labels
    if labels is not None:
        labels = np.ascontiguousarray(labels[: n * slices, : height * pixels, : width * pixels])
        labels = labels[::slices, ::pixels, ::pixels].copy()
    affine = stack.affine.copy()
    affine[:3, 3] = stack.affine[:3] @ [(pixels - 1) / 2, (pixels - 1) / 2, (slices - 1) / 2, 1]
    affine[:3, :3] *= [pixels, pixels, slices]
    return replace(stack, values=means, labels=labels, affine=affine, positions=np.arange(n, dtype=np.float64))


def scaled(stack: SliceStack) -> SliceStack:
    """Values between two percentiles of the volume as 0..1, the rest clipped.

    Raises:
        ConstantSlicesError: Both percentiles are the same.
    """
    low, high = np.percentile(stack.values, RANGE)
    if high <= low:
        raise ConstantSlicesError(
            f"{RANGE[1] - RANGE[0]:g} % of the volume are of one value ({low:g}): there is nothing to compare"
        )
    values = (np.clip(stack.values, low, high) - low) / (high - low)
    return replace(stack, values=values.astype(np.float32))


def cropped(stack: SliceStack, at_most: int | None = None) -> SliceStack:
    """The box that holds what is brighter than ``CONTENT``, and a margin; at most so many slices and pixels a side."""
    content = stack.values > CONTENT
    box = []
    for axis in range(3):
        where = np.flatnonzero(content.any(axis=tuple(a for a in range(3) if a != axis)))
        first, last = max(int(where[0]) - MARGIN, 0), min(int(where[-1]) + MARGIN + 1, content.shape[axis])
        if at_most is not None and last - first > at_most:
            first = first + (last - first - at_most) // 2
            last = first + at_most
        box.append(slice(first, last))
    affine = stack.affine.copy()
    affine[:3, 3] = stack.affine[:3] @ [box[2].start, box[1].start, 0, 1]
    labels = None if stack.labels is None else np.ascontiguousarray(stack.labels[tuple(box)])
    return replace(
        stack,
        values=np.ascontiguousarray(stack.values[tuple(box)]),
        labels=labels,
        affine=affine,
        positions=stack.positions[box[0]],
    )


def hold_out(stack: SliceStack, fraction: float) -> HoldOut:
    """Give a fraction of the slices and hold out the rest: 25 % is every fourth, 95 % all but one in twenty.

    Raises:
        InputError: The fraction is not within 0..1.
        SliceSpacingError: There are too few slices.
        ConstantSlicesError: Every slice between the given ones is constant.
    """
    if not 0 < fraction < 1:
        raise InputError(f"--fraction must lie between 0 and 1, got {fraction:g}")
    index = np.arange(len(stack))
    if fraction <= 0.5:
        given = index[:: round(1 / fraction)]
    else:
        every = round(1 / (1 - fraction))
        given = index[index % every != every // 2]
    if len(given) < 2:
        raise SliceSpacingError(f"{fraction:g} of {len(stack)} slices leave {len(given)}; at least two must be given")
    between = np.setdiff1d(index[given[0] : given[-1]], given)
    varied = np.ptp(stack.values[between], axis=(1, 2)) >= CONSTANT
    if not varied.any():
        raise ConstantSlicesError(f"all {len(between)} slices to be held out are of one value: nothing can be compared")
    return HoldOut(stack, given, between[varied], int((~varied).sum()))
