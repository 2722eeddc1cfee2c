"""How kernels are started, on a GPU and in Triton's interpreter alike."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor


def launch(kernel: Any, programs: int, *arguments: Any, **options: Any) -> None:
    """Run ``programs`` programs of a kernel on the device of its first tensor; none where there is nothing to do."""
    if programs == 0:
        return
    device = next(a.device for a in arguments if isinstance(a, Tensor))
    on_device = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    # The interpreter computes with NumPy, which would warn where a GPU says nothing.
    with on_device, np.errstate(all="ignore"):
        kernel[(programs,)](*arguments, enable_fp_fusion=True, **options)
