"""Measurements and notes, in the 3D view and in slices."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.viewer.marked_volumes import marked_volume, set_state, state
from tests.viewer.pins import PINS_MM, click, from_the_front, measure_distance, panel, place

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(pins_page: Page) -> Page:
    return from_the_front(pins_page)


def test_a_distance_of_100_mm_measures_100_mm(page: Page) -> None:
    measure_distance(page)
    ends = np.array(state(page, "measurements")[0]["points"])
    assert abs(np.linalg.norm(ends[1] - ends[0]) - 100) < 0.1
    expect(page.locator(".overlay .mark-value")).to_have_text("100.0 mm")
    expect(panel(page, "Measurements").locator(".list-value")).to_have_text("100.0 mm")


def test_a_distance_is_measured_between_slices(page: Page) -> None:
    marked_volume(np.eye(3), (2, 2, 2)).show(page)
    page.get_by_role("radio", name="Measure a distance").click()
    axial, coronal = page.locator(".slice-pane.axial"), page.locator(".slice-pane.coronal")
    for pane, point in ((axial, [0, -60, 20]), (coronal, [60, -60, 100])):
        set_state(page, crosshair=point)
        pane.focus()
        page.keyboard.press("Enter")
    expect(panel(page, "Measurements").locator(".list-value")).to_have_text("100.0 mm")


def test_a_distance_is_measured_by_clicks_into_a_slice(page: Page) -> None:
    marked_volume(np.eye(3), (2, 2, 2)).show(page)
    page.get_by_role("radio", name="Measure a distance").click()
    box = page.locator(".slice-pane.axial").bounding_box()
    assert box is not None
    for right in (40, 120):
        page.mouse.click(box["x"] + right, box["y"] + 90)
    scale = page.evaluate(
        "(() => { const p = tomosplat.slices.panes.axial; return p.worldAt([0, 0])[0] - p.worldAt([1, 0])[0]; })()"
    )
    points = np.array(state(page, "measurements")[0]["points"])
    np.testing.assert_allclose(points[0] - points[1], [80 * scale, 0, 0], atol=0.1)
    expect(page.locator(".slice-pane.axial .mark-value")).to_have_text(f"{80 * scale:.1f} mm")
    expect(page.locator(".slice-pane.sagittal .mark")).to_have_count(0)


def test_a_right_angle_measures_90_degrees(page: Page) -> None:
    page.get_by_role("radio", name="Measure an angle").click()
    for pin in range(3):
        click(page, pin, pin + 1)
    expect(page.locator(".overlay .mark-value")).to_have_text("90.0°")


def test_points_are_dragged_to_other_places(page: Page) -> None:
    measure_distance(page)
    page.mouse.move(*place(page, 1))
    page.mouse.down()
    page.mouse.move(*place(page, 2), steps=4)
    page.mouse.up()
    expect(panel(page, "Measurements").locator(".list-value")).to_have_text("125.0 mm")  # 3 : 4 : 5


def test_an_unfinished_measurement_is_forgotten_with_its_tool(page: Page) -> None:
    page.get_by_role("radio", name="Measure an angle").click()
    click(page, 0, 1)
    expect(page.locator(".overlay .mark-hint")).to_have_text("Click the corner of the angle")
    page.keyboard.press("Escape")
    assert state(page, "measurements") == []


def test_a_measurement_is_deleted(page: Page) -> None:
    measure_distance(page)
    page.get_by_role("button", name="Delete distance 100.0 mm").click()
    assert state(page, "measurements") == []
    expect(page.locator(".overlay .mark")).to_have_count(0)


def test_a_note_is_written_edited_faded_behind_the_body_and_deleted(page: Page) -> None:
    page.get_by_role("radio", name="Write a note").click()
    page.mouse.click(*place(page, 2))
    field = page.get_by_label("Note 1", exact=True)
    expect(field).to_be_focused()
    page.keyboard.type("Small nodule")
    expect(page.locator(".overlay .mark-note")).to_have_text("Small nodule")
    np.testing.assert_allclose(state(page, "annotations")[0]["point"], PINS_MM[2], atol=3)
    # From the left side, the ball of the note lies before the one at the patient's right; from the right, behind it.
    note = {"point": (PINS_MM[1] - [0, 0, 1]).tolist(), "text": "Rib"}
    set_state(page, annotations=[note], orbit=state(page, "orbit") | {"azimuth": 90})
    expect(page.locator(".overlay .mark-behind")).to_have_count(0)
    page.wait_for_timeout(500)
    expect(page.locator(".overlay .mark-behind")).to_have_count(0)
    set_state(page, orbit=state(page, "orbit") | {"azimuth": 270})
    expect(page.locator(".overlay .mark-behind")).to_have_count(1)
    page.get_by_role("button", name="Delete Rib").click()
    assert state(page, "annotations") == []
