"""What a renderer learns from: scans, and pictures of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.errors import InputError, ShapeError
from tomosplat.geometry import Cameras
from tomosplat.volume import Volume


@dataclass(frozen=True, eq=False)
class Subject:
    """A scan and how it should look.

    Attributes:
        name: What to call it.
        volume: The scan.
        cameras: One for each picture.
        pictures: [C, H, W, 4] float32 in 0..1, colour over black and opacity.

    Raises:
        ShapeError: Pictures and cameras disagree in number or size.
        InputError: A picture is not finite, or all are black, or all transparent.
    """

    name: str
    volume: Volume
    cameras: Cameras
    pictures: Tensor

    def __post_init__(self) -> None:
        expected = (len(self.cameras), self.cameras.height, self.cameras.width, 4)
        if tuple(self.pictures.shape) != expected or self.pictures.dtype != torch.float32:
            raise ShapeError(
                f"{self.name}: its cameras need float32 pictures {expected}, "
                f"got {self.pictures.dtype} {tuple(self.pictures.shape)}"
            )
        if not bool(self.pictures.isfinite().all()):
            raise InputError(f"{self.name}: a picture holds NaN or infinite values; render it again")
        if not bool(self.pictures[..., :3].any()):
            raise InputError(f"{self.name}: all pictures are black: nothing can be learned from them")
        if not bool(self.pictures[..., 3].any()):
            raise InputError(f"{self.name}: all pictures are transparent: nothing can be learned from them")

    def only(self, views: list[int]) -> Subject:
        """The same scan with some of its views."""
        return Subject(self.name, self.volume, self.cameras[views], self.pictures[views])


def split_subjects(subjects: list[Subject], share: float, seed: int) -> tuple[list[Subject], list[Subject]]:
    """What is trained on and what is held out: whole subjects, or views if there is one subject alone.

    Args:
        subjects: All.
        share: Of subjects or views that are held out, rounded, at least one.
        seed: Draws which.

    Raises:
        InputError: Nothing would be left on one side.
    """
    alone = len(subjects) == 1
    n = len(subjects[0].cameras) if alone else len(subjects)
    out = max(1, round(share * n))
    if not 0 < share < 1 or out >= n:
        raise InputError(
            f"a share of {share:g} of {n} {'views' if alone else 'subjects'} cannot be held out; "
            "at least one must be trained on and one held out"
        )
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    held, kept = sorted(order[:out]), sorted(order[out:])
    if alone:
        return [subjects[0].only(kept)], [subjects[0].only(held)]
    return [subjects[i] for i in kept], [subjects[i] for i in held]
