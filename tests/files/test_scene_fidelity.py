"""What was measured of a scene, in its files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import gsply
import numpy as np
import plyfile
import pytest
import torch
from tests.files.scenes import assert_same_scene, random_scene

from tomosplat.errors import FileFormatError
from tomosplat.files.scenes import read_scene, write_scene
from tomosplat.gaussians import Agreement, Fidelity, GaussianScene, approximate_3dgs

ORGANS = {51: Agreement(812.25, 1 / 3, 0.01), 92: Agreement(0.25, math.nan, math.nan)}


def measured() -> GaussianScene:
    scene = random_scene()
    errors = torch.rand(len(scene), generator=torch.Generator().manual_seed(1))
    errors[::3] = math.nan
    errors[1] = 0.0
    return replace(scene, errors=errors, fidelity=Fidelity(24, 400, 32, False, ORGANS))


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_errors_come_back_to_the_bit_and_the_unknown_stays_unknown(tmp_path: Path, suffix: str) -> None:
    path, scene = tmp_path / f"scene{suffix}", measured()
    write_scene(path, scene)
    back = read_scene(path)
    assert back.errors is not None
    assert scene.errors is not None
    assert back.errors.numpy().tobytes() == scene.errors.numpy().tobytes()
    assert back.fidelity is not None
    assert back.fidelity.to_dict() == scene.fidelity.to_dict()  # type: ignore[union-attr]
    assert_same_scene(back.unmeasured(), random_scene())


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_scenes_that_were_not_measured_say_nothing_of_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scene{suffix}"
    write_scene(path, random_scene())
    assert b'"fidelity"' not in path.read_bytes()
    assert read_scene(path).errors is None
    assert read_scene(path).fidelity is None


def test_other_viewers_read_the_gaussians_of_a_measured_scene(tmp_path: Path) -> None:
    path, scene = tmp_path / "scene.ply", measured()
    write_scene(path, scene)
    np.testing.assert_allclose(gsply.plyread(str(path)).means, approximate_3dgs(scene).means, rtol=1e-6, atol=1e-5)
    (vertex,) = plyfile.PlyData.read(path).elements
    assert np.isfinite(vertex["error"]).all()
    np.testing.assert_array_equal(vertex["error"] == -1, scene.errors.isnan())  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [-0.5, 1.5])
@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_impossible_errors_are_refused(tmp_path: Path, suffix: str, error: float) -> None:
    path, scene = tmp_path / f"scene{suffix}", measured()
    write_scene(path, replace(scene, errors=torch.full_like(scene.opacities, error)))
    with pytest.raises(FileFormatError, match=r"errors must lie in 0\.\.1, or be -1"):
        read_scene(path)


def test_a_broken_fidelity_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scene.ply"
    write_scene(path, measured())
    data = path.read_bytes()
    path.write_bytes(data.replace(json.dumps({"views": 24})[1:-1].encode(), b'"views": -4'))
    with pytest.raises(FileFormatError, match="fidelity is malformed"):
        read_scene(path)
