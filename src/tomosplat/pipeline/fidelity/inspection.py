"""What is this file, and what is this machine: what ``tomosplat info`` and ``tomosplat doctor`` do."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from tomosplat import machine


def describe_file(path: Path) -> dict[str, Any]:
    """Describe a scan, a label map, a DICOM folder or a scene, from its header where that is enough.

    Raises:
        FileFormatError: The file is none of these.
    """
    if path.suffix.lower() in (".ply", ".glb"):
        return _describe_scene(path)
    from tomosplat.files.scans import describe

    return describe(path)


def _describe_scene(path: Path) -> dict[str, Any]:
    import torch

    from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
    from tomosplat.files.scenes import read_scene
    from tomosplat.pipeline.fidelity.measure import described_fidelity

    scene = read_scene(path)
    counts = torch.bincount(scene.labels, minlength=256)
    labels = [int(label) for label in counts.nonzero().ravel()]
    groups: dict[str, int] = {}
    for label in labels:
        group = GROUPS[GROUP_OF_LABEL[label]].name
        groups[group] = groups.get(group, 0) + int(counts[label])
    return {
        "format": "6D Gaussian scene",
        "gaussians": len(scene),
        "bounds_mm": [scene.means.amin(dim=0).tolist(), scene.means.amax(dim=0).tolist()] if len(scene) else None,
        "groups": groups,
        "labels": {scene.label_names.get(label, str(label)): int(counts[label]) for label in labels},
        "direction_weight": scene.direction_weight,
        "fidelity": described_fidelity(scene),
        "provenance": dict(scene.provenance),
    }


def describe_installation() -> dict[str, Any]:
    """Versions, processor and what the kernels use of it, memory, caches, optional parts that are absent."""
    import av

    from tomosplat.render.cpu.backend import describe_cpu_backend
    from tomosplat.render.gpu.backend import describe_gpu_backend

    cache = machine.cache_dir()
    return {
        "versions": machine.versions(),
        "machine": machine.describe_machine() | {"available_memory_gb": round(machine.available_memory() / 1e9, 1)},
        "rendering": describe_cpu_backend(),
        "gpu": describe_gpu_backend(),
        "video": {"libx264": "libx264" in av.codecs_available},
        "cache": {"folder": str(cache), "demo_scan": (cache / "demo-scan").is_dir()},
        "segmenters": {
            "tissue": "built in",
            "totalsegmentator": _describe_totalsegmentator(),
        },
        "network": _describe_network(),
    }


def _describe_network() -> dict[str, Any] | str:
    """The shipped weights, after checking their hash."""
    from tomosplat.errors import TomosplatError
    from tomosplat.feedforward.model import load_model, shipped_path

    path = shipped_path()
    if path is None:
        return "no weights in this package; predict needs --checkpoint"
    try:
        model = load_model(path)
    except TomosplatError as error:
        return f"unusable: {error}"
    return {"preset": model.settings.preset, "sha256": model.sha256, "megabytes": round(path.stat().st_size / 1e6, 1)}


def _describe_totalsegmentator() -> str:
    if importlib.util.find_spec("totalsegmentator") is None:
        return 'absent; pip install "tomosplat[segment]"'
    home = os.environ.get("TOTALSEG_HOME_DIR", str(Path.home() / ".totalsegmentator"))
    return f"{machine.version_of('TotalSegmentator')}, weights looked for in {home}"
