"""Every kernel, as it is launched, compiles for the GPUs that are promised: no GPU is needed for that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.render.gpu.offline import recording
from tests.render.random_scenes import random_scene, two_cameras, with_gradients

from tomosplat.render import rasterize

KERNELS = {
    "project",
    "emit_pairs",
    "composite",
    "collect_depth",
    "collect_coverage",
    "composite_backward",
    "project_backward",
}


@pytest.fixture(scope="module")
def launches(device):
    if device.type == "cuda":
        pytest.skip("the GPU compiles what it runs")
    from tomosplat.render.gpu.viewport import Viewport

    with pytest.MonkeyPatch.context() as monkeypatch, recording(monkeypatch) as noted:
        scene, camera = random_scene(3, spread=1.0).to(torch.float32), two_cameras(16, 16)[[0]]
        rasterize(with_gradients(scene), camera, depth=True, coverage=[[1]], backend="gpu").rgba.sum().backward()
        Viewport(scene, camera, half=True).draw(camera)
    return list(noted.values())


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
