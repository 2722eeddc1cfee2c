"""Whether there is a GPU to render on, and why not. Imports no Triton."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from typing import Any, Literal, get_args

import torch

from tomosplat import machine
from tomosplat.errors import BackendUnavailableError, InputError

Device = Literal["auto", "cpu", "cuda"]
#: The oldest versions that the kernels are written for.
_OLDEST_TORCH, _OLDEST_TRITON = (2, 11), (3, 6)


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
    return _too_old("torch", torch.__version__, _OLDEST_TORCH) or _too_old(
        "triton", machine.version_of("triton"), _OLDEST_TRITON
    )


def _too_old(package: str, version: str, oldest: tuple[int, int]) -> str | None:
    """What to do about an old version; None for one that is new enough, or whose number is not told."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if len(numbers) < 2 or numbers >= oldest:
        return None
    needed = ".".join(map(str, oldest))
    return f"{package} {version} is too old for the kernels; {package} {needed} or newer is needed"


def choose_device(device: Device) -> torch.device:
    """Where to compute: "auto" is a GPU if there is one that can be used, and the CPU if not.

    Raises:
        InputError: There is no such choice.
        BackendUnavailableError: "cuda" is asked for, and there is no GPU that can be used.
    """
    if device not in get_args(Device):
        raise InputError(f"device must be 'auto', 'cpu' or 'cuda', got {device!r}")
    if device == "cpu":
        return torch.device("cpu")
    problem = "TRITON_INTERPRET=1 has kernels run on the CPU" if interpreted() else gpu_problem()
    if problem is None:
        return torch.device("cuda")
    if device == "cuda":
        raise BackendUnavailableError(f"a GPU was asked for, and none can be used: {problem}; or use --device cpu")
    return torch.device("cpu")


def describe_device(device: torch.device) -> str:
    """For reports: the GPU's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


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
        "used": "unless --device cpu is given; in Python, for what is on it: scene.to('cuda')",
        "device": torch.cuda.get_device_name(),
        "memory_gb": round(torch.cuda.get_device_properties().total_memory / 1e9, 1),
        "triton": machine.version_of("triton"),
    }
