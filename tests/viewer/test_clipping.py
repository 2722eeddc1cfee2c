"""Clip planes and boxes that cut Gaussians, and the scan on the faces that they cut, against numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from scipy.ndimage import map_coordinates
from scipy.stats import norm
from tests.render.random_scenes import one_gaussian, random_scene
from tests.viewer.numpy_splatting import Array, Camera, draw, pixel_centres, rays, slice_scene, spans
from tests.viewer.splat_page import hide, open_scene, picture, psnr, set_state
from tests.viewer.torso_page import new_page

from tomosplat.gaussians import to_matrix
from tomosplat.geometry import Cameras, Grid, look_at
from tomosplat.viewer.packing import pack_gaussians, pack_volume, unpack_gaussians
from tomosplat.volume import LabelMap, Volume

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BLOB = pack_gaussians(random_scene(400), title="Random")
SCENE = unpack_gaussians(BLOB)
CAMERAS = Cameras(look_at([[60.0, 190, 40]], (0, 0, 0)), np.array([[[95.0, 0, 38], [0, 100, 33], [0, 0, 1]]]), 80, 60)
PERSPECTIVE = Camera.of(CAMERAS)
ORTHOGRAPHIC = Camera.of(CAMERAS, orthographic=True, focal=0.5)
#: normal · p + offset: a plane that faces the camera, one along the view, two that leave a slab.
FACING = [[-0.3, -0.9, 0.1, 4.0]]
ALONG = [[0.95, -0.3, 0.0, 2.0]]
SLAB = [[0.0, 1.0, 0.2, 3.0], [0.0, -1.0, -0.2, 3.0]]
BOX = [[-20.0, -30, -10], [25.0, 20, 30]]
WINDOW = {"level": 40, "width": 400}


def scan() -> Volume:
    """Smooth values around the Gaussians, on a grid that does not lie straight."""
    turned = np.array([[2.9, 0.5, 0, -60], [-0.6, 2.8, 0.3, -50], [0, -0.2, 3.1, -60], [0, 0, 0, 1]])
    i, j, k = np.mgrid[:40, :36, :40]
    values = 300 * np.sin(0.25 * i + 0.15 * j) * np.cos(0.2 * k)
    return Volume(values.astype(np.float32), Grid((40, 36, 40), turned))


def organs(volume: Volume) -> LabelMap:
    """Background around three slabs of organs."""
    i, j, _ = np.indices(volume.grid.shape)
    inside = (i > 4) & (i < 35) & (j > 3) & (j < 32)
    return LabelMap(np.where(inside, 1 + i // 14, 0).astype(np.uint8), volume.grid)


SCAN, ORGANS = scan(), organs(scan())


@pytest.fixture(scope="module")
def opened(browser: Browser, viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 900, "height": 600})
    yield open_scene(page, viewer_html, tmp_path_factory.mktemp("cut"), BLOB, pack_volume(SCAN, ORGANS))
    page.close()


@pytest.fixture
def page(opened: Page) -> Page:
    hide(opened)
    set_state(opened, window=WINDOW, opacity=[1.0] * 256)
    return opened


def clip(page: Page, planes: list[list[float]], box: list[list[float]] | None = None, face: bool = False) -> None:
    made = [{"normal": normal, "offset": offset} for *normal, offset in planes]
    set_state(page, clipping={"planes": made, "box": box, "face": face})


def planes_of(box: list[list[float]]) -> Array:
    """The six planes whose insides a box is."""
    (low, high), axes = box, np.eye(3)
    return np.array(
        [[*n, -x] for n, x in zip(axes, low, strict=True)] + [[*-n, x] for n, x in zip(axes, high, strict=True)]
    )


@pytest.mark.parametrize("camera", [PERSPECTIVE, ORTHOGRAPHIC], ids=["perspective", "orthographic"])
@pytest.mark.parametrize("planes", [FACING, ALONG, SLAB], ids=["facing", "along", "slab"])
def test_planes_cut_gaussians_where_they_meet_the_ray(page: Page, camera: Camera, planes: list[list[float]]) -> None:
    clip(page, planes)
    unit = np.array(planes) / np.linalg.norm(np.array(planes)[:, :3], axis=1, keepdims=True)
    assert psnr(picture(page, camera), draw(SCENE, camera, unit).rgba) > 60


def test_a_box_keeps_what_is_inside(page: Page) -> None:
    clip(page, [], BOX)
    found = picture(page, PERSPECTIVE)
    assert psnr(found, draw(SCENE, PERSPECTIVE, planes_of(BOX)).rgba) > 60
    means = slice_scene(SCENE, PERSPECTIVE.position, None).means
    centres_inside = ((means >= BOX[0]) & (means <= BOX[1])).all(axis=1)
    whole = draw(SCENE.select(torch.from_numpy(centres_inside)), PERSPECTIVE).rgba
    assert psnr(found, whole) < 30, "Gaussians are cut, not dropped or kept whole"


def test_a_large_gaussian_loses_what_lies_beyond_the_plane(browser: Browser, viewer_html: Path, tmp_path: Path) -> None:
    """The share that stays is the integral of the Gaussian along the pixel's own ray, without any linearisation."""
    covs = torch.tensor([[300.0, 120, 0, 200, 30, 150]], dtype=torch.float64)
    blob = pack_gaussians(one_gaussian(covs=covs, opacities=torch.tensor([0.8], dtype=torch.float64)), title="One")
    scene = unpack_gaussians(blob)
    page = open_scene(new_page(browser), viewer_html, tmp_path, blob)
    whole = picture(page, PERSPECTIVE)[..., 3]
    clip(page, FACING)
    cut = picture(page, PERSPECTIVE)[..., 3]
    pixels = pixel_centres(PERSPECTIVE)
    enters, leaves = spans(PERSPECTIVE, pixels, np.array(FACING) / np.linalg.norm(FACING[0][:3]))
    start, step = rays(PERSPECTIVE, pixels)
    precision = PERSPECTIVE.rotation @ np.linalg.inv(to_matrix(scene.covs)[0].numpy()) @ PERSPECTIVE.rotation.T
    local = PERSPECTIVE.rotation @ (scene.means[0].numpy() - PERSPECTIVE.position)
    sharpness = np.sqrt(np.einsum("hwi,ij,hwj->hw", step, precision, step))
    depth = np.einsum("hwi,ij,hwj->hw", step, precision, local - start) / sharpness**2
    share = norm.cdf((leaves - depth) * sharpness) - norm.cdf((enters - depth) * sharpness)
    seen = whole > 0.1
    assert 0.1 < share[seen].min() < 0.5 < share[seen].max()
    assert np.abs(cut - whole * share)[seen].max() < 0.02
    page.close()


