"""Priming of a real scan: organs stay where they are."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tomosplat.anatomy import GROUP_OF_LABEL, LABEL_NAMES
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.files.scene_ply import read_ply, write_ply
from tomosplat.gaussians import Light, prime
from tomosplat.lighting import load_rig
from tomosplat.render import march_blocks
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume.resample import resample, resample_labels, working_grid


@pytest.mark.data
def test_organs_of_a_real_scan_stay_where_they_are(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "ct-slab-ts-dicom"
    scan = read_volume(folder / "ct.nii.gz")
    labels = read_labels(folder / "seg_totalseg_v2.nii.gz", like=scan.grid)
    grid = working_grid(scan.grid)
    optical = apply_transfer(
        resample(scan, grid), resample_labels(labels, grid), TransferFunctions.preset("seen"), GROUP_OF_LABEL
    )
    rig = load_rig("studio")
    scene = prime(optical, lambda blocks: Light(march_blocks(optical, rig, blocks)), label_names=LABEL_NAMES)

    organs = np.unique(optical.labels[optical.extinction > 0.02])
    assert len(organs) > 5
    for organ in organs:
        index = np.argwhere((optical.labels == organ) & (optical.extinction > 0))
        weights = optical.extinction[tuple(index.T)]
        chosen = scene.labels.numpy() == organ
        if len(index) < 500:
            continue
        means = scene.means.numpy()[chosen]
        assert LABEL_NAMES[int(organ)] == scene.label_names[int(organ)]
        assert np.abs(np.average(grid.to_world(index), axis=0, weights=weights) - means.mean(axis=0)).max() < 8
        low, high = grid.to_world(index.min(axis=0)), grid.to_world(index.max(axis=0))
        assert (means >= low - 0.1).all()
        assert (means <= high + 0.1).all()

    write_ply(tmp_path / "scene.ply", scene)
    back = read_ply(tmp_path / "scene.ply")
    assert all(torch.equal(tensor, back.tensors()[name]) for name, tensor in scene.tensors().items())
