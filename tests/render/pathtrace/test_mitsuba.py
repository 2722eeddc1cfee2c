"""Against Mitsuba 3, pixel by pixel, on tiny scenes."""

import numpy as np
import pytest
from tests.render.pathtrace.scenes import ROOM, blobs, camera, exact, volume
from tests.render.pathtrace.ztest import compare

from tomosplat.lighting import LightRig
from tomosplat.render import pathtrace
from tomosplat.volume import OpticalVolume

pytest.importorskip("mitsuba", reason="the independent path tracer is not installed: pip install mitsuba")

SHAPE = (10, 12, 9)
RGB = np.array([0.95, 0.7, 0.4])
SKY = LightRig("sky", (0.8, 1.0, 1.2), ())


def agree(scan: OpticalVolume, rig: LightRig, samples: int, **settings: float) -> None:
    from tests.render.pathtrace.mitsuba_twin import render_twin

    view, how = camera(scan, size=14, fov=24), exact(samples=samples, **settings)
    twin, twin_variance = render_twin(scan, view, rig, how)
    out = pathtrace(scan, view, rig, settings=how)
    alpha_variance = np.maximum(out.alpha * (1 - out.alpha), 1e-9) / samples
    image = np.concatenate([out.radiance[0], out.alpha[0][..., None]], axis=-1)
    variance = np.concatenate([out.standard_error[0] ** 2, alpha_variance[0][..., None]], axis=-1)
    compare(image, variance, twin, twin_variance)


@pytest.mark.parametrize("rig", [SKY, ROOM], ids=["sky", "room"])
def test_varied_extinction_agrees(rig: LightRig) -> None:
    agree(volume(blobs(SHAPE) * 0.2, RGB, (2.0, 1.5, 1.0)), rig, 2048)


def test_varied_albedo_agrees() -> None:
    rgb = np.random.default_rng(1).uniform(0, 1, (*SHAPE, 3))
    agree(volume(np.full(SHAPE, 0.1), rgb), ROOM, 2048)


def test_dense_tissue_agrees() -> None:
    agree(volume(blobs(SHAPE) * 4.6, RGB), ROOM, 512)


@pytest.mark.parametrize("g", [-0.4, 0.7])
def test_forward_and_backward_scattering_agree(g: float) -> None:
    agree(volume(blobs(SHAPE) * 0.3, RGB), ROOM, 1024, phase_g=g)


def test_a_depth_limit_agrees() -> None:
    agree(volume(blobs(SHAPE), RGB), ROOM, 1024, max_depth=2)


def test_three_percent_too_bright_a_room_disagrees() -> None:
    scan = volume(blobs(SHAPE) * 0.2, RGB)
    from tests.render.pathtrace.mitsuba_twin import render_twin

    view, how = camera(scan, size=14, fov=24), exact(samples=1024)
    brighter = LightRig("brighter", tuple(1.03 * x for x in SKY.environment), ())
    twin, twin_variance = render_twin(scan, view, brighter, how)
    out = pathtrace(scan, view, SKY, settings=how)
    with pytest.raises(AssertionError, match="off"):
        compare(out.radiance[0], out.standard_error[0] ** 2, twin[..., :3], twin_variance[..., :3])
