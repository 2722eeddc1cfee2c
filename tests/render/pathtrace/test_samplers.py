"""Every sampler draws from the density that it says it draws from: Pearson's χ² test."""

import math

import numpy as np
import pytest
from numba import njit
from scipy import stats
from tests.render.pathtrace.scenes import ROOM, blobs, volume

from tomosplat.geometry import fibonacci_directions
from tomosplat.lighting import Environment
from tomosplat.render.pathtracer.dome import build_dome, sample_dome
from tomosplat.render.pathtracer.lights import aim_at_light, build_lights, choose_light
from tomosplat.render.pathtracer.medium import build_medium
from tomosplat.render.pathtracer.phase import phase_density, sample_phase
from tomosplat.render.pathtracer.rng import STEP, high_unit, low_unit, mix, path_counter
from tomosplat.render.pathtracer.surface import Surfaces, sample_surface, surface_value
from tomosplat.render.pathtracer.tracking import fly

N = 200_000
ROWS, COLUMNS = 12, 24
F32 = np.float32
NO_PLANES = np.zeros((0, 4), np.float32)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """Chance of counts at least this far from what is expected; rare bins are pooled into one."""
    counts, expected = np.asarray(counts, np.float64), np.asarray(expected, np.float64)
    rare = expected < 20
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0
    assert counts[~kept].sum() == 0, "a sampler drew what has no density"
    return float(stats.chisquare(counts[kept], expected[kept] * counts.sum() / expected.sum()).pvalue)


def bin_directions(directions: np.ndarray) -> np.ndarray:
    heights = ((1 - directions[:, 2]) / 2 * ROWS).astype(int).clip(0, ROWS - 1)
    turns = ((np.arctan2(directions[:, 1], directions[:, 0]) / (2 * np.pi) % 1) * COLUMNS).astype(int) % COLUMNS
    return np.bincount(heights * COLUMNS + turns, minlength=ROWS * COLUMNS)


def bin_density(density, per_bin: int = 16) -> np.ndarray:
    """Integral of a density over the bins of equal solid angle, given on directions [N, 3]."""
    z = 1 - 2 * (np.arange(ROWS * per_bin) + 0.5) / (ROWS * per_bin)
    phi = 2 * np.pi * (np.arange(COLUMNS * per_bin) + 0.5) / (COLUMNS * per_bin)
    zz, pp = np.meshgrid(z, phi, indexing="ij")
    radius = np.sqrt(1 - zz**2)
    values = density(np.stack([radius * np.cos(pp), radius * np.sin(pp), zz], axis=-1).reshape(-1, 3))
    blocks = values.reshape(ROWS, per_bin, COLUMNS, per_bin).mean(axis=(1, 3))
    return blocks.ravel() * 4 * np.pi / (ROWS * COLUMNS)


