import numpy as np
import pytest
import torch
from tests.dvr.subject import GRID, ball_values, known_table

from tomosplat.dvr.lookup import render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import camera_rays, voxel_edge
from tomosplat.dvr.scan_features import scan_features
from tomosplat.dvr.table_export import colored_volume, transfer_function_of
from tomosplat.errors import EmptySceneError, UnitsError
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.render import Raymarcher, RaymarchSettings
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, Volume

SCAN = Volume(-500 + 1500 * ball_values().numpy(), GRID, unit="HU", modality="CT")
ALL_SEEN = torch.ones(24, dtype=torch.bool)
LABELS = LabelMap((ball_values().numpy() > 0.2).astype(np.uint8), GRID)


@pytest.mark.parametrize("shown", [False, True])
def test_the_ray_marcher_draws_with_the_function_what_the_table_drew(shown: bool) -> None:
    mask = LABELS.values != 0 if shown else np.ones(GRID.shape, np.bool_)
    scan = scan_features(SCAN, mask if shown else None, steepness=False)
    table = known_table(192)
    function, notes = transfer_function_of(table, torch.ones(192, dtype=torch.bool), scan, voxel_edge(GRID))
    assert notes == []
    cameras = frame_bounds(GRID.bounds, fibonacci_directions(2), 40, 40)
    drawn = render_table(scan.features, table, camera_rays(cameras, GRID), March(8, associated=True))
    marcher = Raymarcher(
        SCAN,
        LabelMap(mask.astype(np.uint8), GRID),
        TransferFunctions({1: function}, "learned"),
        (np.arange(256) > 0).astype(np.uint8),
        settings=RaymarchSettings(step_mm=0.25, shading=None, jitter=False),
    )
    marched = torch.cat([marcher.draw(cameras[n : n + 1]).rgba for n in range(2)])
    error = float((drawn - marched).square().mean())
    assert error < 1e-5  # 50 dB
    assert float(marched[..., 3].max()) > 0.9


def test_entries_that_no_picture_told_of_follow_their_neighbours() -> None:
    seen = ALL_SEEN.clone()
    seen[10:14] = False
    scan = scan_features(SCAN, None, steepness=False)
    function, notes = transfer_function_of(known_table(), seen, scan, 2.0)
    assert any("4 of 24" in note for note in notes)
    expected = np.linspace(function.points[9, 1], function.points[14, 1], 6)
    np.testing.assert_allclose(function.points[9:15, 1], expected, atol=1e-12)


def test_a_table_of_two_features_is_averaged_by_how_often_they_occur() -> None:
    scan = scan_features(SCAN, None, steepness=True)
    both = known_table()[None].repeat(32, 1, 1)
    function, notes = transfer_function_of(both, torch.ones(32, 24, dtype=torch.bool), scan, 2.0)
    plain, _ = transfer_function_of(known_table(), ALL_SEEN, scan, 2.0)
    assert any("mean" in note for note in notes)
    opaque = plain.points[:, 4] > 0
    np.testing.assert_allclose(function.points[opaque], plain.points[opaque], atol=1e-6)


def test_a_coloured_volume_holds_what_the_table_says_of_each_voxel() -> None:
    scan = scan_features(SCAN, LABELS.values != 0, steepness=False)
    table = torch.tensor([[0.0, 0.5, 1.0, 0.0], [1.0, 0.5, 0.0, 3.0]])
    optical = colored_volume(table, scan, SCAN, LABELS, 2.0)
    shown = LABELS.values != 0
    np.testing.assert_allclose(optical.rgb[..., 0], scan.features.values, atol=1e-6)
    np.testing.assert_allclose(optical.extinction, 1.5 * scan.features.values * shown, atol=1e-6)
    both = scan_features(SCAN, LABELS.values != 0, steepness=True)
    rising = table[None] * torch.linspace(0, 1, 5).reshape(5, 1, 1)
    steep = colored_volume(rising, both, SCAN, LABELS, 2.0)
    assert both.features.others is not None
    expected = 1.5 * both.features.values * both.features.others * shown
    np.testing.assert_allclose(steep.extinction, expected, atol=1e-5)


def test_scans_that_hold_nothing_to_tell_apart_are_refused() -> None:
    with pytest.raises(UnitsError, match="nearly all values"):
        scan_features(Volume(np.full(GRID.shape, 7.0, np.float32), GRID), None, steepness=False)
    with pytest.raises(EmptySceneError, match="background"):
        scan_features(SCAN, np.zeros(GRID.shape, np.bool_), steepness=False)
