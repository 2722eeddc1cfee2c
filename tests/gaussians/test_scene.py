"""What a scene promises about its tensors."""

from dataclasses import replace

import pytest
import torch

from tomosplat.errors import ShapeError
from tomosplat.gaussians import GaussianScene


def scene_of(n: int) -> GaussianScene:
    return GaussianScene(
        means=torch.arange(3.0 * n).reshape(n, 3),
        means_dir=torch.tensor([[0.0, 1, 0]]).repeat(n, 1),
        covs=torch.ones(n, 6),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.zeros(n, 6),
        opacities=torch.full((n,), 0.5),
        sh=torch.zeros(n, 4, 3),
        labels=torch.arange(n).to(torch.uint8),
        label_names={0: "background"},
    )


def test_selection_takes_the_same_gaussians_from_every_tensor() -> None:
    scene = scene_of(5)
    chosen = scene.select(scene.labels > 2)
    assert len(chosen) == 2
    assert chosen.labels.tolist() == [3, 4]
    assert torch.equal(chosen.means, scene.means[3:])
    assert chosen.label_names == scene.label_names
    assert chosen.n_labels == 2


def test_conversion_leaves_labels_as_they_are() -> None:
    double = scene_of(3).to(torch.float64)
    assert double.covs.dtype == torch.float64
    assert double.labels.dtype == torch.uint8


@pytest.mark.parametrize(
    "change",
    [
        {"covs": torch.ones(3, 3)},
        {"sh": torch.zeros(3, 16, 3)},
        {"opacities": torch.zeros(3, 1)},
        {"gains": torch.zeros(3, 3, 3).double()},
        {"labels": torch.zeros(3)},
    ],
)
def test_tensors_that_disagree_are_refused(change: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ShapeError, match=next(iter(change))):
        replace(scene_of(3), **change)
