import numpy as np
import pytest
import torch
from tests.dvr.subject import GRID, ball_values

from tomosplat.dvr.few_points import TOLERANCE, with_few_points
from tomosplat.dvr.lookup import render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays, camera_rays, voxel_edge
from tomosplat.dvr.scan_features import ScanFeatures, scan_features
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.transfer import OPACITY_LENGTH_MM, TransferFunction
from tomosplat.volume import Volume

EDGE = voxel_edge(GRID)
MADE_BY_HAND = TransferFunction(
    np.array([[0, 1, 0.3, 0.1, 0], [200, 1, 0.3, 0.1, 0.05], [400, 0.2, 0.4, 1, 0.5], [900, 1, 1, 1, 0.6]])
)


def scan() -> ScanFeatures:
    volume = Volume(-500 + 1500 * ball_values().numpy(), GRID, unit="HU", modality="CT")
    return scan_features(volume, ball_values().numpy() > 0.1, steepness=False)


def rays() -> Rays:
    return camera_rays(frame_bounds(GRID.bounds, fibonacci_directions(2), 24, 24), GRID)


def drawn(function: TransferFunction, of: ScanFeatures) -> torch.Tensor:
    numbers = function(of.values_of(512))
    absorption = -np.log1p(-numbers[:, 3:]) * EDGE / OPACITY_LENGTH_MM
    table = torch.from_numpy(np.column_stack([numbers[:, :3], absorption])).float()
    return render_table(of.features, table, rays(), March(4, associated=True))


def entries(of: ScanFeatures, noise: float) -> TransferFunction:
    """A point for each of 128 entries, and random numbers added where something is seen."""
    numbers = MADE_BY_HAND(of.values_of(128))
    amounts = noise * np.random.default_rng(0).uniform(-1, 1, numbers.shape) * (numbers[:, 3:] > 0)
    return TransferFunction(np.column_stack([of.values_of(128), np.clip(numbers * (1 + amounts), 0, 0.99)]))


@pytest.mark.parametrize(("noise", "most"), [(0.0, 12), (0.1, 24)])
def test_few_points_draw_what_all_entries_draw(noise: float, most: int) -> None:
    of = scan()
    every = entries(of, noise)
    few, change = with_few_points(every, of, rays(), EDGE, TOLERANCE)
    assert len(few.points) <= most
    images, wanted = drawn(few, of), drawn(every, of)
    shown = torch.maximum(images[..., 3], wanted[..., 3]) > 0.5 / 255
    measured = float((images - wanted)[shown].square().mean().sqrt())
    assert 0 < change <= 2 / 255
    assert measured == pytest.approx(change, rel=0.2)


def test_what_no_points_can_replace_stays_as_it_is() -> None:
    of = scan()
    peak = TransferFunction(np.column_stack([of.values_of(3), np.full((3, 3), 0.5), [0, 0.9, 0]]))
    same, change = with_few_points(peak, of, rays(), EDGE, TOLERANCE)
    assert same is peak
    assert change == 0.0
