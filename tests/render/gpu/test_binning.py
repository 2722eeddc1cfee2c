"""Tile lists against brute force: every tile that an ellipse touches, nearest Gaussian first, and no other."""

import itertools

import numpy as np
import pytest
import torch
from tests.render.random_scenes import random_scene

from tomosplat.geometry import Cameras, look_at
from tomosplat.render.constants import ALPHA_MIN, DRAWN
from tomosplat.render.projection import camera_row
from tomosplat.render.reference.projection import project

TILE, WIDTH, HEIGHT = 16, 100, 75


@pytest.fixture(scope="module")
def scene_and_camera():
    scene = random_scene(60, seed=4)
    Ks = np.array([[[120.0, 0, 50], [0, 130, 40], [0, 0, 1]]])
    return scene, Cameras(look_at([[0, 150, 30]], (0, 0, 0)), Ks, WIDTH, HEIGHT)


def least_distance(conic, center, low, high):
    """Least (p − centre)ᵀ Q (p − centre) of a point p in a box: in it, or on one of its edges."""
    if np.all((center >= low) & (center <= high)):
        return 0.0
    found = []
    for axis in range(2):
        other = 1 - axis
        for edge in (low[axis], high[axis]):
            d = edge - center[axis]
            best = np.clip(center[other] - conic[axis, other] * d / conic[other, other], low[other], high[other])
            offset = np.empty(2)
            offset[axis], offset[other] = d, best - center[other]
            found.append(offset @ conic @ offset)
    return min(found)


def brute_force(scene, camera, exact):
    """Gaussians of each tile, nearest first."""
    projected = project(scene, *(torch.from_numpy(m[0]) for m in (camera.viewmats, camera.Ks)), WIDTH, HEIGHT)
    centers, conics = projected.centers.numpy(), projected.conics.numpy()
    levels = 2 * np.log(np.maximum(projected.opacities.numpy(), 1e-300) / ALPHA_MIN)
    lists = []
    for row in range(-(-HEIGHT // TILE)):
        for column in range(-(-WIDTH // TILE)):
            low = TILE * np.array([column, row], dtype=float)
            touching = []
            for i in np.argsort(projected.depths.numpy()):
                half = np.sqrt(np.maximum(levels[i], 0) * np.diag(np.linalg.inv(conics[i])))
                boxed = np.all((centers[i] + half >= low) & (centers[i] - half <= low + TILE))
                inside = least_distance(conics[i], centers[i], low, low + TILE) <= levels[i]
                if levels[i] >= 0 and (inside if exact else boxed):
                    touching.append(int(i))
            lists.append(touching)
    return lists


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "aabb"])
def test_lists_hold_what_touches_the_tile(device, scene_and_camera, exact):
    from tomosplat.render.gpu.binning import list_tiles, sort_by_depth, tile_grid
    from tomosplat.render.gpu.frame import Parameters, checked_pairs, project_scene

    scene, camera = scene_and_camera
    there = scene.to(torch.float32).to(device)
    parameters = Parameters(0.35, tuple(getattr(there, name) for name in DRAWN), there.labels)
    visible = torch.ones(256, dtype=torch.uint8, device=device)
    row = torch.from_numpy(camera_row(camera, 0)).to(device)
    projected = project_scene(parameters, visible, row, WIDTH, HEIGHT)
    queue = sort_by_depth(projected.depths, projected.tile_counts)
    capacity = checked_pairs(projected, queue)
    assert capacity > 256  # more than one block of slots
    binned = (projected.records, projected.outlines, projected.tile_counts, queue, capacity)
    starts, gaussians = (t.tolist() for t in list_tiles(*binned, *tile_grid(WIDTH, HEIGHT), exact))
    found = [gaussians[a:b] for a, b in itertools.pairwise(starts)]
    expected = brute_force(scene, camera, exact)
    assert found == expected
    assert sum(map(len, expected)) < capacity or not exact


def test_brute_force_finds_the_nearest_point_of_a_box():
    rng = np.random.default_rng(0)
    for _ in range(20):
        factor = rng.normal(size=(2, 2))
        conic, center, low = factor @ factor.T + 0.01 * np.eye(2), rng.normal(size=2) * 3, rng.normal(size=2)
        across, down = np.meshgrid(*(np.linspace(a, a + 1.5, 301) for a in low), indexing="ij")
        offsets = np.stack([across, down], axis=-1) - center
        sampled = np.einsum("...i,ij,...j->...", offsets, conic, offsets).min()
        assert least_distance(conic, center, low, low + 1.5) == pytest.approx(sampled, rel=0.05, abs=1e-3)
