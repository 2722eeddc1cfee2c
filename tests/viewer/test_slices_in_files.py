"""Slices of a shared file, with its scan and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.viewer.marked_volumes import CENTRE_MM, VALUES, marked_volume, picture, set_state
from tests.viewer.pins import open_pins, pins
from tests.viewer.torso_page import filled

from tomosplat.geometry import Grid
from tomosplat.viewer.packing import pack_gaussians, pack_volume
from tomosplat.volume import LabelMap, Volume

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_without_the_scan_the_page_says_how_to_get_slices(page: Page, pins_html: str) -> None:
    open_pins(page, pins_html)
    page.get_by_role("button", name="Slices").click()
    expect(page.get_by_text("Slices were not included in this file")).to_be_visible()
    expect(page.locator(".slice-pane.axial")).to_be_hidden()


def test_a_packed_scan_arrives_with_its_values_labels_and_place(page: Page, viewer_html: Path, tmp_path: Path) -> None:
    marked = marked_volume(np.diag([-1.0, -1, 1]), (1.5, 1.5, 2))
    grid = Grid(marked.values.shape, marked.affine)
    values = marked.values.astype(np.float32) - 1000
    # The labels of the scene's organs: 1 and 5.
    packed = pack_volume(
        Volume(values, grid, "HU"), LabelMap(np.where(marked.labels == 1, 5, 0).astype(np.uint8), grid)
    )
    blobs = {"scene": pack_gaussians(pins(), title="Pins").compressed(), "volume": packed.compressed()}
    path = tmp_path / "pins.html"
    path.write_text(filled(viewer_html.read_text(encoding="utf-8"), blobs), encoding="utf-8")
    open_pins(page, path.as_uri())
    page.get_by_role("button", name="Slices").click()
    page.get_by_label("Overlay", exact=True).select_option("none")
    set_state(page, window={"level": -600, "width": 800}, crosshair=(CENTRE_MM + np.array([40, 0, 0])).tolist())
    expect(page.locator(".slice-sample")).to_have_text("−900 HU · Liver")
    grey = picture(page, "axial")[..., 0]
    for side in "RLAP":
        assert np.isclose(grey, VALUES[side] * 255 / 800, atol=1).sum() > 10, side
