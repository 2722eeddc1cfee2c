"""Turning, moving, nearing: by mouse, touch, wheel, keys and buttons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.viewer.torso_page import center, changed, drag, new_page, open_panel, organs, picture, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

#: Key, button, letter on the marker, azimuth, elevation.
VIEWS = [
    ("1", "anterior", "A", 0, 0),
    ("2", "posterior", "P", 180, 0),
    ("3", "left", "L", 90, 0),
    ("4", "right", "R", 270, 0),
    ("5", "cranial", "S", 0, 90),
    ("6", "caudal", "I", 0, -90),
]


@pytest.fixture
def page(torso: Page) -> Page:
    return torso


@pytest.fixture
def canvas(page: Page) -> Locator:
    return page.locator("canvas.canvas")


def orbit(page: Page) -> dict[str, Any]:
    result: dict[str, Any] = state(page, "orbit")
    return result


def place_of(page: Page, point: list[float]) -> np.ndarray:
    """CSS pixels of a world point in the canvas."""
    return np.array(page.evaluate("(p) => tomosplat.renderer.project(p)", point))


def test_the_patients_right_is_on_the_left_of_the_picture(page: Page) -> None:
    by_name = {organ["name"]: organ["center_mm"] for organ in organs(page)}
    assert place_of(page, by_name["kidney_right"])[0] < place_of(page, by_name["kidney_left"])[0]
    assert place_of(page, by_name["heart"])[1] < place_of(page, by_name["liver"])[1]


@pytest.mark.parametrize(("key", "name", "letter", "azimuth", "elevation"), VIEWS)
def test_standard_views(page: Page, key: str, name: str, letter: str, azimuth: float, elevation: float) -> None:
    page.keyboard.press(key)
    expected = {"azimuth": azimuth, "elevation": elevation}
    assert {part: orbit(page)[part] for part in expected} == expected
    expect(page.locator(".marker")).to_have_attribute("aria-label", f"Seen from {name}")
    assert (
        page.locator(".marker .face:not(.hidden) text").all_text_contents() == [name[0].upper()]
        if elevation == 0
        else True
    )
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name=f"View from {name}").click()
    assert {part: orbit(page)[part] for part in expected} == expected


def test_a_drag_turns_the_body_with_the_hand(page: Page, canvas: Locator) -> None:
    before = picture(page)
    drag(page, center(canvas), (80, 0))
    # The front goes to the right, so the camera sees more of the patient's right side.
    assert 270 < orbit(page)["azimuth"] < 360
    assert changed(before, picture(page)) > 0.02
    drag(page, center(canvas), (0, 60))
    assert 0 < orbit(page)["elevation"] < 90
    drag(page, center(canvas), (0, 2000))
    assert orbit(page)["elevation"] == 90


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize("how", ["right button", "shift"])
def test_panning_keeps_the_target_under_the_pointer(page: Page, canvas: Locator, how: str, projection: str) -> None:
    if projection == "orthographic":
        page.keyboard.press("o")
    page.keyboard.press("ArrowLeft")
    target = orbit(page)["target"]
    before = place_of(page, target)
    if how == "shift":
        page.keyboard.down("Shift")
    drag(page, center(canvas), (50, -30), "right" if how == "right button" else "left")
    page.keyboard.up("Shift")
    page.evaluate("tomosplat.renderer.idle()")
    np.testing.assert_allclose(place_of(page, target) - before, [50, -30], atol=0.5)


def test_wheel_and_keys_go_nearer_and_further(page: Page, canvas: Locator) -> None:
    start = orbit(page)["distance"]
    page.mouse.move(*center(canvas))
    page.mouse.wheel(0, -300)
    page.wait_for_function("(d) => tomosplat.store.state.orbit.distance < d", arg=start)
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert orbit(page)["distance"] > start
    page.keyboard.press("r")
    assert orbit(page)["distance"] == pytest.approx(start)


def test_a_double_click_turns_about_what_is_under_it(page: Page, canvas: Locator) -> None:
    before = orbit(page)["target"]
    x, y = center(canvas)
    page.mouse.dblclick(x, y - 60)
    page.wait_for_function("(t) => tomosplat.store.state.orbit.target.join() !== t", arg=",".join(map(str, before)))
    after = orbit(page)["target"]
    assert after[1] > before[1]  # the surface that is seen lies in front of the middle
    assert after[2] > before[2]


def test_a_click_without_a_drag_leaves_the_camera(page: Page, canvas: Locator) -> None:
    before = orbit(page)
    canvas.click()
    assert orbit(page) == before


def test_arrow_keys_turn_and_with_shift_move(page: Page, canvas: Locator) -> None:
    canvas.focus()
    page.keyboard.press("ArrowRight")
    assert orbit(page)["azimuth"] == 5
    target = orbit(page)["target"]
    page.keyboard.press("Shift+ArrowRight")
    assert orbit(page)["azimuth"] == 5
    assert orbit(page)["target"] != target


def test_orthographic_and_back_keep_the_size(page: Page) -> None:
    open_panel(page, "View")
    before = picture(page)
    page.get_by_role("button", name="Orthographic").click()
    flat = picture(page)
    assert orbit(page)["projection"] == "orthographic"
    assert changed(before, flat) > 0.01
    page.keyboard.press("o")
    assert changed(before, picture(page)) == 0


def test_the_marker_turns_with_the_body_and_its_sides_can_be_clicked(page: Page) -> None:
    faces = page.locator(".marker .face:not(.hidden)")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.locator("canvas.canvas").focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    assert sorted(faces.locator("text").all_text_contents()) == ["A", "L", "S"]
    page.locator(".marker .face-L").click()
    assert (orbit(page)["azimuth"], orbit(page)["elevation"]) == (90, 0)


def test_two_fingers_pinch_and_move(browser: Browser, torso_html: str) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 600}, has_touch=True)
    page = new_page(context)
    page.goto(torso_html)
    page.wait_for_function("tomosplat.hasPicture")
    start = orbit(page)
    x, y = center(page.locator("canvas.canvas"))
    session = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    for step in range(1, 6):
        touch("touchMove", (x - 50 - 10 * step, y), (x + 50 + 10 * step, y))
    touch("touchEnd")
    pinched = orbit(page)
    assert pinched["distance"] == pytest.approx(start["distance"] / 2, rel=0.1)
    assert (pinched["azimuth"], pinched["elevation"]) == (start["azimuth"], start["elevation"])
    touch("touchStart", (x, y))
    for step in range(1, 6):
        touch("touchMove", (x + 20 * step, y))
    touch("touchEnd")
    assert orbit(page)["azimuth"] != start["azimuth"]
    context.close()
