import numpy as np
import pytest
import torch
from tests.dvr.small import GRID, jittered_rays, look_up_two, random_volume, sampled
from tests.render.closeness import assert_gradient_close
from torch import Tensor

from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.reference import look_up, march_reference
from tomosplat.errors import ShapeError, UnitsError

RAYS = jittered_rays()


def random_table(*shape: int) -> Tensor:
    table = torch.rand((*shape, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    table[..., 3] *= 0.4
    return table


def float_features(values: Tensor, others: Tensor | None = None, shown: Tensor | None = None) -> Features:
    return Features(
        values.float().numpy(),
        others.float().numpy() if others is not None else None,
        shown.numpy() if shown is not None else None,
    )


def both_gradients(
    table: Tensor, features: Features, march: March, reference: Tensor, leaf: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernels' picture, their gradient and the reference's, for one random gradient of the picture."""
    upstream = torch.randn(reference.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    (expected,) = torch.autograd.grad((reference * upstream).sum(), leaf)
    single = table.detach().float().requires_grad_()
    image = render_table(features, single, RAYS.to(torch.float32), march)
    (actual,) = torch.autograd.grad((image * upstream).sum(), single)
    return image, actual, expected


@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
def test_kernels_of_one_feature_agree_with_the_reference(associated: bool, hidden: bool) -> None:
    values, march, table = random_volume(), March(1.7, associated), random_table(11).requires_grad_()
    shown = random_volume(seed=8) > 0.4
    shown[:, :5] = False
    if not hidden:
        shown[:] = True

    def classify(places: Tensor) -> tuple[Tensor, Tensor]:
        numbers = look_up(table, sampled(values, places))
        share = sampled(shown.double(), places)
        return numbers[..., :3] * (1 if associated else share[..., None]), numbers[..., 3] * share

    reference = march_reference(classify, RAYS, march)
    features = float_features(values, shown=shown if hidden else None)
    image, actual, expected = both_gradients(table, features, march, reference, table)
    torch.testing.assert_close(image.double(), reference, rtol=1e-4, atol=1e-4)
    assert_gradient_close(actual, expected)


@pytest.mark.parametrize("associated", [False, True])
def test_kernels_of_two_features_agree_with_the_reference(associated: bool) -> None:
    values, others, march = random_volume(), random_volume(seed=2), March(1.7, associated)
    table = random_table(5, 9).requires_grad_()

    def classify(places: Tensor) -> tuple[Tensor, Tensor]:
        numbers = look_up_two(table, sampled(others, places), sampled(values, places))
        return numbers[..., :3], numbers[..., 3]

    reference = march_reference(classify, RAYS, march)
    image, actual, expected = both_gradients(table, float_features(values, others), march, reference, table)
    torch.testing.assert_close(image.double(), reference, rtol=1e-4, atol=1e-4)
    assert_gradient_close(actual, expected)


def test_a_ray_that_nothing_passes_any_more_ends_without_a_difference() -> None:
    table = random_table(6)
    table[:, 3] = 60.0  # opaque at once
    image = render_table(float_features(random_volume()), table.float(), RAYS.to(torch.float32), March(1, True))
    hit = RAYS.lengths > 1
    torch.testing.assert_close(image[..., 3][hit], torch.ones(int(hit.sum())), rtol=0, atol=1e-4)


def test_skipping_what_the_table_shows_nothing_of_changes_nothing() -> None:
    values = torch.linspace(0, 1, GRID.shape[0], dtype=torch.float64)[:, None, None].expand(GRID.shape).contiguous()
    table = random_table(16).float()
    table[:9] = 0
    features, march, rays = float_features(values), March(2.3), RAYS.to(torch.float32)
    skipped = render_table(features, table, rays, march)
    whole = render_table(features, table.clone().requires_grad_(), rays, march)
    torch.testing.assert_close(skipped, whole.detach(), rtol=0, atol=1e-6)
    assert float(skipped[..., 3].max()) > 0.1


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    features, table, march = float_features(random_volume()), random_table(11).float(), March(1.7)
    results = []
    before = torch.get_num_threads()
    for n in (1, 3):
        torch.set_num_threads(n)
        leaf = table.clone().requires_grad_()
        image = render_table(features, leaf, RAYS.to(torch.float32), march)
        image.sum().backward()
        results.append((image.detach(), leaf.grad))
    torch.set_num_threads(before)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4, 4), (5, 3)])
def test_tables_of_the_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="table"):
        render_table(float_features(random_volume()), torch.rand(shape), RAYS.to(torch.float32), March())


@pytest.mark.parametrize("wrong", [float("nan"), -0.1])
def test_absorption_that_is_none_is_refused(wrong: float) -> None:
    table = torch.rand(4, 4)
    table[2, 3] = wrong
    with pytest.raises(UnitsError, match="finite"):
        render_table(float_features(random_volume()), table, RAYS.to(torch.float32), March())


def test_features_that_do_not_belong_together_are_refused() -> None:
    values = np.zeros((4, 4, 4), np.float32)
    with pytest.raises(ShapeError, match="expected one"):
        Features(values, values[:3])
    with pytest.raises(ShapeError, match="2x2x2"):
        Features(values[:1])
