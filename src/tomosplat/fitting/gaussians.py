"""The Gaussians during a fit: raw rows, Adam's memory of them, and what each keeps from the scene it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError
from tomosplat.fitting.kernels import activate, step
from tomosplat.fitting.parameters import column_names, to_rows, to_scene, without_directions
from tomosplat.fitting.settings import Model
from tomosplat.fitting.tensor_steps import activated, has_kernels, step_tensors
from tomosplat.gaussians import GaussianScene
from tomosplat.threads import n_threads, run, split

#: What gradients flow to, as the kernels take it.
DIFFERENTIABLE = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh")
#: The parameter behind each tensor that may grow without bounds.
_RAW_NAMES = {"means": "means", "covs": "log_scales", "gains": "gains", "precisions_dir": "log_scales_dir", "sh": "sh"}
_ADVICE = "the last good state is kept; go on from it with a lower --learning-rate"


@dataclass
class FittedGaussians:
    """N Gaussians that are being fitted, each descended from one of the scene's.

    Attributes:
        model: Which columns there are.
        base: The scene before the fit, as the model sees it.
        base_rows: [M, P] float32, its rows (see ``parameters``).
        rows: [N, P] float32, the rows now.
        momentum: [N, P], Adam's mean gradient.
        energy: [N, P], Adam's mean squared gradient.
        counts: [N] int32, Adam's steps.
        origin: [N] int64, which of the scene's Gaussians each descends from: its labels and values are its own.
    """

    model: Model
    base: GaussianScene
    base_rows: Tensor
    rows: Tensor
    momentum: Tensor
    energy: Tensor
    counts: Tensor
    origin: Tensor

    @classmethod
    def of(cls, scene: GaussianScene, model: Model) -> FittedGaussians:
        """Begin with a scene; what was measured of it no longer holds."""
        scene = scene.unmeasured()
        rows = to_rows(scene, model)
        base = without_directions(scene) if model == "3dgs" else scene
        zeros, n = torch.zeros_like(rows), len(rows)
        counts = torch.zeros(n, dtype=torch.int32, device=rows.device)
        return cls(model, base, rows, rows.clone(), zeros, zeros.clone(), counts, torch.arange(n, device=rows.device))

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, indices: Tensor) -> None:
        """Keep the Gaussians at ``indices``, in that order; one that occurs twice is there twice."""
        for name in ("rows", "momentum", "energy", "counts", "origin"):
            setattr(self, name, getattr(self, name)[indices])

    def scene(self) -> GaussianScene:
        """The scene as it is now, with everything that each Gaussian's ancestor had."""
        return self.scene_of(self.rows, self.origin)

    def scene_of(self, rows: Tensor, origin: Tensor) -> GaussianScene:
        """The scene that other rows mean, descended from this one's Gaussians."""
        return to_scene(rows, self.base.select(origin), self.model)

    def leaf_scene(self) -> GaussianScene:
        """The scene as it is now, its fitted tensors leaves that gradients end in; without what splatting ignores."""
        n = len(self)
        tensors = {
            name: torch.empty(n, *getattr(self.base, name).shape[1:], device=self.rows.device)
            for name in DIFFERENTIABLE
        }
        if self.model == "3dgs":
            tensors |= {name: torch.zeros_like(tensors[name]) for name in ("means_dir", "gains", "precisions_dir")}
        if has_kernels(self.rows):
            arrays = [tensor.numpy() for tensor in tensors.values()]
            run(activate, [(a, b, self.rows.numpy(), *arrays) for a, b in split(len(self), 4 * n_threads())])
        else:
            tensors |= activated(self.rows, self.model)
        # 3DGS has no use for three of the gradients, but the splatting returns all in one pass anyway.
        leaves: dict[str, Any] = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        return replace(self.base, labels=self.base.labels[self.origin], values=None, illumination=None, **leaves)

    def step(self, leaves: GaussianScene, rates: Tensor) -> None:
        """Take Adam's step along the gradients of ``leaves``; Gaussians without a gradient stay as they are.

        Args:
            leaves: What ``leaf_scene`` returned, after a backward pass.
            rates: [P] learning rates.

        Raises:
            DivergedError: A gradient is not finite; the message names the parameter.
        """
        gradients = tuple(getattr(leaves, name).grad for name in DIFFERENTIABLE)
        adam = (self.momentum, self.energy, self.counts, rates)
        if has_kernels(self.rows):
            arrays = [tensor.numpy() for tensor in adam]
            by_scene = tuple(gradient.numpy() for gradient in gradients)
            jobs = [(a, b, self.rows.numpy(), by_scene, *arrays) for a, b in split(len(self), 4 * n_threads())]
            bad = min((index for index in run(step, jobs) if index >= 0), default=-1)
        else:
            by_name = dict(zip(DIFFERENTIABLE, gradients, strict=True))
            bad = step_tensors(self.rows, by_name, *adam, self.model)
        if bad >= 0:
            row, column = divmod(bad, self.rows.shape[1])
            raise DivergedError(
                f"the gradient of {column_names(self.model)[column]} of Gaussian {row} is not finite; {_ADVICE}"
            )

    def check_finite(self) -> None:
        """Pass if every row is finite.

        Raises:
            DivergedError: One is not; the message names the parameter.
        """
        # A sum is finite only if all its terms are, and ten times quicker to have.
        if not bool(self.rows.sum(dtype=torch.float64).isfinite()):
            row, column = (int(i) for i in torch.argwhere(~self.rows.isfinite())[0])
            raise DivergedError(f"{column_names(self.model)[column]} of Gaussian {row} is not finite; {_ADVICE}")

    def diverged(self, leaves: GaussianScene) -> DivergedError:
        """The error to raise when ``leaves`` cannot be splatted: names the parameter with the wildest value."""
        wildest = {name: getattr(leaves, name).detach().abs().nan_to_num(np.inf).max() for name in _RAW_NAMES}
        name = max(wildest, key=lambda name: float(wildest[name]))
        return DivergedError(
            f"{_RAW_NAMES[name]} ran away: its largest value means {float(wildest[name]):g}; {_ADVICE}"
        )
