"""Pictures and videos that a person saves."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tests.viewer.marked_volumes import set_state, state
from tests.viewer.pins import COLOURS, PINS_MM, PIXELS_PER_MM, from_the_front, measure_distance, save

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(pins_page: Page) -> Page:
    return from_the_front(pins_page)


def opened(png: bytes) -> NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(png)))


def picture_dialog(page: Page, width: int, height: int) -> Locator:
    page.get_by_role("button", name="Save a picture").click()
    dialog = page.get_by_role("dialog", name="Save a picture")
    dialog.get_by_label("Width").fill(str(width))
    dialog.get_by_label("Height").fill(str(height))
    dialog.get_by_label("Background").select_option("shown")
    return dialog


def test_a_picture_has_the_size_asked_for_and_shows_the_scene(page: Page) -> None:
    dialog = picture_dialog(page, 900, 500)
    dialog.get_by_label("Background").select_option("transparent")
    image = opened(save(page, dialog.get_by_role("button", name="Save PNG")))
    assert image.shape == (500, 900, 4)
    pixels_per_mm = PIXELS_PER_MM * 500 / page.locator(".canvas").bounding_box()["height"]  # type: ignore[index]
    for pin, colour in zip(PINS_MM, COLOURS, strict=True):
        at = image[int(250 - pixels_per_mm * pin[2]), int(450 - pixels_per_mm * pin[0])]
        assert at[3] > 240
        assert at[:3].argmax() == colour.argmax()
    assert image[5, 5, 3] == 0


def test_a_picture_carries_background_scale_bar_letters_and_measurements(page: Page) -> None:
    set_state(page, background=[0, 0, 1])
    measure_distance(page)
    dialog = picture_dialog(page, 800, 600)
    plain_box = dialog.get_by_label("Measurements and notes")
    plain_box.uncheck()
    plain = opened(save(page, dialog.get_by_role("button", name="Save PNG")))
    np.testing.assert_array_equal(plain[5, 5], [0, 0, 255, 255])
    dialog = picture_dialog(page, 800, 600)
    for name in ("Measurements and notes", "Scale bar", "Letters of the patient’s sides"):
        dialog.get_by_label(name).check()
    written = opened(save(page, dialog.get_by_role("button", name="Save PNG")))
    new = np.any(plain != written, axis=-1)
    middle_line = int(300 - PINS_MM[0, 2] * PIXELS_PER_MM * 600 / 720)
    assert new[middle_line - 2 : middle_line + 3, 300:500].any(axis=0).all(), "the measured line"
    assert new[280:320, :40].any(), "R"
    assert new[280:320, -40:].any(), "L"
    assert new[:40, 380:420].any(), "S"
    bar = np.nonzero(np.all(written == [255, 255, 255, 255], axis=-1)[575:590].any(axis=0))[0]
    length_mm = np.ptp(bar[bar > 500]) / (PIXELS_PER_MM * 600 / 720)
    assert abs(length_mm - 50) < 1.5


def test_a_picture_that_is_too_large_is_refused_with_the_reason(page: Page) -> None:
    dialog = picture_dialog(page, 16384, 16384)
    dialog.get_by_role("button", name="Save PNG").click()
    expect(dialog.get_by_role("alert")).to_contain_text("33 million pixels")


def video_dialog(page: Page, seconds: int) -> Locator:
    page.get_by_role("button", name="Save a video of a turn").click()
    dialog = page.get_by_role("dialog", name="Save a video of a turn")
    dialog.get_by_label("Size").select_option("640x360")
    dialog.get_by_label("One turn takes").fill(str(seconds))
    return dialog


def test_a_video_turns_once_in_the_time_asked_for(page: Page) -> None:
    set_state(page, orbit=state(page, "orbit") | {"distance": 1200})
    dialog = video_dialog(page, 1)
    video = save(page, dialog.get_by_role("button", name="Save WebM"))
    with av.open(io.BytesIO(video)) as container:
        assert container.duration == 1_000_000
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 30
    assert frames[0].shape == (360, 640, 3)
    red = [np.nonzero(frame[..., 0] > frame[..., 1] + 60)[1].mean() - 320 for frame in frames]
    # The ball at the patient's right begins on the left and is on the right half a turn later.
    assert red[0] < -20
    np.testing.assert_allclose(red[15], -red[0], atol=3)


def test_a_video_is_cancelled(page: Page) -> None:
    dialog = video_dialog(page, 60)
    dialog.get_by_role("button", name="Save WebM").click()
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    dialog = video_dialog(page, 1)
    expect(dialog.get_by_role("button", name="Save WebM")).to_be_enabled()


def test_a_browser_that_cannot_encode_says_so(page: Page) -> None:
    page.evaluate("void ([window.encoder, globalThis.VideoEncoder] = [VideoEncoder, undefined])")
    dialog = video_dialog(page, 1)
    dialog.get_by_role("button", name="Save WebM").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot encode video")
    page.evaluate("void (globalThis.VideoEncoder = window.encoder)")
