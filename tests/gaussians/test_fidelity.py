"""Numbers that say how near a scene is to the truth."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.render.random_scenes import random_scene

from tomosplat.errors import InputError, ShapeError
from tomosplat.gaussians import Agreement, Fidelity


def found(error: float, pixels: float = 100.0, noise: float = 0.01) -> Agreement:
    return Agreement(pixels, error, noise)


@pytest.mark.parametrize(
    ("error", "trust"), [(0.0, 100), (0.005, 100), (0.01, 100), (0.2, 0), (0.5, 0), (math.sqrt(0.002), 50)]
)
def test_trust_runs_from_a_fifth_to_a_hundredth_of_full_brightness(error: float, trust: float) -> None:
    assert found(error).trust == pytest.approx(trust)


def test_half_the_error_is_always_as_many_points_more() -> None:
    trusts = [found(0.16 / 2**k).trust for k in range(4)]
    assert np.diff(trusts) == pytest.approx(23.138, abs=1e-3)
    assert found(0.1).psnr == pytest.approx(20)


def test_what_fills_less_than_a_pixel_is_not_seen() -> None:
    unseen = Agreement.of_sums(0.9, 0.5, 0.1)
    assert math.isnan(unseen.error)
    assert math.isnan(unseen.noise)
    assert math.isnan(unseen.trust)
    assert math.isnan(unseen.psnr)
    seen = Agreement.of_sums(4.0, 0.16, 0.04)
    assert (seen.error, seen.noise) == pytest.approx((0.2, 0.1))
    assert Agreement.of_sums(4.0, -0.1, 0.04).error == 0, "the truth's noise may leave less than nothing"


FIDELITY = Fidelity(24, 400, 32, True, {1: found(0.03, 300), 5: found(0.05, 100), 9: found(math.nan, 0.5, math.nan)})


def test_several_organs_are_the_mean_over_all_their_pixels() -> None:
    both = FIDELITY.of([1, 5, 9, 77])
    assert both.pixels == pytest.approx(400.5)
    assert both.error == pytest.approx(math.sqrt((300 * 0.03**2 + 100 * 0.05**2) / 400.5))
    assert FIDELITY.whole == both
    assert math.isnan(FIDELITY.of([77]).error)


def test_it_survives_json_to_the_bit() -> None:
    text = json.dumps(FIDELITY.to_dict(), allow_nan=False)
    back = Fidelity.from_dict(json.loads(text))
    assert back.to_dict() == FIDELITY.to_dict()
    assert math.isnan(back.organs[9].error)


@pytest.mark.parametrize(
    "changes",
    [
        {"views": 0},
        {"views": True},
        {"size": "400"},
        {"denoised": "Jane Doe"},
        {"organs": [1]},
        {"organs": {"spleen": {}}},
        {"organs": {"300": found(0.1).to_dict()}},
        {"organs": {"1": {"pixels": 1, "error": -0.1, "noise": 0}}},
        {"organs": {"1": {"pixels": None, "error": 0.1, "noise": 0}}},
        {"organs": {"1": {"pixels": 1, "error": "low", "noise": 0}}},
        {"organs": {"1": {"pixels": 1, "error": 0.1}}},
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="fidelity is malformed"):
        Fidelity.from_dict({**FIDELITY.to_dict(), **changes})


def test_errors_stay_with_their_gaussians_until_something_changes_them() -> None:
    scene = random_scene(6)
    errors = torch.tensor([0.1, math.nan, 0.3, 0.4, 0.5, 0.6], dtype=torch.float64)
    scene = replace(scene, errors=errors, fidelity=FIDELITY)
    picked = scene.select(torch.tensor([3, 1]))
    assert picked.errors is not None
    torch.testing.assert_close(picked.errors, errors[[3, 1]], equal_nan=True)
    assert picked.fidelity is FIDELITY
    assert scene.to(torch.float32).errors.dtype == torch.float32  # type: ignore[union-attr]
    bare = scene.unmeasured()
    assert bare.errors is None
    assert bare.fidelity is None
    with pytest.raises(ShapeError, match=r"scene\.errors must have shape \(6,\)"):
        replace(scene, errors=errors[:, None])
