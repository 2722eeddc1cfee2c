import hashlib
import multiprocessing
import os

import numpy as np
import pytest
import torch
from tests.patience import PATIENCE_S
from tests.render.pathtrace.scenes import ROOM, blobs, camera, volume

from tomosplat.geometry import Cameras
from tomosplat.lighting import Environment
from tomosplat.render import PathTraceOutput, PathTraceSettings, SurfaceMode, ThinLens, pathtrace
from tomosplat.render.pathtracer import scene

SCAN = volume(blobs((12, 13, 14)), (0.9, 0.6, 0.5))
VIEW = camera(SCAN, size=40)
HOW = PathTraceSettings(samples=12, surface=SurfaceMode(), lens=ThinLens(0.5, 40.0), phase_g=0.2)


def trace() -> str:
    out = pathtrace(SCAN, VIEW, ROOM, settings=HOW)
    return hashlib.sha256(b"".join(a.tobytes() for a in (out.radiance, out.alpha, out.standard_error))).hexdigest()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int) -> None:
    before, usual = torch.get_num_threads(), trace()
    try:
        torch.set_num_threads(threads)
        assert trace() == usual
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("largest", [1, 3, 1000])
def test_how_samples_are_split_into_passes_changes_nothing(largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = trace()
    monkeypatch.setattr(scene, "_LARGEST_PASS", largest)
    assert trace() == usual


def test_watching_a_picture_changes_nothing() -> None:
    plain = pathtrace(SCAN, VIEW, ROOM, settings=HOW)
    watched = pathtrace(SCAN, VIEW, ROOM, settings=HOW, on_pass=lambda *_: None, progress=lambda *_: None)
    np.testing.assert_array_equal(plain.radiance, watched.radiance)


def test_seeds_and_cameras_have_noise_of_their_own() -> None:
    twice = Cameras(np.repeat(VIEW.viewmats, 2, axis=0), np.repeat(VIEW.Ks, 2, axis=0), VIEW.width, VIEW.height)
    first, second = pathtrace(SCAN, twice, ROOM, settings=HOW).radiance
    assert np.abs(first - second).max() > 0
    other = pathtrace(SCAN, VIEW, ROOM, settings=PathTraceSettings(samples=12, seed=1)).radiance
    same = pathtrace(SCAN, VIEW, ROOM, settings=PathTraceSettings(samples=12, seed=0)).radiance
    assert np.abs(other - same).max() > 0


def _correlation(a: PathTraceOutput, b: PathTraceOutput, truth: PathTraceOutput) -> float:
    errors = [(out.radiance - truth.radiance)[0, ..., 0][truth.alpha[0] > 0.5] for out in (a, b)]
    return float(np.corrcoef(*errors)[0, 1])


def test_noise_of_neighbouring_seeds_is_independent() -> None:
    sky = Environment.constant((1.0, 1.0, 1.0))
    truth = pathtrace(SCAN, VIEW, sky, settings=PathTraceSettings(samples=1024, seed=99))
    a, b = (pathtrace(SCAN, VIEW, sky, settings=PathTraceSettings(samples=4, seed=s)) for s in (0, 1))
    assert abs(_correlation(a, b, truth)) < 0.15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_traces_the_same_picture() -> None:
    usual = trace()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(trace).get(timeout=PATIENCE_S) == usual
