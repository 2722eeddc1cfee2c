"""Density control: Gaussians cloned, split, pruned and faded as the pictures ask for it (Kerbl et al. 2023, sec. 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tomosplat.fitting.gaussians import FittedGaussians
from tomosplat.fitting.parameters import column_slices
from tomosplat.fitting.settings import FitSettings
from tomosplat.fitting.views import View
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras

#: Mean pull in half pictures from which on a Gaussian is cloned or split.
_PULL = 2e-4
#: Share of the extent above which it is split, not cloned, and above which it is far too large.
_SPLIT_ABOVE, _TOO_LARGE = 0.01, 0.1
#: Standard deviations of the two halves, as shares of the whole's (6DGS authors' code; 3DGS).
_HALF = {"6dgs": 0.8, "3dgs": 1 / 1.6}
#: Opacity after a reset.
_FADED = 0.01


@dataclass
class Density:
    """What is gathered between two rounds of density control.

    Attributes:
        pull: [N] float32, sum over views of |gradient of the loss| by a Gaussian's place in the picture, in half
            pictures (NDC), as 3DGS measures it.
        seen: [N] int64, views that had any.
    """

    pull: Tensor
    seen: Tensor

    @classmethod
    def zeros(cls, n: int, device: torch.device | None = None) -> Density:
        """Nothing gathered yet."""
        return cls(torch.zeros(n, device=device), torch.zeros(n, dtype=torch.int64, device=device))

    def gather(self, leaves: GaussianScene, camera: Cameras) -> None:
        """Add the gradients of one view.

        Splatting returns the gradient by the mean in mm. A mm across the line of sight is f / z pixels, so the
        gradient in half pictures is what of it lies across, times z W / 2 f.
        """
        if leaves.means.grad is None:
            return
        means, gradient = leaves.means.detach(), leaves.means.grad
        viewmat = torch.as_tensor(camera.viewmats[0], dtype=torch.float32, device=means.device)
        depths = means @ viewmat[2, :3] + viewmat[2, 3]
        half = [camera.width / 2 / camera.Ks[0, 0, 0], camera.height / 2 / camera.Ks[0, 1, 1]]
        pull = ((gradient @ viewmat[:2, :3].T) * viewmat.new_tensor(half)).norm(dim=1) * depths
        self.pull += pull
        self.seen += pull > 0

    def clear(self, n: int) -> None:
        """Begin again with n Gaussians."""
        self.pull, self.seen = self.pull.new_zeros(n), self.seen.new_zeros(n)


def camera_extent(views: Sequence[View]) -> float:
    """Size of the scene in mm as 3DGS has it: 1.1 times the largest distance of a camera from their middle."""
    positions = np.concatenate([view.camera.positions for view in views])
    return 1.1 * float(np.linalg.norm(positions - positions.mean(axis=0), axis=1).max())


def control_density(
    gaussians: FittedGaussians,
    density: Density,
    iteration: int,
    settings: FitSettings,
    extent: float,
    rng: np.random.Generator,
) -> None:
    """Densify, prune and fade where ``iteration`` is the time for it."""
    control = settings.density
    if iteration % control.every == 0:
        if control.densify and control.begin <= iteration < settings.iterations * control.end:
            _densify(gaussians, density, extent, rng)
        limit = extent * _TOO_LARGE if control.densify and iteration > control.fade_every else math.inf
        _prune(gaussians, control.prune_below, limit)
        density.clear(len(gaussians))
    if control.densify and iteration % control.fade_every == 0 and iteration < settings.iterations * control.end:
        _fade(gaussians)


def _densify(gaussians: FittedGaussians, density: Density, extent: float, rng: np.random.Generator) -> None:
    wanted = density.pull / density.seen.clamp_min(1) >= _PULL
    large = _largest_scales(gaussians) > _SPLIT_ABOVE * extent
    kept = torch.nonzero(~(wanted & large))[:, 0]
    cloned = torch.nonzero(wanted & ~large)[:, 0]
    split = torch.nonzero(wanted & large)[:, 0].repeat(2)
    gaussians.select(torch.cat([kept, cloned, split]))
    new = slice(len(kept), None)
    for memory in (gaussians.momentum, gaussians.energy, gaussians.counts):
        memory[new] = 0
    if len(split):
        _shrink(gaussians, slice(len(gaussians) - len(split), None), rng)


def _shrink(gaussians: FittedGaussians, halves: slice, rng: np.random.Generator) -> None:
    """Draw the place of each half from the whole and make it smaller."""
    at, rows = column_slices(gaussians.model), gaussians.rows[halves]
    spread = torch.linalg.cholesky(to_matrix(gaussians.scene_of(rows, gaussians.origin[halves]).covs.double()))
    draws = torch.from_numpy(rng.standard_normal((len(rows), 3, 1))).to(rows.device)
    rows[:, at["means"]] += (spread @ draws)[:, :, 0].float()
    smaller = math.log(_HALF[gaussians.model])
    rows[:, at["log_scales"]] += smaller
    if gaussians.model == "6dgs":
        rows[:, at["log_scales_dir"]] -= smaller  # of the precision


def _prune(gaussians: FittedGaussians, prune_below: float, largest_mm: float) -> None:
    logits = gaussians.rows[:, column_slices(gaussians.model)["opacity_logits"]][:, 0]
    keep = torch.sigmoid(logits) >= prune_below
    if largest_mm < math.inf:
        keep &= _largest_scales(gaussians) <= largest_mm
    if not bool(keep.all()):
        gaussians.select(torch.nonzero(keep)[:, 0])


def _fade(gaussians: FittedGaussians) -> None:
    at = column_slices(gaussians.model)["opacity_logits"]
    # What no view has shown could never come back, and is there for when what hides it is switched off.
    shown = gaussians.counts > 0
    gaussians.rows[shown, at] = gaussians.rows[shown, at].clamp_max(math.log(_FADED / (1 - _FADED)))
    gaussians.momentum[shown, at] = 0
    gaussians.energy[shown, at] = 0


def _largest_scales(gaussians: FittedGaussians) -> Tensor:
    """Largest standard deviation of each Gaussian in mm, [N]."""
    variances: Tensor = torch.linalg.eigvalsh(to_matrix(gaussians.scene().covs))[:, 2]
    return variances.clamp_min(0).sqrt()