def test_random_words_are_even_in_every_part() -> None:
    @njit
    def draw(n):
        out = np.empty((n, 2))
        for sample in range(n):
            word = mix(path_counter(np.uint64(7), sample % 64, sample // 64) + STEP)
            out[sample] = high_unit(word), low_unit(word)
        return out

    values = draw(N)
    assert values.min() > 0
    assert values.max() < 1
    counts = np.histogram2d(values[:, 0], values[:, 1], bins=(16, 16), range=((0, 1), (0, 1)))[0].ravel()
    assert chi_square(counts, np.full(256, N / 256)) > 1e-4


@pytest.mark.parametrize("g", [-0.5, 0.0, 0.3, 0.8])
def test_the_phase_function_is_henyey_and_greensteins(g: float) -> None:
    axis = np.array([0.48, -0.6, 0.64])

    @njit
    def draw(n):
        out, counter = np.empty((n, 3)), path_counter(np.uint64(1), 2, 3)
        for i in range(n):
            w, _, counter = sample_phase(F32(g), (F32(0.48), F32(-0.6), F32(0.64)), counter)
            out[i, 0], out[i, 1], out[i, 2] = w
        return out

    @njit
    def densities(cosines):
        return np.array([phase_density(F32(g), F32(c)) for c in cosines])

    def formula(w: np.ndarray) -> np.ndarray:
        return (1 - g * g) / (4 * np.pi * (1 + g * g - 2 * g * (w @ axis)) ** 1.5)

    directions = draw(N)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    assert chi_square(bin_directions(directions), N * bin_density(formula)) > 1e-4
    some = fibonacci_directions(50, 1.0)
    np.testing.assert_allclose(densities(some @ axis), formula(some), rtol=2e-3 if g == 0 else 1e-4)


def test_the_sky_is_sampled_by_its_luminance() -> None:
    rng = np.random.default_rng(3)
    sky = Environment((rng.uniform(0, 1, (6, 10, 3)) ** 4 * 30).astype(np.float32))
    dome = build_dome(sky)

    @njit
    def draw(n, dome):
        out, pixels, counter = np.empty((n, 3)), np.empty(n, np.int64), path_counter(np.uint64(1), 2, 3)
        for i in range(n):
            w, pixel, counter = sample_dome(dome, counter)
            out[i, 0], out[i, 1], out[i, 2] = w
            pixels[i] = pixel
        return out, pixels

    directions, pixels = draw(N, dome)
    luminance = sky.radiance.reshape(-1, 3) @ (0.2126, 0.7152, 0.0722)
    edges = np.cos(np.linspace(0, np.pi, 7))
    power = luminance * np.repeat((edges[:-1] - edges[1:]) * 2 * np.pi / 10, 10)
    assert chi_square(np.bincount(pixels, minlength=60), N * power / power.sum()) > 1e-4
    # Within a pixel directions are even, and the pixel is the one that is seen in that direction.
    np.testing.assert_array_equal(sky.look(directions[:5000]), sky.radiance.reshape(-1, 3)[pixels[:5000]])
    np.testing.assert_allclose(dome.density, luminance / power.sum(), rtol=1e-5)
    expected = bin_density(lambda w: sky.look(w) @ (0.2126, 0.7152, 0.0722) / power.sum(), per_bin=60)
    assert chi_square(bin_directions(directions), N * expected) > 1e-4


def test_lights_are_aimed_at_evenly_over_their_area() -> None:
    scan = volume(np.ones((8, 8, 8)), spacing=(1.0, 2.0, 1.5))
    lights = build_lights(ROOM, build_dome(Environment.constant(ROOM.environment)), scan)
    start = np.array([3.0, 2.0, 5.0])

    @njit
    def draw(n, lights, to_world, x, y, z):
        out, densities, counter = np.empty((n, 3)), np.empty(n), path_counter(np.uint64(1), 2, 3)
        for i in range(n):
            _, w, distance, densities[i], counter = aim_at_light(lights, 1, to_world, (x, y, z), counter)
            for c in range(3):
                out[i, c] = w[c] * distance
        return out, densities

    to_world = scan.grid.affine[:3, :3].astype(np.float32)
    offsets, densities = draw(N, lights, to_world, *(F32(x) for x in start))
    placed = ROOM.place(scan.grid.bounds)
    on_light = offsets + scan.grid.to_world(start - 1) - placed.centers[1]
    edges = placed.half_edges[1]
    inside = on_light @ edges.T / (edges**2).sum(axis=1)
    assert np.abs(inside).max() < 1.0001
    assert np.abs(on_light @ placed.normals[1]).max() < 1e-2
    counts = np.histogram2d(*inside.T, bins=(10, 10), range=((-1, 1), (-1, 1)))[0].ravel()
    assert chi_square(counts, np.full(100, N / 100)) > 1e-4
    distance = np.linalg.norm(offsets, axis=1)
    area = 4 * np.prod(np.linalg.norm(edges, axis=1))
    cosine = -(offsets @ placed.normals[1]) / distance
    np.testing.assert_allclose(densities, lights.chances[1] * distance**2 / (cosine * area), rtol=1e-3)


def test_lights_are_chosen_by_their_chances() -> None:
    chances = np.array([0.2, 0.0, 0.5, 0.3], np.float32)

    @njit
    def draw(n):
        counts, counter = np.zeros(4), path_counter(np.uint64(1), 2, 3)
        for _ in range(n):
            counter += STEP
            counts[choose_light(chances, high_unit(mix(counter)))] += 1
        return counts

    assert chi_square(draw(N), N * chances) > 1e-4


@pytest.mark.parametrize("roughness", [0.25, 0.6, 1.0])
@pytest.mark.parametrize("cosine", [0.95, 0.3])
def test_surfaces_are_sampled_by_their_density_and_lose_light(roughness: float, cosine: float) -> None:
    surfaces = Surfaces(np.zeros((0, 0, 0, 3), np.int16), F32(0), F32(roughness**2), F32(0.04))
    normal = np.array([0.48, -0.6, 0.64])
    across = np.array([0.8, 0.0, -0.6])
    view = cosine * normal + math.sqrt(1 - cosine**2) * across

    @njit
    def draw(n, surfaces, normal, view):
        out, counter = np.empty((n, 3)), path_counter(np.uint64(1), 2, 3)
        v = F32(view[0]), F32(view[1]), F32(view[2])
        nn = F32(normal[0]), F32(normal[1]), F32(normal[2])
        for i in range(n):
            w, counter = sample_surface(surfaces, nn, v, counter)
            out[i, 0], out[i, 1], out[i, 2] = w
        return out

    @njit
    def value(surfaces, normal, view, directions):
        out = np.empty((len(directions), 3))
        v = F32(view[0]), F32(view[1]), F32(view[2])
        nn = F32(normal[0]), F32(normal[1]), F32(normal[2])
        for i in range(len(directions)):
            w = F32(directions[i, 0]), F32(directions[i, 1]), F32(directions[i, 2])
            out[i, 0], out[i, 1], out[i, 2] = surface_value(surfaces, nn, v, w)
        return out

    directions = draw(N, surfaces, normal, view)
    above = directions @ normal > 2e-6
    counts = bin_directions(directions[above])
    expected = N * bin_density(lambda w: value(surfaces, normal, view, w)[:, 2], per_bin=48)
    assert above.mean() == pytest.approx(expected.sum() / N, abs=0.005)
    assert chi_square(counts, expected) > 1e-4
    albedo = bin_density(lambda w: value(surfaces, normal, view, w)[:, :2].sum(axis=1), per_bin=48).sum()
    assert 0.5 < albedo < 1
    there = np.array([0.6, -0.64, 0.48])
    forth = value(surfaces, normal, view, there[None])[0, :2] / (there @ normal)
    back = value(surfaces, normal, there, view[None])[0, :2] / (view @ normal)
    np.testing.assert_allclose(forth, back, rtol=1e-4)


def trilinear_depth(sigma: np.ndarray, start: np.ndarray, step: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Optical depth at ``lengths`` mm along a ray in padded voxel coordinates, by fine steps."""
    from scipy.ndimage import map_coordinates

    fine = np.linspace(0, lengths[-1], 20_001)
    middles = (fine[1:] + fine[:-1]) / 2
    places = (start - 1)[:, None] + step[:, None] * middles
    inside = ((places > -0.5) & (places < np.array(sigma.shape)[:, None] - 0.5)).all(axis=0)
    values = np.where(inside, map_coordinates(sigma, places, order=1, mode="nearest"), 0)
    return np.interp(lengths, fine, np.concatenate([[0], np.cumsum(values) * fine[1]]))


@pytest.mark.parametrize("direction", [(0.6, 0.64, 0.48), (0, 0, 1), (-1, 0, 0)])
def test_free_flights_and_transmittance_follow_trilinear_extinction(direction: tuple[float, float, float]) -> None:
    sigma = blobs((19, 21, 23)) * 0.5
    medium = build_medium(volume(sigma), 0.9)
    step = np.array(direction) / np.linalg.norm(direction)
    start = np.array([10.3, 11.2, 12.9]) - 8.1 * step

    @njit
    def draw(n, medium, p, d, ratio):
        out, counter = np.empty((n, 2)), path_counter(np.uint64(1), 2, 3)
        pp, dd = (F32(p[0]), F32(p[1]), F32(p[2])), (F32(d[0]), F32(d[1]), F32(d[2]))
        for i in range(n):
            t, cell, passed, counter = fly(medium, NO_PLANES, pp, dd, F32(15.0), ratio, counter)
            out[i, 0], out[i, 1] = 1e9 if cell < 0 else t, passed
        return out

    edges = np.linspace(0, 15, 61)
    transmittance = np.exp(-trilinear_depth(sigma, start, step, edges))
    flights = draw(N, medium, start, step, False)[:, 0]
    counts = np.append(np.histogram(flights, bins=edges)[0], (flights > 1e8).sum())
    assert chi_square(counts, N * np.append(-np.diff(transmittance), transmittance[-1])) > 1e-4
    passed = draw(N, medium, start, step, True)[:, 1]
    assert abs(passed.mean() - transmittance[-1]) < 4 * passed.std() / math.sqrt(N)
