"""The result of a fit: 3D Gaussians that hold what is inside the body, and show any slice through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.geometry import SlicePlane
from tomosplat.render import SliceImage, slice_gaussians
from tomosplat.slices.fit_settings import SliceBlending
from tomosplat.slices.palette import nearest_class
from tomosplat.slices.targets import ValueRange
from tomosplat.volume import Unit


@dataclass(frozen=True, eq=False)
class SliceScene:
    """N Gaussians that were fitted to slices.

    Attributes:
        means: [N, 3] RAS+ mm.
        covs: [N, 6] mm²: xx, xy, xz, yy, yz, zz.
        opacities: [N].
        values: [N, C + S]: C channels of the image, then S that stand for labels.
        blending: How they add up.
        value_range: What 0 and 1 of the image mean.
        channels: C.
        classes: Label ids, 0 first, one for each score; empty where there are none.
        coloured: The labels are shown as colours of ``palette`` instead of a score for each.
        planes: The slices that were given.
        unit: "HU" where the slices were of calibrated CT, else "arbitrary".
        provenance: How the scene was made.
    """

    means: Tensor
    covs: Tensor
    opacities: Tensor
    values: Tensor
    blending: SliceBlending
    value_range: ValueRange
    channels: int = 1
    classes: tuple[int, ...] = ()
    coloured: bool = False
    planes: tuple[SlicePlane, ...] = ()
    unit: Unit = "arbitrary"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.means)

    def to(self, device: torch.device) -> SliceScene:
        """The same scene on another device, which is where its slices are rendered."""
        names = ("means", "covs", "opacities", "values")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    @torch.no_grad()
    def render(self, planes: Sequence[SlicePlane]) -> Iterator[SliceImage]:
        """Slices one after the other, so that a volume need never be in memory as a whole."""
        for plane in planes:
            (image,) = slice_gaussians(
                self.means, self.covs, self.opacities, self.values, [plane], blending=self.blending
            )
            yield image

    def images(self, planes: Sequence[SlicePlane]) -> Iterator[NDArray[np.float32]]:
        """The image of each slice in the scan's own values, [H, W, C]."""
        for image in self.render(planes):
            yield self.value_range.from_unit(image.values[..., : self.channels].cpu().numpy())

    def labels(self, planes: Sequence[SlicePlane]) -> Iterator[NDArray[np.uint8]]:
        """The label ids of each slice, [H, W]."""
        for image in self.render(planes):
            yield self.labels_of(image)

    def labels_of(self, image: SliceImage) -> NDArray[np.uint8]:
        """The label ids that a picture of ``render`` means, [H, W]."""
        semantic = image.values[..., self.channels :]
        if self.coloured:
            chosen = nearest_class(semantic, len(self.classes))
        else:
            scores = semantic.clone()
            scores[..., 0] += 1 - semantic.sum(dim=-1)  # what no Gaussian says anything of is background
            chosen = scores.argmax(dim=-1)
        ids: NDArray[np.uint8] = np.array(self.classes, np.uint8)[chosen.cpu().numpy()]
        return ids
