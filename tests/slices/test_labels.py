"""Labels between slices."""

import numpy as np
import pytest
from tests.slices.bodies import leaning

from tomosplat.slices.flow import find_motion
from tomosplat.slices.labels import carry_labels, labels_by_distance, nearest_labels
from tomosplat.slices.scores import label_scores


def discs(radii: list[float], size: int = 40) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    away = np.hypot(rows - size / 2, columns - size / 2)
    return np.stack([(away < radius).astype(np.uint8) * 7 for radius in radii])


def test_signed_distances_make_a_disc_of_the_mean_radius():
    labels = discs([6.0, 14.0])
    found = labels_by_distance(labels, np.array([0.0, 1]), np.array([0.25, 0.5]))
    for part, radius in zip(found, (8, 10), strict=True):
        assert set(np.unique(part)) == {0, 7}
        assert np.count_nonzero(part) == pytest.approx(np.pi * radius**2, rel=0.05)


def test_a_label_that_one_slice_lacks_shrinks_to_nothing_half_way():
    labels = discs([10.0, 0.0])
    found = labels_by_distance(labels, np.array([0.0, 1]), np.array([0.0, 0.2, 0.4, 0.6]))
    sizes = [np.count_nonzero(part) for part in found]
    assert sizes[0] == np.count_nonzero(labels[0])
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0


@pytest.mark.parametrize("narrow", [0.0, 9.0])
def test_motion_carries_labels_to_where_the_body_went(narrow):
    values, labels = leaning()
    positions, at = np.arange(0.0, 17, 4), np.array([2.0, 6, 10, 14])
    truth = labels[at.astype(int)]
    carried = carry_labels(labels[::4], positions, at, find_motion(values[::4]), narrow)
    dice = [label_scores(x, truth, labels).dice for x in (nearest_labels(labels[::4], positions, at), carried)]
    assert dice[1] > dice[0] + 0.05
    assert dice[1] > 0.9
    same = carry_labels(labels[::4], positions, positions[1:3], find_motion(values[::4]), narrow)
    assert np.mean(same == labels[[4, 8]]) > 0.99


def test_scores_leave_out_structures_of_a_handful_of_voxels():
    truth = np.zeros((2, 30, 30), np.uint8)
    truth[:, :20] = 1
    truth[0, 25, 25] = 2
    found = truth.copy()
    found[0, 25, 25] = 0
    found[:, :2] = 0
    scores = label_scores(found, truth, truth)
    assert (scores.structures, scores.dice) == (1, pytest.approx(2 * 18 / 38))
