"""The 6D Gaussian scene: what every renderer, writer and optimiser shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from tomosplat.errors import ShapeError
from tomosplat.gaussians.fidelity import Fidelity

#: λ in the opacity weight exp(−λ xᵀ Σdd⁻¹ x); 0.35 is the value of the 6DGS authors' code.
DEFAULT_DIRECTION_WEIGHT = 0.35


@dataclass(frozen=True, eq=False)
class GaussianScene:
    """N Gaussians in position and view direction, held activated and in physical units.

    A 6D Gaussian over (position p, unit view direction v) enters every image only through its distribution of
    p given v. Its covariance does not depend on v, so that and the two matrices that do are what is stored:

    * mean given v:     ``means + gains @ (v − means_dir)``
    * opacity given v:  ``opacities · exp(−direction_weight · xᵀ P x)`` with x = v − means_dir, P = precisions_dir

    where v points from the camera to the Gaussian (Gao et al., 6D Gaussian Splatting, eq. 5 to 8).

    Attributes:
        means: [N, 3] mm, RAS+.
        means_dir: [N, 3], unit vectors.
        covs: [N, 6] mm², covariance of position given direction: xx, xy, xz, yy, yz, zz.
        gains: [N, 3, 3] mm, shift of the mean per unit of direction, Σpd Σdd⁻¹.
        precisions_dir: [N, 6], Σdd⁻¹: xx, xy, xz, yy, yz, zz.
        opacities: [N] in 0..1.
        sh: [N, 4, 3], spherical harmonics of degree 1; colour = max(0, 0.5 + Σ sh Y(v)), display-referred (sRGB).
        labels: [N] uint8, organ of each Gaussian.
        values: [N] the scan's value (HU for CT) that each Gaussian stands for, or None where that is not known.
        illumination: [N, 3] J, the light that arrives, linear RGB, mean over all directions; None where the colours
            were not made from light.
        errors: [N] difference from path-traced truth where each Gaussian is seen, sRGB in 0..1 (see
            ``Agreement.error``); NaN where no view shows it, None where nothing was measured.
        direction_weight: λ of the opacity weight.
        label_names: Name of each label id that occurs.
        shading: What else ``values`` and ``illumination`` need to make the colours anew, JSON-serialisable:
            ``functions`` (``TransferFunctions.to_dict``), ``rig`` (``LightRig.to_dict``), ``bounds_mm`` ([2, 3], the
            box that the rig stands around) and ``multiple_scattering`` (m of ``shade``); empty where it is not known.
        provenance: How the scene was made; JSON-serialisable.
        fidelity: What ``errors`` say of each organ, and how they were measured; None where nothing was.

    All float tensors share one dtype and device.

    Raises:
        ShapeError: A tensor's shape or dtype disagrees with ``means``.
    """

    means: Tensor
    means_dir: Tensor
    covs: Tensor
    gains: Tensor
    precisions_dir: Tensor
    opacities: Tensor
    sh: Tensor
    labels: Tensor
    values: Tensor | None = None
    illumination: Tensor | None = None
    errors: Tensor | None = None
    direction_weight: float = DEFAULT_DIRECTION_WEIGHT
    label_names: Mapping[int, str] = field(default_factory=dict)
    shading: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    fidelity: Fidelity | None = None

    def __post_init__(self) -> None:
        n = self.means.shape[0]
        expected = {
            "means": (n, 3),
            "means_dir": (n, 3),
            "covs": (n, 6),
            "gains": (n, 3, 3),
            "precisions_dir": (n, 6),
            "opacities": (n,),
            "sh": (n, 4, 3),
            "labels": (n,),
            "values": (n,),
            "illumination": (n, 3),
            "errors": (n,),
        }
        for name, shape in expected.items():
            tensor = getattr(self, name)
            if tensor is None and name in ("values", "illumination", "errors"):
                continue
            if tuple(tensor.shape) != shape:
                raise ShapeError(f"scene.{name} must have shape {shape}, got {tuple(tensor.shape)}")
            if name != "labels" and tensor.dtype != self.means.dtype:
                raise ShapeError(f"scene.{name} must be {self.means.dtype} as scene.means, got {tensor.dtype}")
        if self.labels.dtype != torch.uint8:
            raise ShapeError(f"scene.labels must be uint8, got {self.labels.dtype}")

    def _repr_html_(self) -> str:
        # By name: the viewer lives floors above, and files import only from floors below.
        html: str = import_module("tomosplat.viewer.notebook").scene_html(self)
        return html

    def __len__(self) -> int:
        return int(self.means.shape[0])

    def select(self, keep: Tensor) -> GaussianScene:
        """Return the Gaussians at ``keep`` (bool [N] or indices), with what was measured of them in the whole scene."""
        selected: dict[str, Any] = {name: tensor[keep] for name, tensor in self.tensors().items()}
        return replace(self, **selected)

    def unmeasured(self) -> GaussianScene:
        """The same without ``errors`` and ``fidelity``: for whoever changes what the scene looks like."""
        return replace(self, errors=None, fidelity=None)

    def to(self, *args: Any, **kwargs: Any) -> GaussianScene:
        """Convert the float tensors' dtype, or all tensors' device, as ``torch.Tensor.to``."""
        moved: dict[str, Any] = {name: tensor.to(*args, **kwargs) for name, tensor in self.tensors().items()}
        moved["labels"] = self.labels.to(moved["means"].device)
        return replace(self, **moved)

    def tensors(self) -> dict[str, Tensor]:
        """The scene's tensors by name, in the order of its attributes."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    @property
    def n_labels(self) -> int:
        """How many labels occur."""
        return int(torch.unique(self.labels).numel())
