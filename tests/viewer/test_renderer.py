"""What the page draws, against Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from tests.render.random_scenes import random_scene
from tests.viewer.numpy_splatting import Array, Camera, draw, slice_scene
from tests.viewer.splat_page import hide, open_scene, picture, probe, psnr, set_state
from tests.viewer.torso_page import new_page

from tomosplat import rasterize
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras, look_at
from tomosplat.viewer.packing import pack_gaussians, unpack_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BLOB = pack_gaussians(random_scene(1500), title="Random", chunk_size=400)
#: What the page shows: the scene as it was packed, in the order of the page.
SCENE = unpack_gaussians(BLOB)
EYE = np.array([60.0, 190, 40])
CAMERAS = Cameras(look_at([EYE], (0, 0, 0)), np.array([[[190.0, 0, 75], [0, 200, 66], [0, 0, 1]]]), 160, 120)


@pytest.fixture(scope="module")
def opened(browser: Browser, viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 900, "height": 600})
    yield open_scene(page, viewer_html, tmp_path_factory.mktemp("random"), BLOB)
    page.close()


@pytest.fixture
def page(opened: Page) -> Page:
    """The page as it was opened; tests may leave it in any state."""
    hide(opened)
    set_state(opened, directional=True, opacity=[1.0] * 256)
    return opened


def rasterized(scene: GaussianScene) -> Array:
    return rasterize(scene.to(torch.float32), CAMERAS).rgba[0].numpy().astype(np.float64)


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("directional", [True, False])
def test_every_gaussian_is_sliced_as_in_python(page: Page, orthographic: bool, directional: bool) -> None:
    set_state(page, directional=directional)
    forward = -EYE / np.linalg.norm(EYE) if orthographic else None
    expected = slice_scene(SCENE, EYE, forward, directional)
    found = probe(page, EYE, forward)
    size = np.abs(expected.means).max()
    assert np.abs(found["means"] - expected.means).max() < 1e-5 * size
    assert np.abs(found["opacities"] - expected.opacities).max() < 1e-5
    assert np.abs(found["colours"] - expected.colours).max() < 1e-5


def test_pictures_are_those_of_the_rasteriser_and_depend_on_slicing(page: Page) -> None:
    expected = rasterized(SCENE)
    assert psnr(picture(page, Camera.of(CAMERAS)), expected) > 60
    set_state(page, directional=False)
    assert psnr(picture(page, Camera.of(CAMERAS)), expected) < 40


@pytest.mark.parametrize(("accumulation", "quality"), [("floats", 60), ("halfColours", 60), ("byteColours", 35)])
def test_pictures_hold_in_every_accumulation(page: Page, accumulation: str, quality: float) -> None:
    page.evaluate(
        """async (accumulation) => {
        const { renderer, store } = tomosplat, canvas = document.createElement("canvas");
        window.other = new renderer.constructor(canvas, accumulation);
        other.setScene(renderer.scene.header);
        other.apply(store.state);
        // The last first: chunks may come in any order.
        for (const [k, words] of [...renderer.scene.words.entries()].reverse()) other.addChunk(k, words);
    }""",
        accumulation,
    )
    assert psnr(picture(page, Camera.of(CAMERAS), "other"), rasterized(SCENE)) > quality


def test_orthographic_pictures_slice_everything_along_one_direction(page: Page) -> None:
    small = Cameras(CAMERAS.viewmats, CAMERAS.Ks * [[[0.5], [0.5], [1]]], 80, 60)
    camera = Camera.of(small, orthographic=True, focal=0.6)
    assert psnr(picture(page, camera), draw(SCENE, camera).rgba) > 60


def test_pictures_larger_than_a_tile_have_no_seams(page: Page) -> None:
    wide = Cameras(CAMERAS.viewmats, CAMERAS.Ks * [[[14], [1], [1]]], 14 * 160, 120)
    expected = rasterize(SCENE.to(torch.float32), wide).rgba[0].numpy().astype(np.float64)
    assert psnr(picture(page, Camera.of(wide)), expected) > 60


def test_hidden_organs_are_not_drawn_and_leave_no_trace(page: Page) -> None:
    hide(page, 2, 3)
    keep = ~torch.isin(SCENE.labels, torch.tensor([2, 3], dtype=torch.uint8))
    page.evaluate("tomosplat.renderer.idle()")
    assert page.evaluate("tomosplat.renderer.stats.drawn") == int(keep.sum())
    assert psnr(picture(page, Camera.of(CAMERAS)), rasterized(SCENE.select(keep))) > 60


def test_an_organs_opacity_multiplies(page: Page) -> None:
    set_state(page, opacity=[0.25 if label == 4 else 1.0 for label in range(256)])
    weights = torch.where(SCENE.labels == 4, 0.25, 1.0)
    faded = replace(SCENE, opacities=SCENE.opacities * weights)
    assert psnr(picture(page, Camera.of(CAMERAS)), rasterized(faded)) > 60


def test_the_worker_sorts_shifted_means_from_far_to_near(page: Page) -> None:
    forward = -EYE / np.linalg.norm(EYE)
    eye = {"position": EYE.tolist(), "forward": forward.tolist(), "orthographic": False, "directional": True}
    shown = [int(label != 5) for label in range(256)]
    script = "([eye, shown]) => tomosplat.renderer.client.call('sort', eye, Uint8Array.from(shown)).then((o) => [...o])"
    order = np.array(page.evaluate(script, [eye, shown]))
    assert sorted(order) == np.flatnonzero(SCENE.labels.numpy() != 5).tolist()
    depths = (slice_scene(SCENE, EYE, None).means - EYE) @ forward
    step = np.ptp(depths) / 2**24
    assert np.diff(depths[order]).max() < 3 * step
    assert not page.evaluate("tomosplat.renderer.stats.sortsOnMainThread")
