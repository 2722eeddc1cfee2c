import numpy as np
import pytest
from tests.render.pathtrace.scenes import camera, exact, volume

from tomosplat.lighting import AreaLight, LightRig
from tomosplat.render import PathTraceSettings, pathtrace
from tomosplat.render.pathtracer.antialias import antialias
from tomosplat.volume import OpticalVolume


def staircase() -> OpticalVolume:
    """A solid half-space whose face rises one voxel in four, as a mask has it; a hidden organ lies upon it."""
    i, _, k = np.indices((40, 12, 40))
    below = k < 12 + i // 4
    return volume(np.where(below, 3.0, 0.0), np.where(below[..., None], (0.8, 0.6, 0.4), (0.0, 1.0, 0.0)))


def test_blurring_keeps_extinction_and_colour() -> None:
    scan = staircase()
    smooth = antialias(scan, 0.7)
    assert smooth.extinction.sum() == pytest.approx(scan.extinction.sum(), rel=1e-3)
    seen = smooth.extinction > 1e-4
    # The hidden organ's green has no weight.
    np.testing.assert_allclose(smooth.rgb[seen], np.broadcast_to((0.8, 0.6, 0.4), (seen.sum(), 3)), atol=1e-4)


def test_no_blur_is_the_volume_itself() -> None:
    scan = staircase()
    assert antialias(scan, 0.0) is scan


def test_steps_of_a_mask_are_not_seen() -> None:
    scan = staircase()
    # Light that grazes the slope from the side towards which it falls.
    rig = LightRig("low", (0.0, 0.0, 0.0), (AreaLight("lamp", (-4.0, 0.0, 1.5), 0.3, (300.0, 300.0, 300.0)),))
    view = camera(scan, (0, 0, 1), size=64, fov=10)

    def bumps(settings: PathTraceSettings) -> float:
        """How much brightness changes from column to column, by its mean."""
        profile = pathtrace(scan, view, rig, settings=settings).radiance[0, 20:44, 8:56, 0].mean(axis=0)
        ticks = np.linspace(-1, 1, len(profile))
        trend = np.polyval(np.polyfit(ticks, profile, 3), ticks)
        return float((profile - trend).std() / profile.mean())

    assert bumps(PathTraceSettings(samples=64)) < 0.5 * bumps(exact(samples=64))
