import numpy as np
import pytest
from tests.render.pathtrace.scenes import ROOM, blobs, camera, exact, volume

from tomosplat.gaussians.shading import linear_to_srgb, srgb_to_linear
from tomosplat.geometry import Cameras
from tomosplat.lighting import Environment
from tomosplat.render import PathTraceOutput, SurfaceMode, pathtrace

SCAN = volume(blobs((12, 13, 14)), (0.9, 0.6, 0.5))
VIEW = camera(SCAN, size=24)
VIEWS = Cameras(np.repeat(VIEW.viewmats, 3, axis=0), np.repeat(VIEW.Ks, 3, axis=0), 24, 24)


def test_a_picture_sharpens_pass_by_pass() -> None:
    seen: list[tuple[int, int]] = []
    errors: list[float] = []

    def watch(index: int, picture: PathTraceOutput) -> None:
        assert picture.radiance.shape == (1, 24, 24, 3)
        seen.append((index, int(picture.samples[0])))
        errors.append(float(picture.relative_error[0]))

    steps: list[tuple[int, int]] = []
    settings = exact(samples=100)
    pathtrace(SCAN, VIEWS[:2], ROOM, settings=settings, on_pass=watch, progress=lambda *step: steps.append(step))
    per_camera = [1, 2, 4, 8, 16, 32, 64, 96, 100]
    assert seen == [(index, samples) for index in (0, 1) for samples in per_camera]
    assert errors[0] == np.inf
    assert errors[8] < errors[4] / 1.8
    assert [done for done, _ in steps] == [index * 100 + samples for index, samples in seen]
    assert {total for _, total in steps} == {200}


def test_tracing_stops_at_the_noise_asked_for() -> None:
    steps: list[tuple[int, int]] = []
    settings = exact(samples=4096, target_error=0.05)
    out = pathtrace(SCAN, VIEWS[:2], ROOM, settings=settings, progress=lambda *step: steps.append(step))
    assert (out.relative_error <= 0.05).all()
    assert (out.samples < 4096).all()
    assert steps[-1] == (8192, 8192)
    longer = pathtrace(SCAN, VIEW, ROOM, settings=exact(samples=4096, target_error=0.025))
    # Half the error takes four times the samples, up to the length of a pass.
    assert longer.samples[0] == pytest.approx(4 * out.samples[0], rel=0.4)


def test_the_error_that_is_told_is_the_error_that_is_made() -> None:
    settings = exact(samples=4096, seed=7)
    truth = pathtrace(SCAN, VIEW, ROOM, settings=settings)
    out = pathtrace(SCAN, VIEW, ROOM, settings=exact(samples=64))
    seen = out.alpha > 0
    luminance = (out.radiance - truth.radiance)[seen] @ (0.2126, 0.7152, 0.0722)
    made = np.sqrt((luminance**2).mean()) / (truth.radiance[seen] @ (0.2126, 0.7152, 0.0722)).mean()
    assert out.relative_error[0] == pytest.approx(made, rel=0.15)


def test_pictures_are_encoded_once_and_blended_as_light() -> None:
    out = pathtrace(SCAN, VIEW, ROOM, settings=exact(samples=16))
    rgba = out.encoded()
    assert rgba.shape == (1, 24, 24, 4)
    assert rgba.dtype == np.float32
    np.testing.assert_array_equal(rgba[..., 3], out.alpha)
    np.testing.assert_allclose(rgba[..., :3], linear_to_srgb(out.radiance))
    np.testing.assert_allclose(out.over((0, 0, 0)), rgba[..., :3])
    np.testing.assert_allclose(out.encoded(0.25)[..., :3], linear_to_srgb(0.25 * out.radiance))
    behind = (1 - out.alpha[..., None]) * srgb_to_linear((0.5, 0.2, 0.9))
    np.testing.assert_allclose(out.over((0.5, 0.2, 0.9)), linear_to_srgb(out.radiance + behind), atol=1e-6)


def test_surfaces_shine_where_the_lamp_is_mirrored() -> None:
    index = np.indices((40, 40, 40)) - 19.5
    ball = volume(np.where(np.linalg.norm(index, axis=0) < 15, 3.0, 0.0), (0.5, 0.1, 0.1))
    settings = {"samples": 64, "max_albedo": 0.5}
    wet, chalk, plain = (
        pathtrace(ball, camera(ball, size=48), ROOM, settings=exact(surface=mode, **settings))  # type: ignore[arg-type]
        for mode in (SurfaceMode(roughness=0.2), SurfaceMode(roughness=1.0), None)
    )
    # The coat has no colour of its own: it whitens the highlight of a red ball.
    blue = [np.percentile(out.radiance[..., 2], 99.5) for out in (wet, chalk, plain)]
    assert blue[0] > 3 * blue[1]
    assert blue[0] > 3 * blue[2]


def test_no_camera_gives_no_picture() -> None:
    out = pathtrace(SCAN, VIEWS[:0], ROOM)
    assert out.radiance.shape == (0, 24, 24, 3)
    assert out.relative_error.shape == (0,)


def test_empty_voxels_never_darken_a_border() -> None:
    shape = (12, 12, 12)
    sigma = np.zeros(shape)
    sigma[3:9, 3:9, 3:9] = 2.0
    rgb = np.zeros((*shape, 3))
    rgb[3:9, 3:9, 3:9] = 0.8
    sky = Environment.constant((1.0, 1.0, 1.0))
    dark, bled = (
        pathtrace(volume(sigma, colours), camera(volume(sigma)), sky, settings=exact(samples=32))
        for colours in (rgb, (0.8, 0.8, 0.8))
    )
    np.testing.assert_array_equal(dark.radiance, bled.radiance)


def test_uncapped_albedo_is_brighter() -> None:
    sky = Environment.constant((1.0, 1.0, 1.0))
    white = volume(np.full((8, 8, 8), 1.0))
    capped, full = (
        pathtrace(white, camera(white), sky, settings=exact(samples=16, max_depth=9999, max_albedo=a))
        for a in (0.9, 1.0)
    )
    assert capped.radiance.sum() < 0.95 * full.radiance.sum()
