"""A prediction in stages, as actors hand it on: the bytes of one that is made at once."""

import numpy as np
import pytest
from tests.files.scan_writer import write_scan

from tomosplat.jobs import Product
from tomosplat.pipeline.batch import stages as batch_stages
from tomosplat.pipeline.batch.case_lists import Source
from tomosplat.pipeline.batch.stages import PREDICTION, BatchOrder
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions, ScanOptions
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.volume.torso import torso


def silent(done: int, total: int) -> None:
    """No progress."""


def bytes_of(product: Product) -> bytes:
    (path,) = product.outputs.values()
    return path.read_bytes()


@pytest.fixture(scope="module")
def order(tmp_path_factory) -> BatchOrder:
    """A part of the torso, no cube, on a grid that is known to the network."""
    folder = tmp_path_factory.mktemp("scan")
    volume, labels = torso(0, 8.0)
    part = tuple(slice(n // 2 - half, n // 2 + half) for n, half in zip(volume.grid.shape, (9, 8, 7), strict=True))
    scan = write_scan(folder / "ct.nii.gz", volume.values[part].round().astype(np.int16), volume.grid.affine)
    known = write_scan(folder / "labels.nii.gz", labels.values[part], labels.grid.affine)
    source = Source("torso", scan, ScanOptions(labels=known, spacing=4.0))
    functions = load_transfer_functions("seen")
    return BatchOrder(source, functions, PrimingOptions(), PredictingOptions(), "ply", threads=1)


@pytest.fixture(scope="module")
def whole(order, tmp_path_factory) -> bytes:
    return bytes_of(PREDICTION(order, tmp_path_factory.mktemp("whole"), silent))


def test_stages_give_what_the_whole_gives_and_make_nothing_twice(order, whole, tmp_path, monkeypatch) -> None:
    prime, predict = PREDICTION.stages
    assert (prime.gpu, predict.gpu) == (False, True)
    prime.do(order, tmp_path, silent)
    monkeypatch.delattr(batch_stages, "prepare_source")
    predict.do(order, tmp_path, silent)
    monkeypatch.delattr(batch_stages, "ask_network")
    prime.do(order, tmp_path, silent)
    predict.do(order, tmp_path, silent)
    assert bytes_of(PREDICTION(order, tmp_path, silent)) == whole
    assert len(whole) > 100_000


def test_a_stage_that_is_missing_is_made_by_the_one_after_it(order, whole, tmp_path) -> None:
    PREDICTION.stages[1].do(order, tmp_path, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["said.safetensors"]
    assert bytes_of(PREDICTION(order, tmp_path, silent)) == whole
