"""What the three slice panes show, and how they answer to a hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from scipy.ndimage import binary_opening, map_coordinates
from tests.viewer.marked_volumes import CENTRE_MM, DISTANCE_MM, VALUES, marked_volume, picture, set_state, state

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

#: Sides of the patient at the left, right, top and bottom of each pane, as radiologists are used to.
EDGES = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}


def turned(degrees: float) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return about_z @ about_x


GRIDS = {
    "RAS": np.eye(3),
    "LPS": np.diag([-1.0, -1, 1]),
    "sagittal storage": np.array([[0.0, 0, -1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": turned(25),
}


@pytest.fixture
def page(pins_page: Page) -> Page:
    page = pins_page
    marked_volume(np.eye(3), (1, 1, 3)).show(page, [(1, "kidney_right"), (2, "spleen")])
    page.get_by_label("Overlay", exact=True).select_option("none")
    return page


def beside(right: float, front: float, up: float) -> NDArray[np.float64]:
    """The point that lies so many mm from the middle of the markers."""
    return CENTRE_MM + np.array([right, front, up])


def world_at(page: Page, pane: str, x: float, y: float) -> NDArray[np.float64]:
    return np.array(page.evaluate("([pane, at]) => tomosplat.slices.panes[pane].worldAt(at)", [pane, [x, y]]))


def scale(page: Page, pane: str) -> float:
    """Millimetres of a CSS pixel."""
    return float(np.linalg.norm(world_at(page, pane, 1, 0) - world_at(page, pane, 0, 0)))


def place(page: Page, pane: str, point: NDArray[np.float64]) -> tuple[float, float]:
    """Where a point is on the page."""
    box = page.locator(f".slice-pane.{pane}").bounding_box()
    assert box is not None
    x, y = page.evaluate("([pane, p]) => tomosplat.slices.panes[pane].placeOf(p)", [pane, list(point)])
    return box["x"] + x, box["y"] + y


def offset_of(image: NDArray[np.uint8], value: float) -> tuple[float, float]:
    """Pixels from the middle of the picture to the middle of what has this value, in a window from 0 to 800."""
    alike = np.abs(image[..., 0].astype(float) - value * 255 / 800) < 12
    # The rims of brighter balls pass through this value too, but they are thin.
    rows, columns = np.nonzero(binary_opening(alike, np.ones((5, 5))))
    assert len(rows) > 10, f"nothing in the picture has the value {value}"
    return columns.mean() + 0.5 - image.shape[1] / 2, rows.mean() + 0.5 - image.shape[0] / 2


@pytest.mark.parametrize("grid", GRIDS)
def test_each_side_of_the_patient_is_where_radiologists_look_for_it(page: Page, grid: str) -> None:
    marked_volume(GRIDS[grid], (1, 1.25, 2)).show(page)
    for pane, edges in EDGES.items():
        image = picture(page, pane)
        reach = DISTANCE_MM / scale(page, pane)
        wanted = [(-reach, 0), (reach, 0), (0, -reach), (0, reach)]
        for side, offset in zip(edges, wanted, strict=True):
            # Equal reach both ways is the aspect of the body, whatever the voxels' is.
            np.testing.assert_allclose(offset_of(image, VALUES[side]), offset, atol=1.2, err_msg=f"{pane} {side}")


def test_letters_name_the_sides(page: Page) -> None:
    for pane, edges in EDGES.items():
        assert "".join(page.locator(f".slice-pane.{pane} .side").all_text_contents()) == edges


def test_grey_levels_are_the_window_over_linearly_interpolated_values(page: Page) -> None:
    volume = marked_volume(GRIDS["oblique"], (1.5, 2, 3))
    volume.values[:] = np.random.default_rng(0).integers(0, 2000, volume.values.shape)
    volume.show(page)
    set_state(page, window={"level": 900, "width": 1500})
    image = picture(page, "coronal")[..., 0].astype(float)
    corner, right, down = (world_at(page, "coronal", *at) for at in ((0.5, 0.5), (1.5, 0.5), (0.5, 1.5)))
    rows, columns = np.indices(image.shape)
    world = corner + columns[..., None] * (right - corner) + rows[..., None] * (down - corner)
    index = (world - volume.affine[:3, 3]) @ np.linalg.inv(volume.affine[:3, :3]).T
    inside = np.all((index > -0.49) & (index < np.array(volume.values.shape) - 0.51), axis=-1)
    values = map_coordinates(volume.values.astype(float), np.moveaxis(index, -1, 0), order=1, mode="nearest")
    grey = np.clip((values - 900) / 1500 + 0.5, 0, 1) * 255
    assert inside.mean() > 0.2
    assert np.abs(image - grey)[inside].max() <= 1
    beyond = np.any((index < -0.51) | (index > np.array(volume.values.shape) - 0.49), axis=-1)
    assert image[beyond].max() == 0


def test_a_click_puts_the_crosshair_there_and_the_other_slices_through_it(page: Page) -> None:
    assert (picture(page, "sagittal")[..., 0] > 150).any(), "the sides A, P, S, I lie in the first sagittal slice"
    target = beside(-DISTANCE_MM, 0, 0)
    page.mouse.click(*place(page, "axial", target))
    page.evaluate("tomosplat.slices.drawn()")
    np.testing.assert_allclose(state(page, "crosshair"), target, atol=0.75 * scale(page, "axial"))
    offset_of(picture(page, "sagittal"), VALUES["L"])
    assert picture(page, "sagittal")[..., 0].max() < 80, "and those of the first are gone"


def test_a_crosshair_set_elsewhere_moves_the_slices(page: Page) -> None:
    set_state(page, crosshair=beside(0, 0, DISTANCE_MM).tolist())
    offset_of(picture(page, "axial"), VALUES["S"])
    expect(page.locator(".slice-readout")).to_contain_text("R 10.0  P 20.0  S 70.0 mm")


def test_dragging_keeps_the_crosshair_under_the_pointer(page: Page) -> None:
    start, end = place(page, "coronal", CENTRE_MM), place(page, "coronal", beside(-25, 0, 15))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()
    np.testing.assert_allclose(state(page, "crosshair"), beside(-25, 0, 15), atol=0.75 * scale(page, "coronal"))


def test_wheel_and_keys_move_voxel_by_voxel(page: Page) -> None:
    page.mouse.move(*place(page, "axial", CENTRE_MM))
    page.mouse.wheel(0, 120)
    page.mouse.wheel(0, 120)
    page.wait_for_function("tomosplat.store.state.crosshair[2] === 24")  # two slices of 3 mm, towards the feet
    page.locator(".slice-pane.axial").focus()
    for key in ("PageUp", "ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    np.testing.assert_allclose(state(page, "crosshair"), [8, -19, 27])
    page.keyboard.press("Shift+ArrowLeft")
    np.testing.assert_allclose(state(page, "crosshair"), [18, -19, 27])


def test_dragging_with_the_right_button_changes_the_window(page: Page) -> None:
    x, y = place(page, "axial", CENTRE_MM)
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 30, y - 20, steps=3)
    page.mouse.up(button="right")
    window = state(page, "window")
    assert window["width"] > 800, "to the right is wider"
    assert window["level"] < 400, "up is brighter"
    assert state(page, "crosshair") == CENTRE_MM.tolist()


def test_zooming_keeps_what_is_under_the_pointer(page: Page) -> None:
    x, y = place(page, "axial", beside(20, 10, 0))
    before = scale(page, "axial")
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("tomosplat.slices.drawn().then(() => true)")
    assert scale(page, "axial") < 0.7 * before
    # Browsers round the place of a wheel to whole pixels.
    np.testing.assert_allclose(place(page, "axial", beside(20, 10, 0)), (x, y), atol=1)


def test_one_finger_aims_and_two_fingers_zoom(page: Page) -> None:
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = place(page, "axial", beside(-20, 10, 0))
    before = scale(page, "axial")
    touch("touchStart", (x, y))
    touch("touchStart", (x, y), (x + 40, y))
    touch("touchMove", (x, y), (x + 80, y))
    touch("touchEnd")
    page.wait_for_function("tomosplat.slices.drawn().then(() => true)")
    assert scale(page, "axial") == pytest.approx(before / 2)
    assert state(page, "crosshair") == CENTRE_MM.tolist(), "the first of two fingers does not aim"
    target = world_at(page, "axial", 150, 60)
    box = page.locator(".slice-pane.axial").bounding_box()
    assert box is not None
    touch("touchStart", (box["x"] + 150, box["y"] + 60))
    touch("touchEnd")
    np.testing.assert_allclose(state(page, "crosshair"), target, atol=0.01)


def test_a_double_click_enlarges_a_pane_and_another_brings_all_back(page: Page) -> None:
    pane, other = page.locator(".slice-pane.coronal"), page.locator(".slice-pane.axial")
    small = pane.bounding_box()
    pane.dblclick()
    expect(other).to_be_hidden()
    large = pane.bounding_box()
    assert small is not None
    assert large is not None
    assert large["height"] > 2 * small["height"]
    pane.focus()
    page.keyboard.press("Enter")
    expect(other).to_be_visible()


def test_the_value_and_organ_under_the_pointer_are_told(page: Page) -> None:
    page.mouse.move(*place(page, "axial", beside(DISTANCE_MM, 0, 0)))
    expect(page.locator(".slice-sample")).to_have_text("100 HU · Right kidney")
    page.mouse.move(*place(page, "axial", CENTRE_MM))
    expect(page.locator(".slice-sample")).to_have_text("0 HU")


def colourful(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.ptp(image.astype(int), axis=-1) > 20


@pytest.mark.parametrize("style", ["contours", "fill"])
def test_organs_are_drawn_over_the_slice_unless_hidden(page: Page, style: str) -> None:
    page.get_by_label("Overlay", exact=True).select_option(style)
    visible = [True] * 256
    set_state(page, visible=visible)
    shown = colourful(picture(page, "axial"))
    middle = shown.shape[1] // 2
    assert shown[:, :middle].any()
    visible[1] = False  # the one to the right of the patient
    set_state(page, visible=visible)
    without = colourful(picture(page, "axial"))
    rows, columns = np.indices(shown.shape)
    right = (columns < middle - 20) & (np.abs(rows - shown.shape[0] / 2) < 20)
    assert not without[right].any()
    np.testing.assert_array_equal(without[~right], shown[~right])
    if style == "contours":
        x, y = offset_of(picture(page, "axial"), VALUES["L"])
        assert not shown[round(y + shown.shape[0] / 2), round(x + middle)], "inside its contour, an organ stays grey"


def test_a_window_is_chosen_by_name(page: Page) -> None:
    chooser = page.get_by_label("Window", exact=True)
    chooser.select_option("Lung")
    assert state(page, "window") == {"level": -600, "width": 1500}
    set_state(page, window={"level": -601, "width": 1500})
    expect(chooser).to_have_value("custom")
