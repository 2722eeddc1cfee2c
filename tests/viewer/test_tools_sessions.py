"""Views to come back to, and sessions in files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.viewer.marked_volumes import set_state, state
from tests.viewer.pins import from_the_front, measure_distance, open_pins, panel, save

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(pins_page: Page) -> Page:
    return from_the_front(pins_page)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_view_is_kept_by_name_and_come_back_to(page: Page, motion: Any) -> None:
    page.emulate_media(reduced_motion=motion)
    kept = state(page, "orbit")
    panel(page, "Views").get_by_role("switch").check()
    page.get_by_role("button", name="Keep this view").click()
    page.keyboard.type("Front")
    set_state(page, orbit=kept | {"azimuth": 350, "distance": 3000}, opacity=[0.5] * 256)
    page.evaluate(
        """() => {
          window.flight = [];
          tomosplat.store.on(["orbit"], ({ orbit }) => window.flight.push(orbit));
          // Frames 50 ms apart, by their own clock: on a slow machine there are few while a flight lasts.
          const later = (window.later = requestAnimationFrame);
          let told = performance.now(), real = 0;
          window.requestAnimationFrame = (call) => later((now) => {
              if (now !== real) [told, real] = [told + 50, now];
              call(told);
          });
        }"""
    )
    page.get_by_role("button", name="Go to Front").click()
    page.wait_for_function("(kept) => JSON.stringify(tomosplat.store.state.orbit) === kept", arg=json_of(page, kept))
    page.evaluate("void (window.requestAnimationFrame = window.later)")
    orbits = {json.dumps(orbit) for orbit in page.evaluate("window.flight")}
    assert len(orbits) == 1 if motion == "reduce" else len(orbits) > 3
    assert state(page, "opacity") == [1] * 256
    assert state(page, "bookmarks")[0]["name"] == "Front"


def json_of(page: Page, data: Any) -> str:
    """As the page itself writes it."""
    return page.evaluate("(data) => JSON.stringify(data)", data)


def load_session(page: Page, text: str) -> None:
    files = {"name": "session.json", "mimeType": "application/json", "buffer": text.encode()}
    with page.expect_file_chooser() as chooser:
        panel(page, "Session").get_by_role("button", name="Load").click()
    chooser.value.set_files(files)  # type: ignore[arg-type]


KEPT = ("orbit", "visible", "opacity", "clipping", "window", "crosshair", "measurements", "annotations", "bookmarks")


def worked_on(page: Page) -> dict[str, Any]:
    """Change everything that a session keeps, and tell it."""
    measure_distance(page)
    page.keyboard.press("Escape")
    plane = {"normal": [0, 0.6, 0.8], "offset": 5}
    set_state(
        page,
        annotations=[{"point": [1, 2, 3], "text": "Läsion „A“"}],
        visible=[True] * 5 + [False] * 251,
        opacity=[0.25] * 256,
        clipping={"planes": [plane], "box": [[-1, -2, -3], [1, 2, 3]], "face": False},
        window={"level": -600, "width": 1500},
        crosshair=[4, 5, 6],
    )
    panel(page, "Views").get_by_role("switch").check()
    page.get_by_role("button", name="Keep this view").click()
    return {name: state(page, name) for name in KEPT}


def save_session(page: Page) -> str:
    return save(page, panel(page, "Session").get_by_role("button", name="Save")).decode()


def test_a_session_comes_back_whole(page: Page) -> None:
    worked = worked_on(page)
    text = save_session(page)
    from_the_front(open_pins(page, page.url))
    load_session(page, text)
    expect(page.get_by_text("Session loaded.")).to_be_visible()
    assert {name: state(page, name) for name in KEPT} == worked


def test_a_session_of_another_scene_leaves_organs_as_they_are(page: Page) -> None:
    worked = worked_on(page)
    session = json.loads(save_session(page))
    session["organs"] = [{"id": 1, "name": "something else"}]
    set_state(page, opacity=[1] * 256, measurements=[])
    load_session(page, json.dumps(session))
    expect(page.get_by_role("alert").filter(has_text="other organs")).to_be_visible()
    assert state(page, "measurements") == worked["measurements"]
    assert state(page, "opacity") == [1] * 256


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda _: "[1, 2]", "not a session"),
        (lambda _: '{"format": "tomosplat-session", "version": 7}', "version 7"),
        (lambda text: text.replace('"azimuth": 0', '"azimuth": null'), "session.orbit.azimuth should be a number"),
        (lambda text: text.replace('"kind": "distance"', '"kind": "angle"'), "session.measurements[0].points"),
        (lambda text: text.replace("0.25", "7", 1), "session.look.opacity[0]"),
    ],
)
def test_a_damaged_session_is_refused_whole_with_the_reason(page: Page, damage: Any, reason: str) -> None:
    worked = worked_on(page)
    text = save_session(page)
    assert damage(text) != text
    load_session(page, damage(text))
    expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
    assert {name: state(page, name) for name in KEPT} == worked
