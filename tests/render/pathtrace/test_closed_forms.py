import numpy as np
import pytest
from tests.render.pathtrace.scenes import DARK, camera, exact, narrow_camera, volume

from tomosplat.gaussians.shading import linear_to_srgb
from tomosplat.geometry import Cameras, intrinsics, look_at
from tomosplat.lighting import AreaLight, Environment, LightRig
from tomosplat.render import ClipPlane, SurfaceMode, ThinLens, pathtrace

WHITE = Environment.constant((1.0, 1.0, 1.0))


def mean_alpha(*arguments, **settings) -> tuple[float, float]:
    """Mean alpha of a picture and its standard error."""
    out = pathtrace(*arguments, settings=exact(**settings))
    mean = float(out.alpha.mean(dtype=np.float64))
    return mean, float(np.sqrt(mean * (1 - mean) / (out.alpha.size * out.samples[0])))


@pytest.mark.parametrize(("axis", "thickness"), [((1, 0, 0), 9 * 2.0), ((0, -1, 0), 10 * 3.0), ((0, 0, 1), 17 * 0.5)])
def test_a_slab_hides_what_beer_and_lambert_say(axis: tuple[int, int, int], thickness: float) -> None:
    sigma = 1.3 / thickness
    slab = volume(np.full((9, 10, 17), sigma), spacing=(2.0, 3.0, 0.5))
    mean, error = mean_alpha(slab, narrow_camera(slab, axis), WHITE, samples=2048)
    assert abs(mean - (1 - np.exp(-1.3))) < 4 * error


def test_extinction_between_voxels_is_trilinear() -> None:
    sigma = np.zeros((9, 9, 9))
    sigma[4] = 0.8
    slab = volume(sigma, spacing=2.0)
    # A hat of half-width one voxel: its integral is the peak times the spacing.
    mean, error = mean_alpha(slab, narrow_camera(slab, (1, 0, 0)), WHITE, samples=2048)
    assert abs(mean - (1 - np.exp(-0.8 * 2.0))) < 4 * error


@pytest.mark.parametrize("g", [0.0, 0.6])
@pytest.mark.parametrize("sky", [WHITE, Environment(np.ones((8, 16, 3), np.float32))], ids=["constant", "map"])
def test_a_white_furnace_is_white(g: float, sky: Environment) -> None:
    rng = np.random.default_rng(0)
    ball = volume(rng.uniform(0, 0.4, (10, 11, 12)))
    settings = exact(samples=64, max_depth=100_000, max_albedo=1.0, phase_g=g)
    out = pathtrace(ball, camera(ball), sky, settings=settings)
    if sky is WHITE:
        # Every path that is scattered ends in the same light, so there is no noise at all.
        np.testing.assert_allclose(out.radiance, np.repeat(out.alpha[..., None], 3, axis=-1), rtol=2e-6)
    else:
        off = out.radiance[..., 0].astype(np.float64) - out.alpha
        assert abs(off.sum()) < 4 * np.sqrt((out.standard_error[..., 0].astype(np.float64) ** 2).sum())


def test_a_furnace_of_surfaces_never_adds_light() -> None:
    sigma = np.zeros((14, 14, 14))
    sigma[3:11, 3:11, 3:11] = 3.0
    cube = volume(sigma)
    settings = exact(samples=64, max_depth=1000, max_albedo=1.0, surface=SurfaceMode(roughness=0.3))
    out = pathtrace(cube, camera(cube), WHITE, settings=settings)
    share = out.radiance.sum() / (3 * out.alpha.sum())
    # The coat's own shadowing takes some light at each of many bounces.
    assert 0.4 < share < 1.0


def single_scattering(sigma: float, albedo: float, thickness: float, light: AreaLight) -> float:
    """Radiance along the axis of a cube of ``thickness`` seen from +y, lit by one small light, to first order.

    By quadrature: ∫ σ a p L(light) T(in) T(out) dt, with the light's solid angle summed over its square.
    """
    radius = thickness / 2
    place = np.array(light.position) * radius
    normal = -place / np.linalg.norm(place)
    u = np.cross((0, 0, 1), normal)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    ticks = (np.arange(24) + 0.5) / 24 * 2 - 1
    a, b = np.meshgrid(ticks, ticks)
    half = light.half_size * radius
    points = place + half * (a[..., None] * u + b[..., None] * v)
    area = (2 * half / 24) ** 2
    steps = 400
    total = 0.0
    for t in (np.arange(steps) + 0.5) / steps * thickness:
        at = np.array([0.0, radius - t, 0.0])
        way = points - at
        distance = np.linalg.norm(way, axis=-1)
        way /= distance[..., None]
        with np.errstate(divide="ignore"):
            leave = np.where(way > 0, (radius - at) / way, (-radius - at) / way).min(axis=-1)
        passed = np.exp(-sigma * (t + leave))
        seen = -(way @ normal) / distance**2 * area
        total += float((passed * seen).sum()) * thickness / steps
    return sigma * albedo / (4 * np.pi) * light.radiance[0] * total


