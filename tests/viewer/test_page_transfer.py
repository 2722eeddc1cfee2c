"""The transfer-function editor by drag, clicks, keys and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.viewer.torso_page import center, changed, drag, open_panel, picture, state

from tomosplat.transfer import TransferFunctions

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SKELETON = "7"
#: A point of the skeleton's function with room on all sides: 180 HU, 60 %.
BONE = 2


@pytest.fixture
def page(torso: Page) -> Page:
    open_panel(torso, "Colour and opacity")
    torso.get_by_label("Organs", exact=True).and_(torso.locator("#panel-transfer select")).select_option(SKELETON)
    return torso


def points(page: Page, group: str = SKELETON) -> list[list[float]]:
    result: list[list[float]] = state(page, "transfer")["groups"][group]
    return result


def handle(page: Page, index: int) -> Locator:
    return page.locator(".plot .handle").nth(index)


def inner(page: Page) -> int:
    """A point that can be seen and has neighbours."""
    shown = page.locator(".plot .handle").evaluate_all("hs => hs.map(h => !h.hasAttribute('hidden'))")
    return next(i for i, visible in enumerate(shown) if visible and 0 < i < len(shown) - 1)


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("#panel-transfer").get_by_role("button", name="Load").click()
    chooser.value.set_files(path)


def write(path: Path, data: Any) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def test_dragging_a_point_recolours_the_picture(page: Page) -> None:
    index, start, before = BONE, points(page), picture(page)
    drag(page, center(handle(page, index)), (0, 60))
    after = points(page)
    assert after[index][4] < start[index][4] - 0.2
    assert after[:index] + after[index + 1 :] == start[:index] + start[index + 1 :]
    assert changed(before, picture(page)) > 0.01
    drag(page, center(handle(page, index)), (400, 0))
    assert points(page)[index][0] == start[index + 1][0]  # no further than its neighbour


def test_points_are_added_by_double_click_and_removed_by_delete(page: Page) -> None:
    start = points(page)
    box = page.locator(".plot .frame").bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    added = points(page)
    assert len(added) == len(start) + 1
    new = next(point for point in added if point not in start)
    assert new[4] == pytest.approx(0.7, abs=0.03)
    assert added == sorted(added, key=lambda point: point[0])
    page.keyboard.press("Delete")
    assert points(page) == start


def test_keys_move_the_chosen_point(page: Page) -> None:
    index, start = inner(page), points(page)
    handle(page, index).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    moved = points(page)[index]
    assert moved[0] > start[index][0]
    assert moved[4] == pytest.approx(start[index][4] - 0.1)
    expect(handle(page, index)).to_have_attribute("aria-valuenow", str(moved[0]))


def test_fields_set_value_opacity_and_colour(page: Page) -> None:
    index = BONE
    handle(page, index).click()
    page.get_by_label("Value of the point").fill("200")
    page.keyboard.press("Tab")
    page.get_by_label("Opacity of the point in percent").fill("12.5")
    page.keyboard.press("Enter")
    page.get_by_label("Colour of the point").fill("#3366cc")
    assert points(page)[index] == pytest.approx([200, 0.2, 0.4, 0.8, 0.125])


def test_a_logarithmic_scale_spreads_faint_opacities(page: Page) -> None:
    page.get_by_label("Organs", exact=True).and_(page.locator("#panel-transfer select")).select_option("5")
    expect(page.get_by_role("button", name="Logarithmic")).to_have_attribute("aria-pressed", "true")
    index, start = inner(page), points(page, "5")
    drag(page, center(handle(page, index)), (0, -34))
    # A quarter of the height is one of four decades.
    assert points(page, "5")[index][4] == pytest.approx(start[index][4] * 10, rel=0.15)


def test_presets_recolour_and_come_back(page: Page) -> None:
    before = picture(page)
    preset = page.get_by_label("Preset", exact=True)
    preset.select_option("unseen")
    assert state(page, "transfer")["groups"] == TransferFunctions.preset("unseen").to_dict()["groups"]
    assert changed(before, picture(page)) > 0.05
    drag(page, center(handle(page, inner(page))), (0, 20))
    expect(preset.locator("option:checked")).to_have_text("Edited")
    preset.select_option("seen")
    assert changed(before, picture(page)) == 0


def test_one_group_goes_back_to_the_scenes_own_alone(page: Page) -> None:
    start = points(page)
    page.get_by_label("Preset", exact=True).select_option("unseen")
    page.get_by_role("button", name="Reset group").click()
    assert points(page) == start
    liver = TransferFunctions.preset("unseen").to_dict()["groups"]["2"]
    assert points(page, "2") == liver


def test_saved_functions_are_read_by_python_and_by_the_page(page: Page, tmp_path: Path) -> None:
    drag(page, center(handle(page, inner(page))), (3, 30))
    edited = state(page, "transfer")
    with page.expect_download() as download:
        page.locator("#panel-transfer").get_by_role("button", name="Save").click()
    path = tmp_path / "transfer.json"
    download.value.save_as(path)
    read = TransferFunctions.from_json(path.read_text(encoding="utf-8"))
    assert read.to_dict() == edited
    page.get_by_label("Preset", exact=True).select_option("seen")
    choose(page, path)
    expect(page.get_by_role("status").filter(has_text="loaded")).to_be_visible()
    assert state(page, "transfer") == edited


def test_functions_written_by_python_are_loaded(page: Page, tmp_path: Path) -> None:
    functions = TransferFunctions.preset("unseen")
    choose(page, write(tmp_path / "unseen.json", functions.to_json()))
    expect(page.get_by_role("status").filter(has_text="loaded")).to_be_visible()
    for group, function in functions.functions.items():
        np.testing.assert_array_equal(points(page, str(group)), function.points)


GOOD = TransferFunctions.preset("seen").to_dict()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "not JSON"),
        ([], "must be a JSON object"),
        ({**GOOD, "format": "other"}, "should have the format"),
        ({**GOOD, "version": 2}, "version 2"),
        ({**GOOD, "unit": "arbitrary"}, "arbitrary"),
        ({**GOOD, "groups": {}}, "no group"),
        ({**GOOD, "groups": {"liver": [[0, 0, 0, 0, 0]]}}, "liver"),
        ({**GOOD, "groups": {"2": [[0, 0, 0, 0]]}}, "five numbers"),
        ({**GOOD, "groups": {"2": [[0, 0, 0, 0, None]]}}, "five numbers"),
        ({**GOOD, "groups": {"2": [[1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]}}, "sorted"),
        ({**GOOD, "groups": {"2": [[0, 0, 0, 0, 1.5]]}}, "0 to 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(page: Page, tmp_path: Path, data: Any, message: str) -> None:
    before = state(page, "transfer")
    choose(page, write(tmp_path / "bad.json", data))
    expect(page.get_by_role("alert")).to_contain_text(message)
    assert state(page, "transfer") == before
