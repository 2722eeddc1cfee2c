"""Density control of folded Gaussians as MedGS has it: clone, split, remove, and fade now and then."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tomosplat.slices.folded_model import FoldedModel
from tomosplat.slices.gaussian_fit import SliceFitState

#: Steps between rounds, the first one, and the share of all steps after which nothing is added any more.
_EVERY, _FIRST, _LAST = 100, 500, 2 / 3
#: Mean gradient, by place in a frame of −1..1 and by the logit of time, above which there is too little.
_PULLED = 2e-4
#: Sizes in a frame that is 0.72 wide: those larger are split instead of cloned, and removed.
_LARGE, _TOO_LARGE, _FRAME = 0.011, 0.11, 0.72
#: Standard deviations in px of which three are more than 20 px.
_TOO_WIDE_PX = 20 / 3
_REMOVE_BELOW, _FADED = 0.01, 0.01
_FADE_EVERY = 3000
#: How much smaller each half of a split Gaussian is.
_SHRINK = 1.6


@dataclass(frozen=True)
class FoldedDensity:
    """What ``fit_model`` calls after each step.

    Attributes:
        model: The Gaussians; what is gathered of them is kept in the model, so that a fit can go on from a file.
        iterations: Steps of the whole fit.
    """

    model: FoldedModel
    iterations: int

    @torch.no_grad()
    def __call__(self, state: SliceFitState) -> None:
        """Gather, and change the Gaussians where it is time to."""
        if state.iteration >= _LAST * self.iterations:
            return
        self._gather()
        if state.iteration > _FIRST and state.iteration % _EVERY == 0:
            self._add_and_remove(state)
        if state.iteration % _FADE_EVERY == 0:
            self._fade(state)

    def _gather(self) -> None:
        model = self.model
        if model.positions.grad is None or model.times.grad is None:
            return
        height, width = model.size
        by_place = model.positions.grad * model.positions.new_tensor([width / 2, height / 2])
        seen = model.positions.grad.abs().sum(dim=1) > 0
        model.pulls += torch.stack([by_place.norm(dim=1), model.times.grad.abs() * model.n_frames / 4, seen.float()], 1)

    def _add_and_remove(self, state: SliceFitState) -> None:
        model = self.model
        pull = model.pulls[:, :2] / model.pulls[:, 2:].clamp_min(1)
        scale = model.log_scales.exp().amax(dim=1)
        pixels = model.size[1] / _FRAME
        pulled, timed = pull[:, 0] >= _PULLED, pull[:, 1] >= _PULLED
        large, lasting = scale > _LARGE * pixels, model.log_spans.exp() > model.n_frames
        split = (pulled & large) | (timed & lasting)
        clone = ((pulled & ~large) | (timed & ~lasting)) & ~split
        keep = torch.stack([torch.sigmoid(o) for o in model.opacity_logits.values()]).amax(dim=0) >= _REMOVE_BELOW
        if state.iteration > _FADE_EVERY:
            keep &= (scale <= _TOO_LARGE * pixels) & (scale <= _TOO_WIDE_PX)
        stay, halves = (keep & ~split).nonzero()[:, 0], (keep & split).nonzero()[:, 0]
        # New ones come last, and so behind the others.
        chosen = torch.cat([stay, (keep & clone).nonzero()[:, 0], halves, halves])
        if len(chosen) == 0:
            return
        self._select(state, chosen, len(stay))
        self._halve(state, len(chosen) - 2 * len(halves))

    def _halve(self, state: SliceFitState, first: int) -> None:
        """Spread the Gaussians from ``first`` on over what their parents covered, and make them smaller."""
        model = self.model
        scales, angles = model.log_scales[first:].exp(), model.angles[first:]
        noise = torch.from_numpy(state.rng.standard_normal((len(angles), 2))).float() * scales
        cos, sin = torch.cos(angles), torch.sin(angles)
        model.positions[first:, 0] += cos * noise[:, 0] - sin * noise[:, 1]
        model.positions[first:, 1] += sin * noise[:, 0] + cos * noise[:, 1]
        model.log_scales[first:] -= torch.log(torch.tensor(_SHRINK))

    def _select(self, state: SliceFitState, chosen: Tensor, old: int) -> None:
        """Keep the Gaussians ``chosen``, in that order; all but the first ``old`` of them begin without momentum."""
        for parameter in self.model.parameters():
            parameter.data = parameter.data[chosen]
            parameter.grad = None
            memory = state.optimiser.state.get(parameter, {})
            for name in ("exp_avg", "exp_avg_sq"):
                if name in memory:
                    memory[name] = memory[name][chosen]
                    memory[name][old:] = 0
        self.model.pulls = self.model.pulls.new_zeros(len(chosen), 3)

    def _fade(self, state: SliceFitState) -> None:
        for logits in self.model.opacity_logits.values():
            logits.clamp_(max=float(torch.logit(torch.tensor(_FADED))))
            memory = state.optimiser.state.get(logits, {})
            for name in ("exp_avg", "exp_avg_sq"):
                if name in memory:
                    memory[name].zero_()
