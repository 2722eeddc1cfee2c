"""The page around the picture: panels, themes, help, keys, and what it says when there is no picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.viewer.torso_page import changed, filled, new_page, open_panel, picture, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PANELS = ["Organs", "Colour and opacity", "Cuts", "View", "Notes and bookmarks", "About this scene"]


def luminance(color: str) -> float:
    """Relative luminance of a CSS colour "rgb(…)" (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


#: Text colour and effective background of every element that shows text of its own.
TEXTS = """() => [...document.querySelectorAll("body *")].filter((node) => {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  return own && node.checkVisibility({ opacityProperty: true }) && !node.closest("svg, option, script, [disabled]");
}).map((node) => {
  let behind = node;
  while (behind && /^rgba\\(.*, 0\\)$|transparent|^color/.test(getComputedStyle(behind).backgroundColor)) {
    behind = behind.parentElement;
  }
  const ground = getComputedStyle(behind ?? document.body).backgroundColor;
  return [node.textContent.trim().slice(0, 30), getComputedStyle(node).color, ground];
})"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_all_text_can_be_read(torso: Page, theme: str) -> None:
    torso.evaluate("(theme) => tomosplat.store.set({ theme })", theme)
    seen = 0
    for panel in PANELS:
        open_panel(torso, panel)
        for text, color, ground in torso.evaluate(TEXTS):
            assert contrast(color, ground) >= 4.5, f"{panel}: {text!r} {color} on {ground}"
            seen += 1
    assert seen > 100


def test_every_control_has_a_name(torso: Page) -> None:
    for panel in PANELS:
        open_panel(torso, panel)
        nameless = torso.evaluate(
            """() => [...document.querySelectorAll("button, input, select, [role=slider], [role=treeitem]")]
              .filter((node) => node.checkVisibility() && !node.closest("[aria-hidden=true]"))
              .filter((node) => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
              .map((node) => node.outerHTML)"""
        )
        assert nameless == []


def test_panels_open_and_fold_and_the_picture_takes_the_room(torso: Page) -> None:
    canvas = torso.locator("canvas.canvas")
    for name in PANELS[1:]:
        open_panel(torso, name)
        expect(torso.locator(".side").get_by_role("region", name=name)).to_be_visible()
    narrow = canvas.bounding_box()
    torso.keyboard.press("p")
    expect(torso.locator(".side")).to_be_hidden()
    wide = canvas.bounding_box()
    assert narrow is not None
    assert wide is not None
    assert wide["width"] == narrow["width"] + 288
    torso.keyboard.press("p")
    expect(torso.get_by_role("region", name=PANELS[-1])).to_be_visible()
    torso.get_by_role("button", name=PANELS[-1]).click()
    expect(torso.locator(".side")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_theme_is_the_systems_until_it_is_switched(browser: Browser, torso_html: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 800, "height": 480})  # type: ignore[arg-type]
    page = new_page(context)
    page.goto(torso_html)
    page.wait_for_function("tomosplat.hasPicture")
    assert state(page, "theme") == scheme
    before = picture(page)
    page.keyboard.press("t")
    other = "light" if scheme == "dark" else "dark"
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    after = picture(page)
    corner = abs(after[2, 2].mean() - before[2, 2].mean())
    assert corner > 0.5  # the picture's background goes with the theme
    context.close()


def test_a_background_of_ones_own_outlasts_the_theme(torso: Page) -> None:
    open_panel(torso, "View")
    torso.get_by_label("Background colour").fill("#204060")
    assert picture(torso)[2, 2] == pytest.approx([0x20 / 255, 0x40 / 255, 0x60 / 255], abs=0.01)
    torso.keyboard.press("t")
    assert picture(torso)[2, 2] == pytest.approx([0x20 / 255, 0x40 / 255, 0x60 / 255], abs=0.01)


def test_directional_gaussians_can_be_switched_off(torso: Page) -> None:
    open_panel(torso, "View")
    before = picture(torso)
    torso.get_by_text("Advanced").click()
    torso.get_by_role("switch", name="Directional (6D) Gaussians").click()
    assert state(torso, "directional") is False
    assert changed(before, picture(torso)) > 0.001


def test_the_help_sheet_lists_every_key(torso: Page) -> None:
    torso.keyboard.press("?")
    sheet = torso.get_by_role("dialog", name="Mouse, touch and keys")
    expect(sheet).to_be_visible()
    keys = set(sheet.locator("kbd").all_text_contents())
    assert {*"123456", "R", "O", "S", "P", "T", "?", "/", "V", "I", "D", "G", "N", "Esc"} <= keys
    torso.keyboard.press("2")  # no key reaches the picture behind it
    assert state(torso, "orbit")["azimuth"] == 0
    torso.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    torso.get_by_role("button", name="Help").click()
    expect(sheet).to_be_visible()


def test_letters_typed_into_a_field_are_no_shortcuts(torso: Page) -> None:
    torso.get_by_label("Search organs").fill("")
    torso.get_by_label("Search organs").press_sequentially("stop")
    assert (state(torso, "slices"), state(torso, "theme")) == (False, "light")
    expect(torso.get_by_label("Search organs")).to_have_value("stop")


def test_tools_are_chosen_by_click_and_key(torso: Page) -> None:
    torso.get_by_role("radio", name="Measure a distance").click()
    assert state(torso, "tool") == "distance"
    torso.keyboard.press("ArrowRight")
    expect(torso.get_by_role("radio", name="Measure an angle")).to_be_checked()
    torso.keyboard.press("Escape")
    assert state(torso, "tool") == "orbit"


def test_identify_tells_organ_value_and_place(torso: Page) -> None:
    torso.keyboard.press("i")
    liver = torso.evaluate("tomosplat.scenes.state.header.organs.find(({name}) => name === 'liver')")
    torso.evaluate(
        """(id) => tomosplat.store.set({ visible: tomosplat.store.state.visible.map((_, i) => i === id) })""",
        liver["id"],
    )
    torso.evaluate("tomosplat.renderer.idle()")
    x, y = torso.evaluate("(p) => tomosplat.renderer.project(p)", liver["center_mm"])
    torso.locator("canvas.canvas").click(position={"x": x, "y": y})
    told = torso.locator(".picked")
    expect(told).to_contain_text("Liver · ")
    expect(told).to_contain_text("HU")
    found = state(torso, "crosshair")
    assert abs(found[0] - liver["center_mm"][0]) < 20
    assert found[1] > liver["center_mm"][1]


def test_about_tells_how_the_scene_was_made(torso: Page) -> None:
    open_panel(torso, "About this scene")
    facts = torso.locator(".facts")
    count = torso.evaluate("tomosplat.scenes.state.header.count")
    expect(facts).to_contain_text(f"{count:,}")
    expect(facts).to_contain_text("voxels")
    expect(torso.locator(".scene-title")).to_have_text("Procedural torso")


def failure(page: Page, path: Path, html: str) -> str:
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri())
    message = page.get_by_role("alert")
    expect(message).to_be_visible()
    return message.inner_text()


def test_without_webgl_there_is_a_message(
    page: Page, viewer_html: Path, torso_blobs: dict[str, bytes], tmp_path: Path
) -> None:
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    assert "WebGL" in failure(page, tmp_path / "a.html", filled(viewer_html.read_text(), torso_blobs))


def test_a_lost_context_is_told_and_comes_back(torso: Page) -> None:
    before = picture(torso)
    torso.evaluate("(window.losing = tomosplat.renderer.gl.getExtension('WEBGL_lose_context')).loseContext()")
    expect(torso.get_by_role("alert")).to_contain_text("comes back by itself")
    torso.evaluate("window.losing.restoreContext()")
    expect(torso.get_by_role("alert")).to_be_hidden()
    assert changed(before, picture(torso)) == 0


@pytest.mark.parametrize("damage", ["truncated", "noise", "nothing"])
def test_damaged_scenes_give_a_message(
    page: Page, viewer_html: Path, torso_blobs: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    scene = torso_blobs["scene"]
    blobs = {"truncated": {"scene": scene[: len(scene) // 8]}, "noise": {"scene": bytes(range(256)) * 9}, "nothing": {}}
    text = failure(page, tmp_path / "a.html", filled(viewer_html.read_text(), blobs[damage]))
    assert "This scene cannot be shown" in text
    assert len(text) > 60


def test_a_damaged_scan_leaves_the_scene(
    page: Page, viewer_html: Path, torso_blobs: dict[str, bytes], tmp_path: Path
) -> None:
    blobs = {"scene": torso_blobs["scene"], "volume": b"\x1f\x8b" + bytes(100)}
    path = tmp_path / "a.html"
    path.write_text(filled(viewer_html.read_text(), blobs), encoding="utf-8")
    page.goto(path.as_uri())
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate("tomosplat.hasPicture")
    page.get_by_role("button", name="Close message").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_page_without_a_scene_says_so(page: Page, viewer_html: Path) -> None:
    page.goto(viewer_html.as_uri())
    expect(page.get_by_role("alert")).to_contain_text("without its scene")
