"""What the page says is seen at a place, against numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from tests.viewer.numpy_splatting import Array, Camera, Drawn, draw
from tests.viewer.packed_scenes import lit_scene
from tests.viewer.splat_page import hide, open_scene, set_state
from tests.viewer.torso_page import new_page

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Grid
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing import Blob, pack_gaussians, pack_volume, unpack_gaussians
from tomosplat.volume import LabelMap, Volume

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SEEN = TransferFunctions.preset("seen")
BLOB = pack_gaussians(lit_scene(150, spread=20.0), title="Lit", presets=[SEEN])
SCENE = unpack_gaussians(BLOB)
AFFINE = np.array([[4.0, 0, 0, -60], [0, 4, 0, -60], [0, 0, 4, -60], [0, 0, 0, 1]])
ORBIT = {"target": [0, 0, 0], "distance": 220, "azimuth": 25, "elevation": 12, "fov": 30}


def scan() -> Blob:
    """Values that grow along two axes; an organ fills most of the grid."""
    i, _, k = np.mgrid[:30, :30, :30]
    volume = Volume((40.0 * i - 30 * k).astype(np.float32), Grid((30, 30, 30), AFFINE))
    return pack_volume(volume, LabelMap(np.where(i > 3, 4, 0).astype(np.uint8), volume.grid))


@pytest.fixture(scope="module")
def opened(browser: Browser, viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 900, "height": 600})
    yield open_scene(page, viewer_html, tmp_path_factory.mktemp("pick"), BLOB, scan())
    page.close()


@pytest.fixture(params=["perspective", "orthographic"])
def page(opened: Page, request: pytest.FixtureRequest) -> Page:
    hide(opened)
    clipping = {"planes": [], "box": None, "face": True}
    set_state(opened, orbit={**ORBIT, "projection": request.param}, clipping=clipping, transfer=SEEN.to_dict())
    opened.evaluate("tomosplat.renderer.setVolume(null)")
    opened.evaluate("tomosplat.renderer.idle()")
    return opened


def camera_of(page: Page) -> Camera:
    """The page's camera, in CSS pixels."""
    c = page.evaluate("tomosplat.renderer.camera")
    rotation = np.array(c["rotation"]).reshape(3, 3)
    focal, center = np.array([c["fx"], c["fy"]]), np.array([c["cx"], c["cy"]])
    return Camera(np.array(c["position"]), rotation, focal, center, c["width"], c["height"], c["orthographic"])


def places(camera: Camera) -> list[tuple[float, float]]:
    """Where some of the Gaussians are in the picture."""
    local = (SCENE.means.numpy()[::12] - camera.position) @ camera.rotation.T
    scale = camera.focal if camera.orthographic else camera.focal / local[:, 2:]
    at = np.floor(local[:, :2] * scale + camera.center) + 0.5
    return [(float(x), float(y)) for x, y in at]


def seen_at(scene: GaussianScene, camera: Camera, x: float, y: float, planes: Array | None = None) -> Drawn:
    """One pixel of the picture."""
    return draw(scene, camera, planes, pixels=np.array([[[x, y]]]))


def pick(page: Page, x: float, y: float) -> dict[str, Any] | None:
    result: dict[str, Any] | None = page.evaluate("([x, y]) => tomosplat.renderer.pick(x, y)", [x, y])
    return result


def median_depth(seen: Drawn) -> float:
    weights = seen.weights[:, 0, 0]
    half = np.searchsorted(np.cumsum(weights), weights.sum() / 2)
    return float(seen.depths[half, 0, 0])


def heaviest_label(scene: GaussianScene, seen: Drawn) -> int:
    labels = scene.labels.numpy()[seen.order]
    return int(np.argmax(np.bincount(labels, weights=seen.weights[:, 0, 0])))


def assert_picks(page: Page, scene: GaussianScene, planes: Array | None = None) -> None:
    camera = camera_of(page)
    hits = 0
    for x, y in places(camera):
        seen, found = seen_at(scene, camera, x, y, planes), pick(page, x, y)
        if seen.rgba[0, 0, 3] < 0.05:
            continue
        assert found is not None
        hits += 1
        weights = seen.weights[:, 0, 0]
        assert found["label"] == heaviest_label(scene, seen)
        assert scene.values is not None
        assert found["value"] == pytest.approx(float(scene.values[seen.order[np.argmax(weights)]]), abs=0.1)
        # Where two Gaussians share the middle, rounding may choose the other.
        assert found["depth"] == pytest.approx(median_depth(seen), abs=0.05)
        aside = np.array([x, y]) - camera.center
        local = np.array([*aside / camera.focal * (1 if camera.orthographic else found["depth"]), found["depth"]])
        assert np.abs(found["point"] - (camera.rotation.T @ local + camera.position)).max() < 1e-3
    assert hits > 5


def test_a_pick_tells_the_point_the_organ_and_the_value(page: Page) -> None:
    assert_picks(page, SCENE)


def test_hidden_organs_are_seen_through(page: Page) -> None:
    hide(page, 1, 2, 3)
    assert_picks(page, SCENE.select(SCENE.labels > 3))


def test_what_is_cut_away_is_seen_through(page: Page) -> None:
    planes = [{"normal": [0, -1, 0], "offset": 2}]
    set_state(page, clipping={"planes": planes, "box": None, "face": False})
    assert_picks(page, SCENE, np.array([[0, -1.0, 0, 2]]))


def test_what_the_transfer_function_clears_is_seen_through(page: Page) -> None:
    cleared = TransferFunctions.preset("seen").to_dict()
    cleared["groups"] = {group: [[0, 1, 1, 1, 0]] for group in cleared["groups"]}
    set_state(page, transfer=cleared)
    camera = camera_of(page)
    alphas = [seen_at(SCENE, camera, x, y).rgba[0, 0, 3] for x, y in places(camera)]
    found = [pick(page, x, y) for x, y in places(camera)]
    assert sum(alpha > 0.05 for alpha in alphas) > sum(hit is not None for hit in found)


def test_nothing_is_picked_beside_the_scene(page: Page) -> None:
    assert pick(page, 3, 3) is None
    assert page.evaluate("tomosplat.renderer.depthAt(3, 3)") is None


def test_points_are_projected_where_they_are_picked(page: Page) -> None:
    camera = camera_of(page)
    for x, y in places(camera)[:4]:
        found = pick(page, x, y)
        if found is not None:
            assert page.evaluate("(p) => tomosplat.renderer.project(p)", found["point"]) == pytest.approx([x, y])


def test_a_cut_face_is_picked_with_the_scans_value(opened: Page, page: Page) -> None:
    opened.evaluate("tomosplat.renderer.setVolume(tomosplat.scenes.state.volume)")
    set_state(page, clipping={"planes": [{"normal": [0, -1, 0], "offset": 2}], "box": None, "face": True})
    x, y = (camera_of(page).center + 20).tolist()
    found = pick(page, x, y)
    assert found is not None
    assert found["point"][1] == pytest.approx(2)
    assert found["label"] == 4
    index = (np.array(found["point"]) + 60) / 4
    assert found["value"] == pytest.approx(40 * index[0] - 30 * index[2], abs=1)
    hide(page, 4)
    behind = pick(page, x, y)
    assert behind is None or behind["point"][1] < 1
