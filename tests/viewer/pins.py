"""A scene of three small balls at known places, and the hands that measure it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Locator, Page
from tests.viewer.marked_volumes import set_state

from tomosplat.gaussians import GaussianScene

#: A right angle of 100 mm and 75 mm at the second ball, in one coronal plane.
PINS_MM = np.array([[50.0, 0, -30], [-50.0, 0, -30], [-50.0, 0, 45]])
COLOURS = np.array([[1.0, 0.1, 0.1], [0.1, 1.0, 0.1], [0.2, 0.2, 1.0]])
#: CSS pixels per mm in the view of `from_the_front`: the balls' middles are corners of pixels.
PIXELS_PER_MM = 4
_SH_0 = 0.28209479177387814


def pins() -> GaussianScene:
    """The balls: 2 mm of standard deviation, opaque, the same from every side."""
    n = len(PINS_MM)
    sh = torch.zeros(n, 4, 3)
    sh[:, 0] = torch.tensor((COLOURS - 0.5) / _SH_0, dtype=torch.float32)
    return GaussianScene(
        means=torch.tensor(PINS_MM, dtype=torch.float32),
        means_dir=torch.tensor([0.0, -1.0, 0.0]).repeat(n, 1),
        covs=torch.tensor([4.0, 0, 0, 4, 0, 4]).repeat(n, 1),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.zeros(n, 6),
        opacities=torch.full((n,), 0.99),
        sh=sh,
        labels=torch.tensor([1, 5, 5], dtype=torch.uint8),
    )


def open_pins(page: Page, pins_html: str) -> Page:
    """Open the page and wait for the balls."""
    page.goto(pins_html)
    page.wait_for_function("window.tomosplat?.hasPicture")
    page.evaluate("void (window.opened = tomosplat.store.state)")
    return page


_AS_OPENED = """() => {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const toast of document.querySelectorAll(".toast")) toast.remove();
  document.activeElement?.blur();
  tomosplat.slices.maximise(null);
  tomosplat.slices.show({ volume: null, organs: [] });
  tomosplat.store.set(window.opened);
}"""


def as_opened(page: Page) -> None:
    """Take back what a test did to the page."""
    page.emulate_media(reduced_motion="no-preference")
    page.mouse.move(0, 0)
    page.evaluate(_AS_OPENED)


def from_the_front(page: Page) -> Page:
    """The balls seen straight from the front, and the panel of notes open."""
    notes = page.get_by_role("button", name="Notes and bookmarks")
    if notes.get_attribute("aria-expanded") != "true":
        notes.click()
    height = page.locator(".canvas").bounding_box()["height"]  # type: ignore[index]
    fov = 25
    orbit = {
        "target": [0, 0, 0],
        "distance": height / 2 / np.tan(np.deg2rad(fov / 2)) / PIXELS_PER_MM,
        "azimuth": 0,
        "elevation": 0,
        "projection": "orthographic",
        "fov": fov,
    }
    set_state(page, orbit=orbit, background=[0, 0, 0])
    return page


def place(page: Page, pin: int) -> tuple[float, float]:
    """Where a ball is in the window: the patient's left is on the right."""
    box = page.locator(".canvas").bounding_box()
    assert box is not None
    x, _, z = PINS_MM[pin]
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return middle[0] - PIXELS_PER_MM * x, middle[1] - PIXELS_PER_MM * z


def click(page: Page, pin: int, points_after: int) -> None:
    page.mouse.click(*place(page, pin))
    page.wait_for_function(
        "(n) => tomosplat.store.state.measurements.flatMap((one) => one.points).length === n", arg=points_after
    )


def panel(page: Page, title: str) -> Locator:
    return page.locator("#panel-notes section").filter(has=page.get_by_role("heading", name=title, exact=True))


def save(page: Page, button: Locator) -> bytes:
    with page.expect_download(timeout=60_000) as download:
        button.click()
    path = download.value.path()
    return Path(path).read_bytes()


def measure_distance(page: Page) -> None:
    page.get_by_role("radio", name="Measure a distance").click()
    click(page, 0, 1)
    click(page, 1, 2)