@pytest.mark.parametrize("position", [(0.5, 2.0, 1.5), (-3.0, -1.2, 0.5)])
def test_single_scattering_is_the_integral(position: tuple[float, float, float]) -> None:
    n, spacing, sigma, albedo = 12, 1.5, 0.08, 0.5
    light = AreaLight("lamp", position, 0.4, (20.0, 20.0, 20.0))
    rgb = linear_to_srgb(np.full(3, albedo))
    cube = volume(np.full((n, n, n), sigma), rgb, spacing)
    settings = exact(samples=4096, max_depth=1)
    out = pathtrace(cube, narrow_camera(cube, (0, 1, 0)), LightRig("one", DARK, (light,)), settings=settings)
    mean = float(out.radiance[..., 0].mean(dtype=np.float64))
    error = float(np.sqrt((out.standard_error[..., 0].astype(np.float64) ** 2).sum()) / out.alpha.size)
    expected = single_scattering(sigma, albedo, n * spacing, light)
    assert abs(mean - expected) < 4 * error
    assert error < 0.01 * expected


def test_a_lamp_hides_another_lamp_and_the_sky() -> None:
    cube = volume(np.full((6, 6, 6), 0.1))
    shield = AreaLight("shield", (0.0, 0.0, 5.0), 2.0, DARK)
    lamp = AreaLight("lamp", (0.0, 0.0, 12.0), 0.5, (500.0, 500.0, 500.0))
    settings = exact(samples=16)
    hidden = pathtrace(cube, camera(cube), LightRig("hidden", DARK, (shield, lamp)), settings=settings)
    assert hidden.radiance.max() == 0
    assert hidden.alpha.max() > 0
    open_sky, roofed = (
        pathtrace(cube, camera(cube), LightRig("sky", (1.0, 1.0, 1.0), lights), settings=settings).radiance.sum()
        for lights in ((), (shield,))
    )
    assert roofed < 0.97 * open_sky


def test_lights_and_sky_are_not_in_the_picture() -> None:
    cube = volume(np.full((4, 4, 4), 0.1))
    lamp = AreaLight("lamp", (0.0, -5.0, 0.0), 2.0, (500.0, 500.0, 500.0))
    out = pathtrace(cube, camera(cube, (0, 1, 0), fov=40), LightRig("behind", (1.0, 1.0, 1.0), (lamp,)))
    missed = out.alpha == 0
    assert missed.any()
    assert out.radiance[missed].max() == 0


def test_a_camera_inside_sees_only_what_is_before_it() -> None:
    sigma, length = 0.1, 20.0
    cube = volume(np.full((20, 20, 20), sigma))
    middle = cube.grid.center
    inside = Cameras(look_at(middle + np.array([0, 0.01, 0]), middle), intrinsics(1, 8, 8, 0.05), 8, 8)
    mean, error = mean_alpha(cube, inside, WHITE, samples=2048)
    assert abs(mean - (1 - np.exp(-sigma * length / 2))) < 4 * error + 1e-3


def test_a_far_camera_sees_the_same_slab() -> None:
    slab = volume(np.full((8, 8, 8), 0.1))
    middle = slab.grid.center
    far = Cameras(look_at(middle + np.array([0, 1e6, 0]), middle), intrinsics(1, 8, 8, 1e-4), 8, 8)
    mean, error = mean_alpha(slab, far, WHITE, samples=2048)
    assert abs(mean - (1 - np.exp(-0.8))) < 4 * error


def test_clip_planes_cut_where_they_lie() -> None:
    sigma = 0.1
    cube = volume(np.full((20, 20, 20), sigma))
    middle = cube.grid.center
    # Between voxel centres: a cut through voxels would be off by half of one.
    cut = ClipPlane(tuple(middle + np.array([0, 3.3, 0])), (0, -2, 0))
    along = narrow_camera(cube, (0, 1, 0))
    mean, error = mean_alpha(cube, along, WHITE, samples=2048, clip=(cut,))
    assert abs(mean - (1 - np.exp(-sigma * 13.3))) < 4 * error
    wedge = ClipPlane(tuple(middle - (0, 3.3, 0)), (0, 1, 0))
    mean, error = mean_alpha(cube, along, WHITE, samples=2048, clip=(cut, wedge))
    assert abs(mean - (1 - np.exp(-sigma * 6.6))) < 4 * error
    across = mean_alpha(cube, narrow_camera(cube, (1, 0, 0)), WHITE, samples=512, clip=(cut,))[0]
    assert across == pytest.approx(1 - np.exp(-sigma * 20), abs=0.02)


def test_a_lens_blurs_what_is_out_of_focus_and_nothing_else() -> None:
    sigma = np.zeros((24, 6, 24))
    sigma[:12, 2:4] = 50.0
    edge = volume(sigma)
    view = camera(edge, (0, 1, 0), size=32)
    distance = 3 * 24.0
    sharp, focused, blurred = (
        pathtrace(edge, view, WHITE, settings=exact(samples=64, lens=lens)).alpha[0, 16]
        for lens in (None, ThinLens(4.0, distance), ThinLens(4.0, distance / 2))
    )

    def width(alpha: np.ndarray) -> int:
        return int(((alpha > 0.05) & (alpha < 0.95)).sum())

    assert width(focused) <= width(sharp) + 2
    assert width(blurred) > width(sharp) + 4


def test_the_depth_limit_leaves_out_what_is_scattered_more_often() -> None:
    dense = volume(np.full((8, 8, 8), 2.0), (0.9, 0.9, 0.9))
    once, twice, often = (
        pathtrace(dense, camera(dense), WHITE, settings=exact(samples=128, max_depth=n)).radiance.sum()
        for n in (1, 2, 1000)
    )
    assert once < twice < often
