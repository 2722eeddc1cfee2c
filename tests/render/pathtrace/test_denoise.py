import sys

import numpy as np
import pytest
from tests.render.pathtrace.scenes import ROOM, blobs, camera, volume

from tomosplat.errors import DependencyError
from tomosplat.render import PathTraceSettings, denoise, pathtrace

SCAN = volume(blobs((12, 13, 14)), (0.9, 0.6, 0.5))
VIEW = camera(SCAN, size=64)


def test_denoised_pictures_are_nearer_to_the_truth_and_say_what_they_are() -> None:
    pytest.importorskip("mitsuba_oidn", reason="Open Image Denoise is not installed: pip install mitsuba-oidn")
    noisy = pathtrace(SCAN, VIEW, ROOM, settings=PathTraceSettings(samples=8))
    truth = pathtrace(SCAN, VIEW, ROOM, settings=PathTraceSettings(samples=1024, seed=1))
    clean = denoise(noisy)
    assert clean.denoised
    assert not noisy.denoised
    assert np.isnan(clean.relative_error).all()
    for channel in ("radiance", "alpha"):
        before, after = (np.square(getattr(out, channel) - getattr(truth, channel)).mean() for out in (noisy, clean))
        assert after < before / 2
    assert clean.alpha.max() <= 1
    assert clean.radiance.min() >= 0


def test_a_missing_filter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba_oidn", None)
    noisy = pathtrace(SCAN, VIEW, ROOM, settings=PathTraceSettings(samples=1))
    with pytest.raises(DependencyError, match=r"tomosplat\[denoise\]"):
        denoise(noisy)
