"""What ``kernels`` do to rows, by PyTorch's own operations: for rows on a GPU, which bears the passes of autograd."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tomosplat.fitting.kernels import BETA1, BETA2, EPSILON
from tomosplat.fitting.parameters import to_tensors
from tomosplat.fitting.settings import Model


def has_kernels(rows: Tensor) -> bool:
    """Whether ``kernels`` can work on these rows."""
    return rows.device.type == "cpu"


@torch.no_grad()
def activated(rows: Tensor, model: Model) -> dict[str, Tensor]:
    """The tensors that rows [N, P] mean, in memory of their own."""
    return {name: tensor.clone().contiguous() for name, tensor in to_tensors(rows, model).items()}


def step_tensors(
    rows: Tensor,
    gradients: Mapping[str, Tensor],
    momentum: Tensor,
    energy: Tensor,
    counts: Tensor,
    rates: Tensor,
    model: Model,
) -> int:
    """Adam's step of the rows that have a gradient, as ``kernels.step`` takes it; all but the gradients is updated.

    Returns:
        The flat index of the first entry whose gradient is not finite, or −1; its row is not updated.
    """
    leaf = rows.detach().requires_grad_()
    with torch.enable_grad():
        tensors = to_tensors(leaf, model)
    by_tensors = [gradients[name] for name in tensors]
    (gradient,) = torch.autograd.grad(list(tensors.values()), leaf, by_tensors)
    with torch.no_grad():
        wrong = ~gradient.isfinite()
        moved = (gradient != 0).any(dim=1) & ~wrong.any(dim=1)
        gradient = torch.where(moved[:, None], gradient, 0)
        counts += moved
        beta1, beta2 = float(BETA1), float(BETA2)
        for memory, beta, by in ((momentum, beta1, gradient), (energy, beta2, gradient * gradient)):
            memory.copy_(torch.where(moved[:, None], beta * memory + (1 - beta) * by, memory))
        taken = counts.clamp_min(1)[:, None].to(rows.dtype)
        unbiased = momentum / (1 - beta1**taken)
        change = rates * unbiased / ((energy / (1 - beta2**taken)).sqrt() + float(EPSILON))
        rows -= torch.where(moved[:, None], change, 0)
        return int(wrong.flatten().nonzero()[0, 0]) if bool(wrong.any()) else -1
