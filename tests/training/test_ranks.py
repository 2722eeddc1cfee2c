"""Two processes that train together."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training.test_training import SMALL

from tomosplat.errors import InputError
from tomosplat.pipeline.train import train_dataset
from tomosplat.pipeline.train_options import TrainingOptions
from tomosplat.report import Report
from tomosplat.training import ranks as module
from tomosplat.training.loop import train_dense, train_pictures
from tomosplat.training.ranks import Ranks
from tomosplat.training.state import TrainState, load_state

SETTINGS = replace(SMALL, dense_steps=3, picture_steps=2, accumulate=2)
SCRIPT = """
import sys
from pathlib import Path
from types import MappingProxyType
import numba, torch
from tests.training.test_ranks import SETTINGS
from tomosplat.feedforward import model
from tomosplat.files.dataset import read_manifest
from tomosplat.networks import PRESETS, Layout
from tomosplat.training.loop import train_dense, train_pictures
from tomosplat.training.ranks import joined
from tomosplat.training.state import TrainState, load_state, save_state

torch.set_num_threads(1)
numba.set_num_threads(1)
compact = PRESETS["compact"]
model.PRESETS = MappingProxyType({"compact": Layout((4, 6, 8, 8), compact.stem, compact.norm)})
dataset, state_path, stop, *looks = sys.argv[1:]
path = Path(state_path)
with joined() as ranks:
    assert ranks.count == 2
    state = load_state(path, SETTINGS) if path.exists() else TrainState.begin(SETTINGS)
    ranks.wait()

    def after(state, values):
        if state.step == int(stop):
            if ranks.is_first:
                save_state(path, state, SETTINGS)
            ranks.wait()
            sys.exit(0)

    manifest = read_manifest(Path(dataset))
    train_dense(state, manifest, [Path(look) for look in looks], SETTINGS, ranks=ranks, on_step=after)
    train_pictures(state, manifest, SETTINGS, ranks=ranks, on_step=after)
"""


@pytest.mark.slow
def test_two_processes_stopped_on_the_way_equal_one_to_the_bit(manifest, looks, tmp_path, narrow) -> None:
    """With one crop each: a sum of two does not depend on their order."""
    alone = TrainState.begin(SETTINGS)
    train_dense(alone, manifest, looks, SETTINGS)
    train_pictures(alone, manifest, SETTINGS)

    (tmp_path / "script.py").write_text(SCRIPT)
    path = tmp_path / "state.safetensors"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"PYTHONPATH": ":".join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    for stop in ("2", "5"):
        command = [*launch, tmp_path / "script.py", manifest.folder, path, stop, *looks]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    together = load_state(path, SETTINGS)
    assert together.step == alone.step == 5
    pairs = zip(together.network.parameters(), alone.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    pairs = zip(together.average.parameters(), alone.average.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_every_crop_is_some_processs_and_only_one_s() -> None:
    assert sorted(n for rank in range(3) for n in Ranks(rank, 3).share(12)) == list(range(12))
    assert list(Ranks().share(4)) == [0, 1, 2, 3]


def test_the_first_crop_of_a_step_is_the_one_that_it_always_was() -> None:
    """So that trainings with one crop a step, begun before there were ranks, go on as they would have."""
    assert np.random.default_rng([5, 7, 0]).integers(2**60) == np.random.default_rng([5, 7]).integers(2**60)


def test_crops_that_cannot_be_shared_alike_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(module.distributed, "init_process_group", lambda *args, **kwargs: None)
    monkeypatch.setattr(module.distributed, "destroy_process_group", lambda: None)
    monkeypatch.setattr(module.distributed, "get_rank", lambda: 0)
    monkeypatch.setattr(module.distributed, "get_world_size", lambda: 2)
    with pytest.raises(InputError, match="a multiple of 2, got 3"):
        train_dataset(tmp_path, tmp_path / "out", TrainingOptions(accumulate=3), Report())
