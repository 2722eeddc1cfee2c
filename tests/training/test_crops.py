"""Crops show what the look shows, and turning them turns everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from tests.training.subjects import CROP

from tomosplat.feedforward.encoding import CT_SCALE, encode_scan
from tomosplat.files.shards import Shard
from tomosplat.training.crops import augmented, draw_crop
from tomosplat.training.looks import Look, case_of
from tomosplat.training.losses import COLOR, SCALES, dense_loss


def crop_of(manifest, looks, edge=CROP, seed=0):
    return draw_crop(manifest, looks, edge, CT_SCALE, np.random.default_rng(seed))


def test_a_crop_that_holds_the_scan_holds_all_of_it(manifest, looks) -> None:
    crop, shard = crop_of(manifest, looks[:1]), Shard(looks[0])
    optical = Look.from_dict(shard.description).optical(*case_of(manifest.open("torso-0")))
    assert np.array_equal(crop.scan.numpy(), encode_scan(optical, CT_SCALE, (0, 0, 0), (2 * CROP,) * 3))
    assert np.array_equal(crop.places.numpy(), shard["places"])
    assert crop.light.shape == (5, CROP, CROP, CROP)


def test_a_small_crop_is_a_part_of_the_large_one(manifest, looks) -> None:
    small, large, shard = crop_of(manifest, looks[:1], edge=8), crop_of(manifest, looks[:1]), Shard(looks[0])
    assert 0 < len(small.places) < len(shard["pixels"])
    rows = [int(np.flatnonzero((shard["marched"] == row).all(axis=1))[0]) for row in small.marched.half().numpy()[:5]]
    shift = torch.from_numpy(shard["places"][rows].astype(np.int64)) - small.places[:5]
    assert (shift == shift[0]).all()
    i, j, k = shift[0].tolist()
    assert torch.equal(small.scan, large.scan[:, 2 * i :, 2 * j :, 2 * k :][:, :16, :16, :16])


def test_turning_takes_light_and_gaussians_along(manifest, looks) -> None:
    crop = crop_of(manifest, looks)
    i, j, k = crop.places.T
    turned_somehow = False
    for seed in range(6):
        turned = augmented(crop, np.random.default_rng(seed), turn=True)
        a, b, c = turned.places.T
        assert torch.equal(turned.light[:, a, b, c], crop.light[:, i, j, k])
        # Opacity of a voxel in each Gaussian's block, wherever the block went.
        before = torch.nn.functional.avg_pool3d(crop.scan[5][None], 2)[0]
        after = torch.nn.functional.avg_pool3d(turned.scan[5][None], 2)[0]
        assert torch.allclose(after[a, b, c], before[i, j, k])
        turned_somehow |= not torch.equal(turned.places, crop.places)
    assert turned_somehow


def test_augmentation_changes_values_alone_where_nothing_is_turned(manifest, looks) -> None:
    crop = crop_of(manifest, looks)
    changed = augmented(crop, np.random.default_rng(0), turn=False)
    assert not torch.equal(changed.scan[0], crop.scan[0])
    assert torch.equal(changed.scan[1:], crop.scan[1:])
    assert torch.equal(changed.places, crop.places)


def test_the_loss_is_zero_where_light_and_size_are_right(manifest, looks) -> None:
    crop = crop_of(manifest, looks)
    field = torch.zeros(37, CROP, CROP, CROP)
    before = float(dense_loss(field, crop))
    # One Gaussian in each block, so that there is a field that is right for all.
    _, first = np.unique(crop.places.numpy(), axis=0, return_index=True)
    keep = torch.from_numpy(first)
    per_gaussian = ("places", "marched", "brightening", "swelling", "weights")
    one = replace(crop, **{name: getattr(crop, name)[keep] for name in per_gaussian})
    i, j, k = one.places.T
    field[COLOR, i, j, k] = (4 * torch.atanh(one.brightening / 4)).T
    assert float(dense_loss(field, one)) < 0.9 * before
    field[SCALES, i, j, k] = one.swelling.expand(3, -1)
    assert float(dense_loss(field, one)) < 0.01 * before
