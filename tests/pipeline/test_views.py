import numpy as np
import pytest
import torch

from tomosplat.errors import EmptySceneError
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.views import framed_view, outline


def scene_at(points: np.ndarray, labels: list[int]) -> GaussianScene:
    n = len(points)
    return GaussianScene(
        means=torch.tensor(points, dtype=torch.float32),
        means_dir=torch.tensor([[0.0, 1, 0]]).repeat(n, 1),
        covs=torch.tensor([[1.0, 0, 0, 1, 0, 1]]).repeat(n, 1),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.zeros(n, 6),
        opacities=torch.full((n,), 0.5),
        sh=torch.zeros(n, 4, 3),
        labels=torch.tensor(labels, dtype=torch.uint8),
    )


def test_a_framed_view_contains_the_scene_and_fills_the_picture() -> None:
    points = np.random.default_rng(0).normal(size=(2000, 3)) * [150, 80, 250]
    view = framed_view(outline(scene_at(points, [1] * 2000), None), [0, 40, 110], 10, 400)
    local = np.einsum("cij,nj->cni", view.viewmats[:, :3, :3], points) + view.viewmats[:, None, :3, 3]
    pixels = np.einsum("cij,cnj->cni", view.Ks, local)
    pixels = pixels[..., :2] / pixels[..., 2:]
    assert pixels.min() >= 0
    assert pixels.max() <= 400
    assert np.ptp(pixels, axis=1).max() > 0.85 * 400


def test_only_visible_organs_are_framed() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [500, 0, 0]])
    np.testing.assert_allclose(outline(scene_at(points, [1, 1, 2]), [1]).max(axis=0), [1, 0, 0])


def test_nothing_visible_is_refused() -> None:
    with pytest.raises(EmptySceneError):
        outline(scene_at(np.zeros((1, 3)), [1]), [2])
