"""Scenes that show themselves in notebooks."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.render.random_scenes import one_gaussian
from tests.viewer.packed_scenes import lit_scene
from torch.nn.functional import avg_pool2d

from tomosplat.geometry import frame_points, sphere_directions
from tomosplat.render import rasterize
from tomosplat.viewer import notebook
from tomosplat.viewer.thinning import thinned


def header_in(output: str) -> dict[str, Any]:
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', output)[1])  # type: ignore[index]
    data = re.search(r'id="tomosplat-scene">([^<]*)<', page)[1]  # type: ignore[index]
    blob = gzip.decompress(base64.b64decode(data))
    found: dict[str, Any] = json.loads(blob[12 : 12 + int.from_bytes(blob[8:12], "little")])
    return found


def test_a_scene_shows_itself_in_a_frame_that_may_only_run_scripts() -> None:
    output = lit_scene()._repr_html_()
    assert re.search(r'<iframe [^>]*sandbox="allow-scripts" ', output)
    assert header_in(output)["count"] == 300
    assert "<p>" not in output.split("</iframe>")[1]


def test_large_scenes_are_thinned_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_MAX_CHARACTERS", len(lit_scene(1000)._repr_html_()))
    output = lit_scene(6000)._repr_html_()
    assert len(output) <= notebook._MAX_CHARACTERS + 400
    count = header_in(output)["count"]
    assert count < 1500
    assert f"{count:,} of 6,000 Gaussians" in output


def test_what_cannot_be_shown_becomes_a_message() -> None:
    assert "no Gaussian" in lit_scene(0)._repr_html_()
    broken = replace(lit_scene(), opacities=lit_scene().opacities * torch.nan)
    assert "&lt;" not in broken._repr_html_()
    assert "NaN" in broken._repr_html_()


def test_the_few_look_like_the_many() -> None:
    generator = torch.Generator().manual_seed(0)
    n = 30_000
    cloud = one_gaussian().select(torch.zeros(n, dtype=torch.long))
    means = 40 * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    cloud = replace(cloud, means=means, opacities=torch.full((n,), 0.02, dtype=torch.float64))
    few = thinned(cloud, 6)
    assert len(few) == n // 6
    camera = frame_points(means.numpy(), sphere_directions([30], [10]), 256, 256)
    # In patches of 32 pixels, in which single Gaussians do not show.
    many, less = (avg_pool2d(rasterize(scene, camera).rgba[..., 3], 32) for scene in (cloud, few))
    assert many.max() > 0.2
    torch.testing.assert_close(less, many, rtol=0.1, atol=0.02)
