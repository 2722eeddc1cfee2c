import numpy as np

from tomosplat.anatomy import VISIBLE_SETS
from tomosplat.pipeline.datasets.poses import held_out, jittered_views

OUTLINE = np.array([[x, y, z] for x in (-200, 200) for y in (-100, 100) for z in (0, 600)], dtype=float)


def views(seed, n=24):
    return jittered_views(OUTLINE, n, 100, np.random.default_rng(seed))


def test_every_view_contains_the_outline():
    cameras = views(0)
    local = np.einsum("cij,nj->cni", cameras.viewmats[:, :3, :3], OUTLINE) + cameras.viewmats[:, None, :3, 3]
    pixels = np.einsum("cij,cnj->cni", cameras.Ks, local)
    pixels = pixels[..., :2] / pixels[..., 2:]
    assert pixels.min() >= 0
    assert pixels.max() <= 100


def test_views_are_spread_around_and_differ_with_the_seed():
    positions = views(0).positions - OUTLINE.mean(axis=0)
    directions = positions / np.linalg.norm(positions, axis=1, keepdims=True)
    cosines = directions @ directions.T - 2 * np.eye(24)
    nearest = np.degrees(np.arccos(cosines.max(axis=1)))
    assert nearest.min() > 5
    assert np.linalg.norm(directions.mean(axis=0)) < 0.15
    np.testing.assert_array_equal(views(0).viewmats, views(0).viewmats)
    assert np.abs(views(0).viewmats - views(1).viewmats).max() > 0.1


def test_one_in_so_many_is_held_out():
    assert held_out(17, 8).nonzero()[0].tolist() == [0, 8, 16]
    assert not held_out(5, 0).any()


def test_the_sets_are_the_papers():
    assert VISIBLE_SETS["all"] is None
    skeleton, organs = set(VISIBLE_SETS["skeleton"]), set(VISIBLE_SETS["organs"])
    assert {5, 10, 51, 52} <= organs  # liver, a lung lobe, heart, aorta
    assert 31 in skeleton  # a vertebra
    assert not skeleton & organs
    assert not {80, 86} & (skeleton | organs)  # gluteus, autochthon: muscles
