"""The procedural torso in the built page, and what tests ask of it."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from tests.patience import PATIENCE_S

MARK = "<!--tomosplat-data-->"
SPACING_MM = 6.0
#: Width of a slider's thumb, CSS pixels.
THUMB = 14.0


def new_page(browser: Browser | BrowserContext, **how: Any) -> Page:
    """A page that is waited for as long as it takes."""
    page = browser.new_page(**how)
    page.set_default_timeout(1000 * PATIENCE_S)
    return page


def make_torso_blobs() -> dict[str, bytes]:
    """The torso's scene and its scan, packed and compressed."""
    from tomosplat.pipeline.options import PrimingOptions
    from tomosplat.pipeline.prime import prime_prepared
    from tomosplat.pipeline.scan import PreparedScan
    from tomosplat.report import Report
    from tomosplat.transfer import TransferFunctions
    from tomosplat.viewer.packing import pack_gaussians, pack_volume
    from tomosplat.volume import torso

    prepared = PreparedScan(*torso(spacing_mm=SPACING_MM))
    presets = [TransferFunctions.preset("seen"), TransferFunctions.preset("unseen")]
    scene = prime_prepared(prepared, presets[0], None, PrimingOptions(), Report())
    # Small chunks: several of them, as large scenes have.
    packed = pack_gaussians(scene, title="Procedural torso", presets=presets, chunk_size=4096)
    volume = pack_volume(prepared.volume, prepared.labels)
    return {"scene": packed.compressed(), "volume": volume.compressed()}


def filled(template: str, blobs: dict[str, bytes]) -> str:
    """The page with these blobs in it, as a shared file."""
    config = '<script type="application/json" id="tomosplat-config">{"mode": "embedded"}</script>'
    scripts = [
        f'<script type="application/octet-stream" id="tomosplat-{name}">{base64.b64encode(blob).decode()}</script>'
        for name, blob in blobs.items()
    ]
    return template.replace(MARK, "".join([config, *scripts]))


def open_torso(page: Page, address: str) -> Page:
    """Open the page of the torso and wait for all of it."""
    page.goto(address)
    page.wait_for_function("tomosplat.scenes?.state.volume")
    at_rest(page)
    return page


_AS_OPENED = """() => {
  const click = (found) => document.querySelectorAll(found).forEach((node) => node.click());
  window.opened ??= tomosplat.store.state;
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  click(".toast .icon-button");
  click(".tree [aria-expanded=true] > .node .chevron");
  document.querySelectorAll("details[open]").forEach((details) => details.removeAttribute("open"));
  const search = document.querySelector(".search");
  search.value = "";
  search.dispatchEvent(new Event("input"));
  tomosplat.store.set(window.opened);
  click(".rail [aria-controls=panel-organs][aria-expanded=false]");
  document.activeElement?.blur();
}"""


def as_opened(page: Page) -> None:
    """Take back what a test did to the page."""
    page.mouse.move(640, 596)
    page.evaluate(_AS_OPENED)
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until light and picture are those of the state."""
    page.evaluate("(async () => { await tomosplat.relighter?.idle(); await tomosplat.renderer.idle(); })()")


def state(page: Page, name: str) -> Any:
    return page.evaluate("(name) => tomosplat.store.state[name]", name)


def organs(page: Page) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = page.evaluate("tomosplat.scenes.state.header.organs")
    return result


def drawn(page: Page) -> int:
    """How many Gaussians the renderer draws, once it is at rest."""
    at_rest(page)
    return int(page.evaluate("tomosplat.renderer.stats.drawn"))


def open_panel(page: Page, name: str) -> None:
    button = page.get_by_role("navigation", name="Panels").get_by_role("button", name=name, exact=True)
    if button.get_attribute("aria-expanded") != "true":
        button.click()


def picture(page: Page) -> NDArray[np.float64]:
    """The 3D view alone at rest, RGB [H, W, 3] in 0..1."""
    at_rest(page)
    shot = page.locator("canvas.canvas").screenshot(style=".stage > :not(.canvas) { visibility: hidden !important }")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float64) / 255


def changed(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Part of the pixels that differ visibly."""
    return float((np.abs(after - before).max(axis=-1) > 0.02).mean())


def center(target: Locator) -> tuple[float, float]:
    box = target.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], by: tuple[float, float], button: Any = "left") -> None:
    """Press, move in steps as a hand does, release."""
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=4)
    page.mouse.up(button=button)


def slide(slider: Locator, part: float) -> None:
    """Drag a slider's thumb to a part of its length."""
    box = slider.bounding_box()
    assert box is not None
    low, high, value = (float(slider.evaluate(f"input => input.{name}")) for name in ("min", "max", "valueAsNumber"))
    room = box["width"] - THUMB
    start = box["x"] + THUMB / 2 + room * (value - low) / (high - low)
    end = box["x"] + THUMB / 2 + room * part
    drag(slider.page, (start, box["y"] + box["height"] / 2), (end - start, 0))
