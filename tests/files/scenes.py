"""A random scene with everything that a scene file can hold."""

import torch

from tomosplat.gaussians import GaussianScene, conditional_parts


def random_scene(n: int = 40, seed: int = 0) -> GaussianScene:
    rng = torch.Generator().manual_seed(seed)
    parts = conditional_parts(torch.rand(n, 6, generator=rng) + 0.5, torch.rand(n, 15, generator=rng) - 0.5)
    means_dir = torch.randn(n, 3, generator=rng)
    return GaussianScene(
        means=torch.randn(n, 3, generator=rng) * 100,
        means_dir=means_dir / means_dir.norm(dim=1, keepdim=True),
        covs=parts.covs,
        gains=parts.gains,
        precisions_dir=parts.precisions_dir,
        opacities=torch.rand(n, generator=rng),
        sh=torch.randn(n, 4, 3, generator=rng),
        labels=torch.randint(0, 256, (n,), generator=rng).to(torch.uint8),
        values=torch.randn(n, generator=rng) * 500,
        illumination=torch.rand(n, 3, generator=rng),
        direction_weight=0.2,
        label_names={51: "heart", 92: "rib_left_1"},
        shading={"functions": {"name": "seen"}, "bounds_mm": [[0.1, 0, 0], [1, 1, 1]]},
        provenance={"priming": "test\nwith a line break", "nested": {"a": [1, 2.5, None]}},
    )


def assert_same_scene(found: GaussianScene, expected: GaussianScene) -> None:
    """Everything is equal, numbers to the bit."""
    assert found.tensors().keys() == expected.tensors().keys()
    for name, tensor in expected.tensors().items():
        assert found.tensors()[name].dtype == tensor.dtype
        assert torch.equal(found.tensors()[name], tensor), name
    assert found.direction_weight == expected.direction_weight
    assert found.label_names == expected.label_names
    assert found.shading == expected.shading
    assert found.provenance == expected.provenance
