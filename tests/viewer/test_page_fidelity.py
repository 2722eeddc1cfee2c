"""Errors of a measured scene in the page: their colours, their legend, and how far each organ is to be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.viewer.packed_scenes import ORGANS, measured_scene
from tests.viewer.pins import save
from tests.viewer.splat_page import open_scene, probe, set_state
from tests.viewer.torso_page import as_opened, changed, new_page, open_panel, picture, state

from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing import pack_gaussians, unpack_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

UNSEEN = TransferFunctions.preset("unseen")
BLOB = pack_gaussians(measured_scene(600), title="Measured", presets=[UNSEEN], chunk_size=250)
ERRORS = unpack_gaussians(BLOB).errors.numpy()  # type: ignore[union-attr]
KNOWN = ~np.isnan(ERRORS)
EYE = np.array([60.0, 190, 40])
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: From where on the legend has one colour.
TOP = 0.2


@pytest.fixture(scope="module")
def opened(browser: Browser, viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 960, "height": 600})
    yield open_scene(page, viewer_html, tmp_path_factory.mktemp("measured"), BLOB)
    page.close()


@pytest.fixture
def page(opened: Page) -> Page:
    opened.evaluate("tomosplat.renderer.setIllumination(null)")
    as_opened(opened)
    return opened


def button(page: Page) -> Locator:
    return page.get_by_role("button", name="Fidelity", exact=True)


def legend(page: Page) -> Locator:
    return page.get_by_role("figure", name="Fidelity: what the colours mean")


def colours(page: Page) -> np.ndarray:
    return np.asarray(probe(page, EYE)["colours"])


def test_a_click_colours_every_gaussian_by_its_error(page: Page) -> None:
    before, own, opacities = picture(page), colours(page), probe(page, EYE)["opacities"]
    button(page).click()
    expect(button(page)).to_have_attribute("aria-pressed", "true")
    found = colours(page)
    np.testing.assert_allclose(found[~KNOWN], 0.5, atol=1e-3)
    brightness = (found @ LUMINANCE)[KNOWN]
    order = np.argsort(ERRORS[KNOWN])
    steps = np.diff(brightness[order])[np.diff(ERRORS[KNOWN][order]) > 1e-9]
    below = ERRORS[KNOWN][order][1:][np.diff(ERRORS[KNOWN][order]) > 1e-9] < TOP
    assert (steps[below] > 0).all(), "the worse, the brighter"
    np.testing.assert_allclose(steps[~below][1:], 0, atol=1e-4)
    np.testing.assert_array_equal(probe(page, EYE)["opacities"], opacities)
    assert changed(before, picture(page)) > 0.05
    button(page).click()
    np.testing.assert_array_equal(colours(page), own)
    assert changed(before, picture(page)) == 0


def test_the_key_does_the_same_and_the_help_knows_it(page: Page) -> None:
    page.keyboard.press("f")
    expect(button(page)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(button(page)).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Fidelity, where it was measured")


def test_the_legend_tells_unit_and_colours(page: Page) -> None:
    expect(legend(page)).to_be_hidden()
    button(page).click()
    expect(legend(page)).to_contain_text("Difference from path-traced truth, % of full brightness")
    expect(legend(page)).to_contain_text("≥ 20")
    expect(legend(page)).to_contain_text("Seen in no view")
    css = legend(page).locator(".error-scale").evaluate("scale => getComputedStyle(scale).backgroundImage")
    stops = [[int(part) for part in stop.split(")")[0].split(",")] for stop in css.split("rgb(")[1:]]
    found = colours(page)
    lowest, highest = found[ERRORS == 0], found[KNOWN & (ERRORS > TOP)]
    np.testing.assert_allclose(lowest, np.tile(np.array(stops[0]) / 255, (len(lowest), 1)), atol=0.003)
    np.testing.assert_allclose(highest, np.tile(np.array(stops[-1]) / 255, (len(highest), 1)), atol=0.003)
    button(page).click()
    expect(legend(page)).to_be_hidden()


def test_recolouring_and_relighting_leave_the_errors_as_they_are(page: Page) -> None:
    own = colours(page)
    button(page).click()
    before = colours(page)
    set_state(page, transfer=UNSEEN.to_dict())
    page.evaluate("tomosplat.renderer.setIllumination(new Float32Array(3 * 600).fill(0.5))")
    np.testing.assert_array_equal(colours(page), before)
    button(page).click()
    assert np.abs(colours(page) - own).max() > 0.1


def test_a_lost_context_comes_back_with_its_errors(page: Page) -> None:
    button(page).click()
    before = colours(page)
    page.evaluate(
        """async () => {
          const { renderer } = tomosplat;
          const lose = renderer.gl.getExtension("WEBGL_lose_context");
          const told = (name) => new Promise((resolve) => renderer.gl.canvas.addEventListener(name, resolve));
          const lost = told("webglcontextlost");
          lose.loseContext();
          await lost;
          const restored = told("webglcontextrestored");
          setTimeout(() => lose.restoreContext());
          await restored;
          await renderer.idle();
        }"""
    )
    np.testing.assert_array_equal(colours(page), before)


def test_organs_tell_how_far_they_are_to_be_trusted(page: Page) -> None:
    open_panel(page, "Organs")
    for node in page.locator(".tree [aria-expanded=false] > .node .chevron").all():
        node.click()
    chips = {}
    for label in ORGANS:
        chips[label] = page.locator(f"[data-key=organ-{label}] > .node .trust").inner_text()
    assert chips == {1: "77", 2: "46", 3: "23", 4: "100", 5: "–"}
    spleen = page.get_by_role("treeitem", name="Trust 77 of 100: 2.0 % of full brightness from the truth")
    expect(spleen).to_have_count(1)
    open_panel(page, "About this scene")
    expect(page.locator("#panel-about")).to_contain_text("of 100, by 24 views")


def test_a_session_keeps_what_is_coloured(page: Page) -> None:
    button(page).click()
    open_panel(page, "Notes and bookmarks")
    section = page.locator("#panel-notes section").filter(has=page.get_by_role("heading", name="Session", exact=True))
    saved = save(page, section.get_by_role("button", name="Save"))
    assert json.loads(saved)["look"]["fidelity"] is True
    button(page).click()

    def load(data: bytes) -> None:
        file = {"name": "session.json", "mimeType": "application/json", "buffer": data}
        section.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]

    load(saved)
    expect(button(page)).to_have_attribute("aria-pressed", "true")
    old = json.loads(saved)
    del old["look"]["fidelity"]
    load(json.dumps(old).encode())
    expect(button(page)).to_have_attribute("aria-pressed", "false")


def test_a_scene_that_was_not_measured_offers_nothing(pins_page: Page) -> None:
    expect(button(pins_page)).to_be_hidden()
    pins_page.keyboard.press("f")
    assert state(pins_page, "fidelity") is False
    expect(legend(pins_page)).to_be_hidden()
    expect(pins_page.locator(".trust")).to_have_count(0)
