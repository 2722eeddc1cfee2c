import numpy as np
import pytest
from tests.render.pathtrace.brute_force import mean_radiance
from tests.render.pathtrace.scenes import blobs, exact, narrow_camera, volume

from tomosplat.lighting import Environment
from tomosplat.render import pathtrace

WHITE = Environment.constant((1.0, 1.0, 1.0))


@pytest.mark.parametrize("peak", [0.3, 4.6], ids=["soft", "dense"])
def test_energy_is_right_to_half_a_percent(peak: float) -> None:
    shape = (10, 11, 12)
    rgb = np.random.default_rng(4).uniform(0.8, 1.0, (*shape, 3)).astype(np.float32)
    scan = volume(blobs(shape) * peak, rgb, 1.5)
    settings = exact(samples=16384, max_depth=100_000)
    out = pathtrace(scan, narrow_camera(scan, (0, 0, 1)), WHITE, settings=settings)
    mean = out.radiance.mean(axis=(0, 1, 2), dtype=np.float64)
    error = np.sqrt((out.standard_error.astype(np.float64) ** 2).sum(axis=(0, 1, 2))) / out.alpha.size
    low, high = scan.grid.bounds
    start = (high - low) * (0.5, 0.5, 1.0) - (0, 0, 1e-6)
    truth, truth_error = mean_radiance(scan, settings.max_albedo, start, np.array([0.0, 0.0, -1.0]), 250_000)
    assert np.abs(mean / truth - 1).max() < 0.005
    assert (np.abs(mean - truth) < 4 * np.hypot(error, truth_error)).all()
    assert (np.hypot(error, truth_error) < 0.0025 * truth).all(), "too noisy to see half a percent"
