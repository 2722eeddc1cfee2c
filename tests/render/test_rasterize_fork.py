"""Processes forked after the kernels have run."""

import multiprocessing
import sys

import pytest
import torch
from tests.patience import PATIENCE_S
from tests.render.random_scenes import random_scene, two_cameras

from tomosplat.render import rasterize


def _draw(queue):
    queue.put(rasterize(random_scene().to(torch.float32), two_cameras()).rgba.numpy())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fork is the way of Linux")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forking with threads alive
def test_a_forked_child_draws_the_same_picture():
    truth = rasterize(random_scene().to(torch.float32), two_cameras()).rgba
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_draw, args=(queue,))
    child.start()
    picture = queue.get(timeout=PATIENCE_S)
    child.join(timeout=PATIENCE_S)
    assert child.exitcode == 0
    assert torch.equal(torch.from_numpy(picture), truth)
