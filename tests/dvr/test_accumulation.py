import pytest
import torch
from tests.dvr.small import jittered_rays, random_volume, sampled
from tests.render.closeness import assert_gradient_close
from torch import Tensor

from tomosplat.dvr.accumulation import accumulate_volume
from tomosplat.dvr.march import March
from tomosplat.dvr.reference import march_reference, trilinear
from tomosplat.errors import ShapeError

RAYS = jittered_rays()


@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("n", [3, 16])
@pytest.mark.parametrize("skip", [False, True])
def test_kernels_agree_with_the_reference(associated: bool, n: int, skip: bool) -> None:
    colors, absorption, march = random_volume(n) - 0.3, random_volume(seed=1) * 0.4, March(1.7, associated)
    if skip:
        absorption[:, 3:], colors[:, 3:] = 0, 0
    colors.requires_grad_()
    absorption.requires_grad_()

    def classify(places: Tensor) -> tuple[Tensor, Tensor]:
        return trilinear(colors, places), sampled(absorption, places)

    reference = march_reference(classify, RAYS, march)
    upstream = torch.randn(reference.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    expected = torch.autograd.grad((reference * upstream).sum(), (colors, absorption))
    leaves = [tensor.detach().float().requires_grad_() for tensor in (colors, absorption)]
    image = accumulate_volume(leaves[0], leaves[1], RAYS.to(torch.float32), march, skip_empty=skip)
    torch.testing.assert_close(image.double(), reference, rtol=1e-4, atol=1e-4)
    actual = torch.autograd.grad((image * upstream).sum(), leaves)
    # Bricks of four voxels are skipped: those in use reach to voxel 3.
    used = slice(0, 3) if skip else slice(None)
    for found, wanted in zip(actual, expected, strict=True):
        assert_gradient_close(found[:, used].flatten(0, 2), wanted[:, used].flatten(0, 2))
    if skip:
        assert float(actual[1][:, 5:].abs().max()) == 0


def test_emission_without_absorption_is_not_skipped() -> None:
    colors, nothing = torch.ones((9, 8, 7, 1)), torch.zeros((9, 8, 7))
    rays = RAYS.to(torch.float32)
    free = accumulate_volume(colors, nothing, rays, March(1), skip_empty=True)
    tied = accumulate_volume(colors, nothing, rays, March(1, associated=True), skip_empty=True)
    assert float(free[..., 0].max()) > 1
    assert float(tied.abs().max()) == 0


def test_float64_is_computed_as_such() -> None:
    colors, absorption = random_volume(2), random_volume(seed=1)

    def classify(places: Tensor) -> tuple[Tensor, Tensor]:
        return trilinear(colors, places), sampled(absorption, places)

    image = accumulate_volume(colors, absorption, RAYS, March(1.3))
    torch.testing.assert_close(image, march_reference(classify, RAYS, March(1.3)), rtol=0, atol=1e-12)


def test_volumes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ShapeError, match="accumulation needs"):
        accumulate_volume(torch.zeros(4, 4, 4, 2), torch.zeros(4, 4, 3), RAYS.to(torch.float32), March())
    with pytest.raises(ShapeError, match="2x2x2"):
        accumulate_volume(torch.zeros(4, 4, 1, 2), torch.zeros(4, 4, 1), RAYS.to(torch.float32), March())
