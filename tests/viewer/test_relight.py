"""Light that follows what is visible in the page, against Python's."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from tests.viewer.torso_page import at_rest, filled, new_page, open_panel

from tomosplat.anatomy import resolve_organs
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.options import PrimingOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.relight import arriving_light
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing import pack_gaussians, unpack_gaussians
from tomosplat.volume import torso

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

Light = NDArray[np.float32]
SKELETON = resolve_organs("skeleton")
#: A plane that leaves the back half.
CUT = {"planes": [{"normal": [0, -1, 0], "offset": 0}], "box": None, "face": False}


@pytest.fixture(scope="module")
def scene() -> GaussianScene:
    """The torso, as it is primed."""
    prepared = PreparedScan(*torso(spacing_mm=6.0))
    return prime_prepared(prepared, TransferFunctions.preset("seen"), None, PrimingOptions(), Report())


@pytest.fixture(scope="module")
def packed(scene: GaussianScene) -> tuple[GaussianScene, bytes]:
    """The scene as the page unpacks it, and the blob."""
    blob = pack_gaussians(scene, title="Torso", chunk_size=4096)
    return replace(unpack_gaussians(blob), shading=scene.shading), blob.compressed()


@pytest.fixture(scope="module")
def shared(
    browser: Browser, viewer_html: Path, packed: tuple[GaussianScene, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 640, "height": 480})
    open_scene(page, tmp_path_factory.mktemp("relight") / "torso.html", viewer_html, packed[1])
    yield page
    page.close()


@pytest.fixture
def page(shared: Page) -> Page:
    """The page as it was when it opened."""
    shared.evaluate("tomosplat.store.set((window.opened ??= tomosplat.store.state))")
    at_rest(shared)
    return shared


def open_scene(page: Page, path: Path, viewer_html: Path, blob: bytes, head: str = "") -> None:
    html = filled(viewer_html.read_text(encoding="utf-8"), {"scene": blob}).replace("<head>", f"<head>{head}")
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function("window.tomosplat?.hasPicture && tomosplat.relighter.complete")
    at_rest(page)


def set_state(page: Page, **parts: Any) -> None:
    page.evaluate("(parts) => tomosplat.store.set(parts)", parts)


def show(page: Page, labels: list[int], rest: float = 0.0) -> None:
    """Show these labels, and the others with an opacity."""
    visible = [rest > 0 or label in labels for label in range(256)]
    set_state(page, visible=visible, opacity=[1 if label in labels else rest for label in range(256)])


def light(page: Page) -> Light:
    """J [N, 3] once it is that of the newest state."""
    page.evaluate("tomosplat.relighter.idle()")
    text = page.evaluate(
        """() => {
        const bytes = new Uint8Array(tomosplat.relighter.light.buffer), parts = [];
        for (let i = 0; i < bytes.length; i += 4096) parts.push(String.fromCharCode(...bytes.subarray(i, i + 4096)));
        return btoa(parts.join(""));
    }"""
    )
    return np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(-1, 3)


def presence(labels: list[int], rest: float = 0.0) -> NDArray[np.float64]:
    factors = np.full(256, rest)
    factors[labels] = 1
    return factors


@pytest.mark.parametrize("rest", [0.0, 0.3])
def test_the_light_is_that_of_python(page: Page, packed: tuple[GaussianScene, bytes], rest: float) -> None:
    show(page, SKELETON, rest)
    expected = arriving_light(packed[0], presence(SKELETON, rest))
    found = light(page)
    assert np.abs(expected - packed[0].illumination.numpy()).mean() > 0.05 * expected.mean()  # type: ignore[union-attr]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_page_that_may_not_start_workers_lights_by_itself(
    browser: Browser, viewer_html: Path, packed: tuple[GaussianScene, bytes], tmp_path: Path
) -> None:
    page = new_page(browser, viewport={"width": 320, "height": 240})
    policy = '<meta http-equiv="Content-Security-Policy" content="worker-src \'none\'">'
    open_scene(page, tmp_path / "strict.html", viewer_html, packed[1], policy)
    show(page, SKELETON)
    np.testing.assert_allclose(light(page), arriving_light(packed[0], presence(SKELETON)), rtol=1e-3, atol=1e-4)
    page.close()


def test_hiding_and_showing_again_gives_back_the_scenes_own_light(page: Page) -> None:
    show(page, SKELETON)
    assert light(page).size
    show(page, list(range(256)))
    assert page.evaluate("tomosplat.relighter.light") is None


def test_the_newest_state_wins(page: Page, packed: tuple[GaussianScene, bytes]) -> None:
    for labels in ([5], [10, 11, 12, 13, 14], SKELETON, [51], SKELETON):
        show(page, labels)
    np.testing.assert_allclose(light(page), arriving_light(packed[0], presence(SKELETON)), rtol=1e-3, atol=1e-4)


def test_the_picture_takes_the_light(page: Page) -> None:
    open_panel(page, "Organs")
    line = page.locator(".node").filter(has=page.get_by_text("Skeleton", exact=True))
    line.hover()
    page.get_by_role("button", name="Show only Skeleton").click()
    page.evaluate("tomosplat.relighter.idle()")
    brightness = """async () => {
        const { renderer } = tomosplat;
        await renderer.idle();
        const pixels = await renderer.picture(renderer.camera);
        return pixels.reduce((sum, value) => sum + value, 0);
    }"""
    relit = page.evaluate(brightness)
    page.evaluate("tomosplat.renderer.setIllumination(null)")
    assert relit > 1.02 * page.evaluate(brightness)


def test_a_cut_lets_light_in(page: Page, packed: tuple[GaussianScene, bytes]) -> None:
    set_state(page, clipping=CUT)
    found, before = light(page), packed[0].illumination.numpy()  # type: ignore[union-attr]
    depth = -packed[0].means[:, 1].numpy()
    at_face, far, gone = (depth > 0) & (depth < 15), depth > 80, depth < -90
    assert found[at_face].mean() > 1.5 * before[at_face].mean()
    assert found[far].mean() < 1.2 * before[far].mean()
    np.testing.assert_allclose(found[gone], before[gone], rtol=1e-6)


def test_what_is_made_transparent_lets_light_through(page: Page, packed: tuple[GaussianScene, bytes]) -> None:
    functions = page.evaluate("tomosplat.store.state.transfer")
    bones = np.isin(packed[0].labels.numpy(), SKELETON)
    groups = {
        str(o["group_index"]) for o in page.evaluate("tomosplat.scenes.state.header.organs") if o["id"] in SKELETON
    }
    clear = {
        group: points if group in groups else [[*row[:4], row[4] * 1e-4] for row in points]
        for group, points in functions["groups"].items()
    }
    set_state(page, transfer={**functions, "groups": clear})
    hidden = arriving_light(packed[0], presence(SKELETON))[bones]
    found = light(page)[bones]
    before = packed[0].illumination.numpy()[bones]  # type: ignore[union-attr]
    assert np.abs(found - hidden).mean() < 0.1 * np.abs(before - hidden).mean()
