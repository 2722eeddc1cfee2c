"""Who computes: chosen by the device of what is given, unless it is said."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from tomosplat.errors import BackendUnavailableError, InputError
from tomosplat.render.gpu.backend import check_gpu

Backend = Literal["auto", "cpu", "gpu", "reference"]


def choose_backend(backend: Backend, device: torch.device) -> Backend:
    """The backend to use for tensors on this device.

    Raises:
        InputError: There is no such backend.
        BackendUnavailableError: It is not there, or does not compute where the tensors are.
    """
    if backend not in get_args(Backend):
        raise InputError(f"backend must be 'auto', 'cpu', 'gpu' or 'reference', got {backend!r}")
    chosen: Backend = backend
    if backend == "auto":
        chosen = "cpu" if device.type == "cpu" else "gpu"
    if chosen == "gpu":
        check_gpu(device)
    elif device.type != "cpu":
        raise BackendUnavailableError(
            f"backend {backend!r} does not render on '{device}'; move what is drawn, as with scene.to('cpu')"
        )
    return chosen
