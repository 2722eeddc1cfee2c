"""Every kernel, as it is launched, compiles for the GPUs that are promised: no GPU is needed for that."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.render.gpu.offline import recording
from tests.render.random_scenes import random_scene, two_cameras, with_gradients
from tests.render.raymarch.phantoms import SAME_GROUP, TWO_GROUPS, blobs, camera_at, labelled
from tests.render.sliced_gaussians import OBLIQUE, random_gaussians

from tomosplat.geometry import SlicePlane
from tomosplat.render import rasterize, slice_gaussians
from tomosplat.render.raymarching import RaymarchSettings

KERNELS = {
    "project",
    "emit_pairs",
    "composite",
    "collect_depth",
    "collect_coverage",
    "composite_backward",
    "project_backward",
    "find_shown",
    "condition",
    "condition_backward",
    "prepare",
    "blend",
    "blend_backward",
    "pull_back",
    "march",
    "march_backward",
    "find_along",
}


def draw_everything():
    """Splat with gradients, depth and coverage, and for viewing; slice; march in all modes, and with gradients."""
    from tomosplat.render.gpu.scans import GpuCompositor, GpuProjector
    from tomosplat.render.gpu.viewport import Viewport
    from tomosplat.render.gpu.volumes import ScanTensors, march_views

    scene, camera = random_scene(3, spread=1.0).to(torch.float32), two_cameras(16, 16)[[0]]
    rasterize(with_gradients(scene), camera, depth=True, coverage=[[1]], backend="gpu").rgba.sum().backward()
    Viewport(scene, camera, half=True).draw(camera)
    for blending, channels in (("alpha", 1), ("additive", 3)):
        leaves = [tensor.requires_grad_() for tensor in random_gaussians(4, channels)]
        (image,) = slice_gaussians(*leaves, [SlicePlane(OBLIQUE.affine, 16, 16)], blending=blending, backend="gpu")
        image.values.sum().backward()
    scan = labelled(*blobs((4, 4, 4)))
    camera = camera_at((9, 9, 9), scan[0].grid.center, size=4)
    shown, settings = np.ones(256, np.uint8), RaymarchSettings(step_mm=3.0)
    here = torch.device("cpu")
    for chosen in (settings, replace(settings, classification="preintegrated", shading=None)):
        GpuCompositor(*scan, TWO_GROUPS, SAME_GROUP, shown, chosen, here).draw(camera, None)
    for mode in ("mip", "average"):
        GpuProjector(*scan, shown, replace(settings, mode=mode), here).draw(camera, None)
    values, rows = torch.rand(4, 4, 4, requires_grad=True), torch.ones(4, 4, 4, dtype=torch.uint8)
    tensors = ScanTensors(values, rows, torch.rand(2, 9, 4), 0.0, 8.0, scan[0].grid)
    march_views(tensors, camera, settings)[0].sum().backward()


@pytest.fixture(scope="module")
def launches(device):
    if device.type == "cuda":
        pytest.skip("the GPU compiles what it runs")
    with pytest.MonkeyPatch.context() as monkeypatch, recording(monkeypatch) as noted:
        draw_everything()
    return list(noted.values())


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
def test_kernels_compile_for(launches, capability, tmp_path):
    assert {launch["kernel"] for launch in launches} == KERNELS
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("offline.py"), str(capability)],
        input=json.dumps(launches),
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == len(launches)
    for _, target, size in rows:
        assert target.startswith(f"sm_{capability}")
        assert int(size) > 1000