def test_what_is_cut_away_completely_leaves_an_empty_picture(page: Page) -> None:
    clip(page, [[0, 0, 1, -1000.0]])
    assert not picture(page, PERSPECTIVE).any()


def face_of(camera: Camera, planes: Array, leaving: bool, hidden: tuple[int, ...] = ()) -> Array:
    """Grey levels of the scan where rays enter or leave what the planes keep; NaN where no organ is shown there."""
    pixels = pixel_centres(camera)
    enters, leaves = spans(camera, pixels, planes)
    start, step = rays(camera, pixels)
    depth = np.where(enters < leaves, leaves if leaving else enters, np.inf)
    known = np.isfinite(depth)
    points = (start + np.where(known, depth, 0)[..., None] * step) @ camera.rotation + camera.position
    to_index = np.linalg.inv(SCAN.grid.affine)
    index = np.moveaxis(points @ to_index[:3, :3].T + to_index[:3, 3], -1, 0)
    grey = map_coordinates(SCAN.values, index, order=1, mode="nearest")
    organ = map_coordinates(ORGANS.values, index, order=0, mode="constant", cval=0)
    shown = known & (organ > 0) & ~np.isin(organ, hidden)
    return np.where(shown, np.clip((grey - WINDOW["level"]) / WINDOW["width"] + 0.5, 0, 1), np.nan)


@pytest.mark.parametrize("camera", [PERSPECTIVE, ORTHOGRAPHIC], ids=["perspective", "orthographic"])
@pytest.mark.parametrize("planes", [FACING, "box"], ids=["plane", "box"])
def test_a_face_that_looks_at_the_camera_shows_the_scan(page: Page, camera: Camera, planes: object) -> None:
    """What lay in front is cut away, and nothing behind shines through."""
    box = BOX if planes == "box" else None
    clip(page, [] if box else FACING, box, face=True)
    expected = face_of(camera, planes_of(BOX) if box else np.array(FACING), leaving=False)
    found = picture(page, camera)
    inside = ~np.isnan(expected)
    # Organs' edges are smoothed over a voxel.
    solid = inside & (found[..., 3] > 0.999)
    assert solid.sum() > 0.7 * inside.sum() > 200
    assert np.abs(found[solid][:, :3] - expected[solid][:, None]).max() < 0.03


def test_a_face_seen_from_inside_lies_behind_the_gaussians(page: Page) -> None:
    away = [[-x for x in FACING[0]]]
    clip(page, away)
    splats = picture(page, PERSPECTIVE)
    clip(page, away, face=True)
    found = picture(page, PERSPECTIVE)
    behind = face_of(PERSPECTIVE, np.array(away), leaving=True)
    shown = ~np.isnan(behind) & (found[..., 3] > 0.999)
    assert shown.sum() > 200
    expected = splats[..., :3] + (1 - splats[..., 3:]) * np.nan_to_num(behind)[..., None]
    assert np.abs(found[..., :3] - expected)[shown].max() < 0.03


def test_faces_show_only_organs_that_are_shown(page: Page) -> None:
    clip(page, FACING, face=True)
    hide(page, 2)
    with_hidden, all_shown = (face_of(PERSPECTIVE, np.array(FACING), False, hidden) for hidden in ((2,), ()))
    gone = np.isnan(with_hidden) & ~np.isnan(all_shown)
    open_again = picture(page, PERSPECTIVE)
    clip(page, FACING)
    without_face = picture(page, PERSPECTIVE)
    same = np.abs(open_again - without_face).max(axis=-1) < 0.01
    assert gone.sum() > 100
    assert same[gone].mean() > 0.8, "where the hidden organ was cut, one sees into the scene"


def test_clipping_and_slicing_off_go_together(page: Page) -> None:
    clip(page, FACING)
    set_state(page, directional=False)
    expected = draw(SCENE, PERSPECTIVE, np.array(FACING) / np.linalg.norm(FACING[0][:3]), directional=False).rgba
    assert psnr(picture(page, PERSPECTIVE), expected) > 60
    set_state(page, directional=True)


def test_too_many_planes_are_refused_in_words(page: Page) -> None:
    with pytest.raises(Exception, match="17 clip planes"):
        clip(page, FACING * 17)
    clip(page, [])
