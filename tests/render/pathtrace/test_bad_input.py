import numpy as np
import pytest
from tests.render.pathtrace.scenes import DARK, ROOM, camera, exact, volume

from tomosplat import machine
from tomosplat.errors import EmptySceneError, GeometryError, InputError, MemoryLimitError, UnitsError
from tomosplat.geometry import Cameras
from tomosplat.lighting import AreaLight, Environment, LightRig
from tomosplat.render import ClipPlane, PathTraceSettings, SurfaceMode, ThinLens, pathtrace

SCAN = volume(np.full((6, 6, 6), 0.2))
VIEW = camera(SCAN)


@pytest.mark.parametrize(
    "lights",
    [
        LightRig("dark", DARK, ()),
        LightRig("off", DARK, (AreaLight("lamp", (0.0, 5.0, 0.0), 1.0, DARK),)),
        Environment.constant(DARK),
    ],
)
def test_darkness_is_refused(lights: LightRig | Environment) -> None:
    with pytest.raises(InputError, match="dark"):
        pathtrace(SCAN, VIEW, lights)


def test_an_empty_scan_is_refused() -> None:
    with pytest.raises(EmptySceneError, match="organ"):
        pathtrace(volume(np.zeros((6, 6, 6))), VIEW, ROOM)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1])
def test_impossible_extinction_is_refused(wrong: float) -> None:
    sigma = np.full((6, 6, 6), 0.2)
    sigma[2, 3, 4] = wrong
    with pytest.raises(UnitsError, match="extinction"):
        pathtrace(volume(sigma), VIEW, ROOM)


@pytest.mark.parametrize("wrong", [np.nan, 1.5, -0.1])
def test_impossible_colours_are_refused(wrong: float) -> None:
    with pytest.raises(UnitsError, match="rgb"):
        pathtrace(volume(np.full((6, 6, 6), 0.2), (0.5, wrong, 0.5)), VIEW, ROOM)


def test_skewed_cameras_are_refused() -> None:
    Ks = VIEW.Ks.copy()
    Ks[0, 0, 1] = 3.0
    with pytest.raises(GeometryError, match="skew"):
        pathtrace(SCAN, Cameras(VIEW.viewmats, Ks, 16, 16), ROOM)


def test_more_than_the_memory_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = Cameras(VIEW.viewmats, VIEW.Ks, 2_000_000, 2_000_000)
    with pytest.raises(MemoryLimitError, match="free"):
        pathtrace(SCAN, huge, ROOM)
    monkeypatch.setattr(machine, "available_memory", lambda: 90_000)
    with pytest.raises(MemoryLimitError, match="fewer organs"):
        pathtrace(volume(np.full((40, 40, 40), 0.2)), VIEW, ROOM, settings=exact())
    with pytest.raises(MemoryLimitError, match="coarser"):
        pathtrace(volume(np.full((40, 40, 40), 0.2)), VIEW, ROOM)


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"samples": 2.5},
        {"samples": True},
        {"max_depth": 0},
        {"seed": -1},
        {"target_error": 0.0},
        {"phase_g": 1.0},
        {"phase_g": float("nan")},
        {"max_albedo": 1.1},
        {"antialias": -0.1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PathTraceSettings(**wrong)  # type: ignore[arg-type]


def test_impossible_planes_lenses_and_surfaces_are_refused() -> None:
    with pytest.raises(InputError, match="normal"):
        ClipPlane((0, 0, 0), (0, 0, 0))
    with pytest.raises(InputError, match="normal"):
        ClipPlane((0, float("nan"), 0), (0, 0, 1))
    with pytest.raises(InputError, match="lens"):
        ThinLens(-1.0, 100.0)
    with pytest.raises(InputError, match="roughness"):
        SurfaceMode(roughness=0.0)


def test_a_scan_that_is_cut_away_is_an_empty_picture() -> None:
    settings = PathTraceSettings(samples=2, clip=(ClipPlane((0, 500.0, 0), (0, 1, 0)),))
    out = pathtrace(SCAN, VIEW, ROOM, settings=settings)
    assert out.alpha.max() == 0
    assert out.relative_error[0] == 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 1), (8, 8, 8)])
def test_the_thinnest_scans_are_traced(shape: tuple[int, int, int]) -> None:
    thin = volume(np.full(shape, 3.0))
    settings = PathTraceSettings(samples=64, surface=SurfaceMode())
    out = pathtrace(thin, camera(thin), ROOM, settings=settings)
    assert np.isfinite(out.radiance).all()
    assert out.alpha.max() > 0.5
