"""Clip planes and the clip box by clicks and sliders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.viewer.torso_page import changed, open_panel, picture, slide, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(torso: Page) -> Page:
    torso.evaluate("tomosplat.store.set({ background: [0, 0, 0] })")
    open_panel(torso, "Cuts")
    return torso


def planes(page: Page) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = state(page, "clipping")["planes"]
    return result


def lit_rows(page: Page) -> tuple[int, int]:
    """First and last row in which anything is drawn."""
    rows = np.flatnonzero((picture(page).max(axis=-1) > 0.03).any(axis=1))
    return int(rows[0]), int(rows[-1])


def test_an_axial_plane_takes_away_the_head_side_and_flipped_the_other(page: Page) -> None:
    top, bottom = lit_rows(page)
    page.get_by_role("button", name="Axial", exact=True).click()
    assert planes(page)[0]["normal"] == pytest.approx([0, 0, -1])
    cut = lit_rows(page)
    assert cut[0] > top + (bottom - top) * 0.3
    assert cut[1] == pytest.approx(bottom, abs=3)
    page.get_by_role("button", name="Flip plane 1").click()
    cut = lit_rows(page)
    assert cut[0] == pytest.approx(top, abs=3)
    assert cut[1] < bottom - (bottom - top) * 0.3


def test_the_slider_moves_the_plane_in_millimetres(page: Page) -> None:
    page.get_by_role("button", name="Axial", exact=True).click()
    plane = page.get_by_role("group", name="Plane 1")
    before, high = planes(page)[0], lit_rows(page)
    slide(plane.get_by_label("Position"), 0.25)
    after = planes(page)[0]
    assert after["normal"] == before["normal"]
    assert after["offset"] < before["offset"] - 50
    assert lit_rows(page)[0] > high[0] + 50
    side = "S" if after["offset"] >= 0 else "I"
    expect(plane.locator(".slider output").first).to_have_text(f"{side} {abs(after['offset']):.1f} mm")
    plane.get_by_label("Position").press("ArrowRight")
    assert planes(page)[0]["offset"] == pytest.approx(after["offset"] + 0.5)


def test_planes_turn_to_other_axes_and_freely(page: Page) -> None:
    page.get_by_role("button", name="Axial", exact=True).click()
    plane = page.get_by_role("group", name="Plane 1")
    for axis, normal in [("coronal", [0, -1, 0]), ("sagittal", [1, 0, 0]), ("axial", [0, 0, -1])]:
        plane.get_by_label("Plane 1").and_(page.locator("select")).select_option(axis)
        assert planes(page)[0]["normal"] == pytest.approx(normal)
    expect(plane.get_by_label("Tilt")).to_be_hidden()
    plane.get_by_label("Plane 1").and_(page.locator("select")).select_option("free")
    slide(plane.get_by_label("Turn"), 0.5)
    slide(plane.get_by_label("Tilt"), 0.75)
    expect(plane.locator("select")).to_have_value("free")
    normal = planes(page)[0]["normal"]
    assert np.linalg.norm(normal) == pytest.approx(1)
    assert np.degrees(np.arcsin(normal[2])) == pytest.approx(45, abs=4)


def test_a_plane_facing_the_view_opens_the_body_towards_the_camera(page: Page) -> None:
    page.keyboard.press("3")
    before = picture(page)
    page.get_by_role("button", name="Facing view").click()
    # From the patient's left, what is to the left goes and the right half stays.
    assert planes(page)[0]["normal"] == pytest.approx([1, 0, 0])
    assert changed(before, picture(page)) > 0.05


def test_as_many_planes_as_the_renderer_can_cut_by_and_no_more(page: Page) -> None:
    add = page.get_by_role("button", name="Sagittal", exact=True)
    while add.is_enabled():
        add.click()
    assert len(planes(page)) == 6
    page.get_by_role("button", name="Remove plane 2").click()
    assert len(planes(page)) == 5
    page.get_by_role("button", name="Remove all cuts").click()
    assert planes(page) == []
    expect(page.get_by_role("button", name="Remove all cuts")).to_be_disabled()


def test_the_clip_box_keeps_what_is_inside(page: Page) -> None:
    top, bottom = lit_rows(page)
    page.get_by_role("switch", name="Clip box").click()
    slide(page.get_by_label("Clip box, foot side"), 0.5)
    cut = lit_rows(page)
    assert cut[1] < bottom - (bottom - top) * 0.3
    assert cut[0] == pytest.approx(top, abs=6)
    low, high = state(page, "clipping")["box"]
    slide(page.get_by_label("Clip box, head side"), 0.1)
    assert state(page, "clipping")["box"][1][2] == low[2]  # the sides may meet, not cross
    page.get_by_role("switch", name="Clip box").click()
    assert state(page, "clipping")["box"] is None
    assert lit_rows(page) == (top, bottom)
    assert high[2] > low[2]


def test_cut_faces_show_the_scan_in_the_window(page: Page) -> None:
    page.get_by_role("button", name="Coronal", exact=True).click()
    with_face = picture(page)
    page.get_by_role("switch", name="Show the scan on cut faces").click()
    assert changed(with_face, picture(page)) > 0.05
    page.get_by_role("switch", name="Show the scan on cut faces").click()
    open_panel(page, "View")
    page.get_by_role("button", name="Lung", exact=True).click()
    assert state(page, "window") == {"level": -600, "width": 1500}
    assert changed(with_face, picture(page)) > 0.05
    slide(page.locator("#panel-view").get_by_label("Width"), 0.1)
    assert state(page, "window")["width"] < 300
