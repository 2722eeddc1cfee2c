import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.geometry import Grid
from tomosplat.volume.orientation import AxisOrder

ORDERS = st.builds(
    AxisOrder,
    axes=st.permutations([0, 1, 2]).map(tuple),
    reversed=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)


def grid(seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3] = rng.normal(size=(3, 4)) * [1, 1, 1, 100]
    return Grid((3, 4, 5), affine)


@given(seed=st.integers(0, 1000), orders=st.lists(ORDERS, max_size=5))
def test_any_chain_keeps_every_voxel_at_its_place(seed, orders):
    start = current = grid(seed)
    values = np.arange(60).reshape(start.shape)
    for order in orders:
        values, current = order.apply(values), order.grid(current)
    positions = current.to_world(np.argwhere(np.ones(current.shape, bool)))
    originals = start.to_world(np.stack(np.unravel_index(values.ravel(), start.shape), axis=-1))
    np.testing.assert_allclose(positions, originals, atol=1e-9)


@given(seed=st.integers(0, 1000), order=ORDERS)
def test_the_order_between_two_grids_of_the_same_voxels_is_found(seed, order):
    old = grid(seed)
    assert AxisOrder.between(old, order.grid(old)) == order


@pytest.mark.parametrize("moved", [[0.02, 0, 0], [0, 1, 0], [0, 0, -1]])
def test_no_order_is_found_for_other_voxels(moved):
    old = Grid.axis_aligned((3, 4, 5), 1.0)
    assert AxisOrder.between(old, Grid.axis_aligned((3, 4, 5), 1.0, moved)) is None
    assert AxisOrder.between(old, Grid.axis_aligned((3, 4, 6), 1.0)) is None
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert AxisOrder.between(old, Grid((3, 4, 5), turned)) is None
