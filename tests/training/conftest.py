"""One torso and its looks, fitted once."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from tests.one_thread import one_thread  # noqa: F401
from tests.training.subjects import ignore, one_torso

from tomosplat.feedforward import model
from tomosplat.files.dataset import Manifest
from tomosplat.networks import PRESETS, Layout
from tomosplat.training.looks import fit_looks


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Manifest:
    return one_torso(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def looks(manifest, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("training") / "looks"
    return fit_looks(manifest, folder, ignore)


@pytest.fixture
def narrow(monkeypatch) -> None:
    """Give the compact preset fewer channels."""
    compact = PRESETS["compact"]
    layout = Layout((4, 6, 8, 8), compact.stem, compact.norm)
    monkeypatch.setattr(model, "PRESETS", MappingProxyType({"compact": layout}))
