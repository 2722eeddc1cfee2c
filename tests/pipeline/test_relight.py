"""A scene lit for everything, relit for a part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.viewer.packed_scenes import lit_scene

from tomosplat.anatomy import resolve_organs
from tomosplat.errors import EmptySceneError, InputError, ShapeError
from tomosplat.files.scenes import write_scene
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import frame_points, sphere_directions
from tomosplat.pipeline.options import PrimingOptions, ViewOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.relight import arriving_light, relightable, relit
from tomosplat.pipeline.render import render_file
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.render import rasterize
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import torso

SKELETON = resolve_organs("skeleton")


def primed(visible: Sequence[int] | None) -> GaussianScene:
    prepared = PreparedScan(*torso(spacing_mm=5.0))
    chosen = None if visible is None else list(visible)
    return prime_prepared(prepared, TransferFunctions.preset("seen"), chosen, PrimingOptions(), Report())


@pytest.fixture(scope="module")
def everything() -> GaussianScene:
    return primed(None)


@pytest.fixture(scope="module")
def skeleton() -> GaussianScene:
    return primed(SKELETON)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return -10 * math.log10(float(((a - b) ** 2).mean()))


def present(labels: Sequence[int], amount: float = 1.0) -> np.ndarray:
    presence = np.zeros(256)
    presence[list(labels)] = amount
    return presence


def test_a_relit_part_looks_like_one_primed_for_itself(everything: GaussianScene, skeleton: GaussianScene) -> None:
    cameras = frame_points(skeleton.means.numpy(), sphere_directions([20, 200], [5, 30]), 128, 128)
    own = rasterize(skeleton, cameras).rgba
    dark = psnr(rasterize(everything, cameras, visible=SKELETON).rgba, own)
    follows = psnr(rasterize(relit(everything, SKELETON), cameras).rgba, own)
    assert follows > 31
    assert follows > dark + 8


def test_with_everything_there_nothing_changes(everything: GaussianScene) -> None:
    same = relit(everything, range(256))
    torch.testing.assert_close(same.illumination, everything.illumination, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(same.sh, everything.sh, rtol=1e-5, atol=1e-5)


def test_what_a_fit_has_learned_stays_when_organs_are_hidden(everything: GaussianScene) -> None:
    offset = 0.3 * torch.randn(everything.sh.shape, generator=torch.Generator().manual_seed(0))
    fitted = replace(everything, sh=everything.sh + offset)
    change = relit(fitted, SKELETON).sh - relit(everything, SKELETON).sh
    bones = torch.from_numpy(np.isin(everything.labels.numpy(), SKELETON))
    torch.testing.assert_close(change, offset[bones], rtol=0, atol=1e-5)


def test_organs_let_as_much_light_through_as_their_opacity_says(everything: GaussianScene) -> None:
    others = [label for label in range(256) if label not in SKELETON]
    bones = np.isin(everything.labels.numpy(), SKELETON)
    light = [
        arriving_light(everything, present(SKELETON) + present(others, part))[bones].mean() for part in (0, 0.3, 1)
    ]
    assert light[0] > 1.1 * light[1]
    assert light[0] > 1.21 * light[2]
    assert 0.3 < (light[1] - light[2]) / (light[0] - light[2]) < 0.5
    np.testing.assert_allclose(light[2], everything.illumination[torch.from_numpy(bones)].mean(), rtol=1e-4)  # type: ignore[index]


def test_what_is_hidden_keeps_its_light(everything: GaussianScene) -> None:
    hidden = ~np.isin(everything.labels.numpy(), SKELETON)
    light = arriving_light(everything, present(SKELETON))
    np.testing.assert_array_equal(light[hidden], everything.illumination.numpy()[hidden])  # type: ignore[union-attr]


def test_scenes_of_double_precision_and_strong_view_dependence_are_relit() -> None:
    scene = lit_scene()
    part = relit(scene, [1, 2])
    assert part.sh.dtype == torch.float64
    assert set(part.labels.tolist()) == {1, 2}
    assert torch.isfinite(part.sh).all()
    assert (part.illumination >= 0).all()  # type: ignore[operator]


@pytest.mark.parametrize("missing", ["values", "illumination", "functions", "rig", "bounds_mm", "multiple_scattering"])
def test_scenes_that_do_not_know_their_light_are_refused(missing: str) -> None:
    scene = lit_scene()
    if missing in ("values", "illumination"):
        changed: dict[str, Any] = {missing: None}
    else:
        changed = {"shading": {key: value for key, value in scene.shading.items() if key != missing}}
    scene = replace(scene, **changed)
    assert not relightable(scene)
    with pytest.raises(InputError, match="--light march"):
        relit(scene, [1])


def test_malformed_arguments_are_refused() -> None:
    scene = lit_scene()
    with pytest.raises(EmptySceneError, match="200"):
        relit(scene, [200])
    with pytest.raises(ShapeError, match="presence"):
        arriving_light(scene, np.ones(7))
    for bounds in ([1, 2], "box", [[0, 0, 0], [1, 1, None]]):
        with pytest.raises(InputError, match="bounds_mm"):
            relit(replace(scene, shading={**scene.shading, "bounds_mm": bounds}), [1])


@pytest.mark.parametrize(("light", "told"), [("march", "of the organs shown"), ("none", "of the whole scene")])
def test_render_tells_whose_light_it_shows(everything: GaussianScene, tmp_path: Path, light: str, told: str) -> None:
    scene = everything if light == "march" else replace(everything, illumination=None)
    write_scene(tmp_path / "scene.ply", scene)
    report = Report()
    options = ViewOptions(organs="skeleton", size=48)
    render_file(tmp_path / "scene.ply", tmp_path / "picture.png", options, report)
    assert report.facts["light"] == told
    assert ("relight" in report.stages) == (light == "march")
