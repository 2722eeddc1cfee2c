"""Whether there is a GPU to render on, and why not. Imports no Triton."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import torch

from tomosplat import machine
from tomosplat.errors import BackendUnavailableError


def interpreted() -> bool:
    """Whether Triton runs kernels one operation after the other on the CPU, as tests have it do."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def gpu_problem() -> str | None:
    """Why nothing can be rendered on a GPU here, and what to do; None where it can."""
    if not torch.cuda.is_available():
        if torch.version.cuda is None:
            return f"torch {torch.__version__} is built without CUDA; install a CUDA build (pytorch.org)"
        return "torch finds no NVIDIA GPU; see nvidia-smi"
    if torch.version.hip is not None:
        return "rendering on AMD GPUs was never tried"
    if torch.cuda.get_device_capability() < (8, 0):
        major, minor = torch.cuda.get_device_capability()
        return f"{torch.cuda.get_device_name()} has compute capability {major}.{minor}; at least 8.0 is needed"
    if find_spec("triton") is None:
        return 'Triton is not installed; pip install "tomosplat[gpu]" (Linux x86_64)'
    return None


def check_gpu(device: torch.device) -> None:
    """Refuse what cannot be rendered where its tensors are.

    Raises:
        BackendUnavailableError: There is no GPU or no Triton, or the tensors are not on a GPU.
    """
    if interpreted() and device.type == "cpu":
        return
    problem = gpu_problem()
    if problem:
        raise BackendUnavailableError(f"rendering on a GPU is not possible here: {problem}; or use backend='cpu'")
    if device.type != "cuda":
        raise BackendUnavailableError(
            f"rendering on a GPU needs a scene that is there, this one is on '{device}'; use scene.to('cuda')"
        )


def free_memory(device: torch.device) -> int:
    """Bytes that can be taken where tensors of this device are."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    return machine.available_memory()


def describe_gpu_backend() -> dict[str, Any]:
    """Which GPU renders scenes that are on it, or why none does."""
    problem = gpu_problem()
    if problem:
        return {"used": False, "why": problem}
    return {
        "used": "for scenes that are there: scene.to('cuda')",
        "device": torch.cuda.get_device_name(),
        "memory_gb": round(torch.cuda.get_device_properties().total_memory / 1e9, 1),
        "triton": machine.version_of("triton"),
    }
