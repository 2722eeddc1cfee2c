"""One torso and its looks, baked once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.subjects import ignore, one_torso

from tomosplat.files.dataset import Manifest
from tomosplat.training.looks import bake_looks
from tomosplat.transfer import TransferFunctions


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Manifest:
    return one_torso(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def looks(manifest, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("training") / "looks"
    return bake_looks(manifest, folder, 3, TransferFunctions.preset("seen"), 0, ignore)
