"""What this machine is: versions, processor, memory, caches. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs
import psutil

_REPORTED_PACKAGES = ("tomosplat", "torch", "numba", "numpy", "scipy", "SimpleITK", "pydicom", "av")


def cache_dir() -> Path:
    """Folder for what may be fetched or made again; ``TOMOSPLAT_CACHE`` overrides the user's cache."""
    override = os.environ.get("TOMOSPLAT_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("tomosplat", appauthor=False))


def versions() -> dict[str, str]:
    """Installed versions of tomosplat and the packages that its results depend on."""
    found = {"python": platform.python_version()}
    return found | {name: version_of(name) for name in _REPORTED_PACKAGES}


def version_of(package: str) -> str:
    """Installed version of a distribution, or "absent"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def available_memory() -> int:
    """Bytes that can be taken without swapping."""
    return int(psutil.virtual_memory().available)


def total_memory() -> int:
    """Bytes that this machine has."""
    return int(psutil.virtual_memory().total)


def peak_memory() -> int:
    """Most bytes that this process has held at once."""
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if platform.system() == "Darwin" else 1024)


def describe_machine() -> dict[str, Any]:
    """Processor, memory and system, for reports."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }
