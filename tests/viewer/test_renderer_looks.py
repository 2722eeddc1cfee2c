"""Recolouring and relighting in the page, against Python's shade()."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from tests.viewer.numpy_splatting import Array, slice_scene
from tests.viewer.packed_scenes import lit_scene
from tests.viewer.splat_page import open_scene, probe, set_state
from tests.viewer.torso_page import new_page

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.gaussians.shading import shade
from tomosplat.transfer import TransferFunctions, extinction_of_opacity
from tomosplat.viewer.packing import pack_gaussians, unpack_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SEEN, UNSEEN = TransferFunctions.preset("seen"), TransferFunctions.preset("unseen")
BLOB = pack_gaussians(lit_scene(1200), title="Lit", presets=[SEEN, UNSEEN], chunk_size=500)
SCENE = unpack_gaussians(BLOB)
EYE = np.array([60.0, 190, 40])
MULTIPLE = BLOB.header["shading"]["multiple_scattering"]


@pytest.fixture(scope="module")
def opened(browser: Browser, viewer_html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = new_page(browser, viewport={"width": 900, "height": 600})
    yield open_scene(page, viewer_html, tmp_path_factory.mktemp("lit"), BLOB)
    page.close()


@pytest.fixture
def page(opened: Page) -> Page:
    set_state(opened, transfer=SEEN.to_dict())
    opened.evaluate("tomosplat.renderer.setIllumination(null)")
    return opened


def optics(functions: TransferFunctions) -> tuple[Array, Array]:
    """Colour and extinction of every Gaussian's value in its group."""
    assert SCENE.values is not None
    groups = GROUP_OF_LABEL[SCENE.labels.numpy()]
    rgba = np.zeros((len(SCENE), 4))
    for group, function in functions.functions.items():
        rgba[groups == group] = function(SCENE.values.numpy())[groups == group]
    return rgba[:, :3].astype(np.float32), extinction_of_opacity(rgba[:, 3])


def expected_looks(shown: TransferFunctions, light: Array) -> tuple[Array, Array]:
    """Opacities and colours that the page should show from EYE."""
    assert SCENE.illumination is not None
    (before, sigma), (after, new_sigma) = optics(SEEN), optics(shown)
    sliced = slice_scene(SCENE, EYE, None)
    change = shade(after, light.astype(np.float32), MULTIPLE)
    change -= shade(before, SCENE.illumination.numpy().astype(np.float32), MULTIPLE)
    ratio = (new_sigma + np.maximum(0, 1e-3 - sigma)) / np.maximum(sigma, 1e-3)
    opacities = SCENE.opacities.numpy()
    weights = sliced.opacities / np.maximum(opacities, 1e-9)
    return (1 - (1 - opacities) ** ratio) * weights, np.maximum(sliced.colours + change, 0)


def test_the_scenes_own_functions_change_nothing(page: Page) -> None:
    own, found = slice_scene(SCENE, EYE, None), probe(page, EYE)
    assert np.abs(found["colours"] - own.colours).max() < 1e-5
    assert np.abs(found["opacities"] - own.opacities).max() < 1e-5


def test_other_functions_recolour_as_python_shades(page: Page) -> None:
    assert SCENE.illumination is not None
    set_state(page, transfer=UNSEEN.to_dict())
    opacities, colours = expected_looks(UNSEEN, SCENE.illumination.numpy())
    found, own = probe(page, EYE), slice_scene(SCENE, EYE, None)
    assert np.abs(colours - own.colours).max() > 0.2
    assert np.abs(found["colours"] - colours).max() < 2e-3
    assert np.abs(found["opacities"] - opacities).max() < 2e-3


def test_functions_that_clear_a_group_make_it_vanish(page: Page) -> None:
    data: dict[str, Any] = SEEN.to_dict()
    group = str(int(GROUP_OF_LABEL[5]))
    data["groups"][group] = [[-1024, 1, 1, 1, 0], [3072, 1, 1, 1, 0]]
    set_state(page, transfer=data)
    found = probe(page, EYE)["opacities"]
    _, sigma = optics(SEEN)
    thick = (GROUP_OF_LABEL[SCENE.labels.numpy()] == int(group)) & (sigma > 1e-3)
    assert thick.sum() > 20
    assert not found[thick].any()


def test_new_light_relights_as_python_shades(page: Page) -> None:
    light = np.random.default_rng(0).random((len(SCENE), 3)) ** 2
    page.evaluate("(light) => tomosplat.renderer.setIllumination(Float32Array.from(light))", light.ravel().tolist())
    _, colours = expected_looks(SEEN, light)
    assert np.abs(probe(page, EYE)["colours"] - colours).max() < 2e-3


def test_what_the_colours_hold_besides_light_stays_under_other_functions_and_new_light(page: Page) -> None:
    """As a fit leaves them: the scene's colours are not what its values and its light make."""
    assert SCENE.illumination is not None
    light = np.random.default_rng(1).random((len(SCENE), 3)) ** 2
    page.evaluate("(light) => tomosplat.renderer.setIllumination(Float32Array.from(light))", light.ravel().tolist())
    set_state(page, transfer=UNSEEN.to_dict())
    primed = shade(optics(SEEN)[0], SCENE.illumination.numpy().astype(np.float32), MULTIPLE)
    learned = slice_scene(SCENE, EYE, None).colours - primed
    assert np.abs(learned).mean() > 0.2
    anew = np.maximum(shade(optics(UNSEEN)[0], light.astype(np.float32), MULTIPLE) + learned, 0)
    assert np.abs(probe(page, EYE)["colours"] - anew).max() < 2e-3


def test_light_for_another_number_of_gaussians_is_refused(page: Page) -> None:
    with pytest.raises(Exception, match="3600, three per Gaussian"):
        page.evaluate("tomosplat.renderer.setIllumination(new Float32Array(5))")


def test_recolouring_shows_with_the_next_frame(page: Page) -> None:
    frames = page.evaluate(
        """async (transfer) => {
        const { renderer, store } = tomosplat;
        await renderer.idle();
        const before = renderer.stats.frames, sorts = renderer.ordering.made;
        store.set({ transfer });
        await renderer.idle();
        return [renderer.stats.frames - before, renderer.ordering.made === sorts];
    }""",
        UNSEEN.to_dict(),
    )
    assert frames[0] in (1, 2), "once, or coarse and then sharp"
    assert frames[1], "recolouring needs no new order"
