"""The organ tree by clicks and keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.viewer.torso_page import changed, drawn, open_panel, organs, picture, slide, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(torso: Page) -> Page:
    open_panel(torso, "Organs")
    return torso


def line(page: Page, title: str) -> Locator:
    """The line of an organ or a group in the tree."""
    return page.locator(".node").filter(has=page.get_by_text(title, exact=True))


def item(page: Page, title: str) -> Locator:
    return page.locator("[role=treeitem]").filter(has=page.locator("> .node").filter(has_text=title)).first


def box(page: Page, title: str) -> Locator:
    return line(page, title).locator("input")


def count(page: Page, *, group: str | None = None, name: str | None = None) -> int:
    return sum(
        organ["count"]
        for organ in organs(page)
        if (group is None or organ["group"].startswith(group)) and name in (None, organ["name"])
    )


def test_an_organ_switched_off_is_not_drawn(page: Page) -> None:
    total, before = drawn(page), picture(page)
    assert total == count(page)
    box(page, "Liver").click()
    assert drawn(page) == total - count(page, name="liver")
    assert changed(before, picture(page)) > 0.003
    box(page, "Liver").click()
    assert drawn(page) == total


def test_a_group_switches_all_its_organs_and_tells_when_they_differ(page: Page) -> None:
    total, bones = drawn(page), count(page, group="Skeleton")
    box(page, "Skeleton").click()
    assert drawn(page) == total - bones
    expect(item(page, "Skeleton")).to_have_attribute("aria-checked", "false")
    line(page, "Skeleton").locator(".chevron").click()
    box(page, "Sternum").click()
    assert drawn(page) == total - bones + count(page, name="sternum")
    expect(item(page, "Skeleton")).to_have_attribute("aria-checked", "mixed")
    assert box(page, "Skeleton").evaluate("box => box.indeterminate")
    box(page, "Skeleton").click()
    assert drawn(page) == total


def test_show_only_leaves_one_and_gives_the_others_back(page: Page) -> None:
    box(page, "Muscle").click()
    before = state(page, "visible")
    for title in ("Liver", "Spleen"):
        line(page, title).hover()
        page.get_by_role("button", name=f"Show only {title}").click()
        assert drawn(page) == count(page, name=title.lower())
    page.get_by_role("button", name="Show only Spleen").click()
    assert state(page, "visible") == before


def test_show_only_gives_back_what_was_shown_last_not_what_once_was(page: Page) -> None:
    line(page, "Liver").hover()
    page.get_by_role("button", name="Show only Liver").click()
    page.get_by_role("button", name="Show all").click()
    box(page, "Muscle").click()
    before = state(page, "visible")
    for _ in range(2):
        line(page, "Spleen").hover()
        page.get_by_role("button", name="Show only Spleen").click()
    assert state(page, "visible") == before


def test_search_finds_organs_by_part_of_their_name_or_group(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_label("Search organs")).to_be_focused()
    page.keyboard.type("rib left 4")
    expect(page.locator(".tree .title")).to_have_text(["Left rib 4"])
    page.get_by_label("Search organs").fill("vessels aorta")
    expect(page.locator(".tree .title").last).to_have_text("Aorta")
    page.get_by_label("Search organs").fill("xyz")
    expect(page.get_by_text("No organ has such a name.")).to_be_visible()


def test_all_and_none(page: Page) -> None:
    page.get_by_role("button", name="Hide all").click()
    assert drawn(page) == 0
    page.get_by_role("button", name="Show all").click()
    assert drawn(page) == count(page)


def test_opacity_fades_the_chosen_organ_alone(page: Page) -> None:
    before = picture(page)
    line(page, "Liver").click()
    slide(page.locator(".inspector").get_by_label("Opacity"), 0.3)
    ids = {organ["id"]: organ["name"] for organ in organs(page)}
    faded = {ids[i]: part for i, part in enumerate(state(page, "opacity")) if part != 1}
    assert faded.keys() == {"liver"}
    assert faded["liver"] == pytest.approx(0.3, abs=0.03)
    assert changed(before, picture(page)) > 0.003
    expect(line(page, "Liver").locator(".part")).to_have_text(f"{faded['liver'] * 100:.0f} %")


def test_the_tree_is_walked_and_switched_by_keys(page: Page) -> None:
    line(page, "Skeleton").click()
    page.keyboard.press("ArrowRight")
    expect(item(page, "Skeleton")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    first = page.locator("[role=treeitem]:focus .title")
    name = first.inner_text()
    assert name != "Skeleton"
    page.keyboard.press(" ")
    expect(page.locator("[role=treeitem]:focus")).to_have_attribute("aria-checked", "false")
    expect(item(page, "Skeleton")).to_have_attribute("aria-checked", "mixed")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert drawn(page) == count(page, group="Skeleton")
    page.keyboard.press("ArrowLeft")
    expect(item(page, "Skeleton")).to_have_attribute("aria-expanded", "false")


def test_arrow_keys_in_the_tree_leave_the_camera_alone(page: Page) -> None:
    before = state(page, "orbit")
    line(page, "Liver").click()
    page.keyboard.press("ArrowDown")
    assert state(page, "orbit") == before


def test_double_click_on_a_name_turns_about_the_organ(page: Page) -> None:
    line(page, "Liver").locator(".title").dblclick()
    liver = next(organ for organ in organs(page) if organ["name"] == "liver")
    assert state(page, "orbit")["target"] == pytest.approx(liver["center_mm"])


def test_swatches_show_the_transfer_functions_colours(page: Page) -> None:
    before = line(page, "Liver").locator(".swatch").evaluate("swatch => swatch.style.background")
    red, green, blue = (int(part) for part in before.removeprefix("rgb(").removesuffix(")").split(","))
    assert red > green > blue  # the preset's liver is brown
    open_panel(page, "Colour and opacity")
    page.get_by_label("Preset", exact=True).select_option("unseen")
    assert line(page, "Liver").locator(".swatch").evaluate("swatch => swatch.style.background") != before
