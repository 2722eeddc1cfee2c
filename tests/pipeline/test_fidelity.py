"""What is told of a scene's fidelity, and when the views so far are still good."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from tests.files.scenes import random_scene

from tomosplat.gaussians import Agreement, Fidelity
from tomosplat.pipeline.fidelity import compare_views
from tomosplat.pipeline.fidelity.measure import _key, fidelity_table
from tomosplat.pipeline.options import FidelityOptions, ReadingOptions


def test_an_organ_without_error_is_not_called_unseen() -> None:
    organs = {51: Agreement(100, 0.0, 0.01), 92: Agreement(0.5, math.nan, math.nan)}
    scene = replace(random_scene(), label_names={51: "heart", 92: "rib"}, fidelity=Fidelity(1, 8, 2, False, organs))
    _, _, heart, rib = (line.split() for line in fidelity_table(scene).splitlines())
    assert heart == ["heart", "100.0", "0.0", "-", "1.0"]
    assert rib == ["rib", *["not", "seen"] * 4]


def test_views_of_a_noisy_truth_are_not_mixed_with_those_of_a_denoised_one(tmp_path: Path, monkeypatch) -> None:
    scene = tmp_path / "scene.ply"
    scene.write_bytes(b"ply")

    def key(can_denoise: bool, **options: bool) -> str:
        monkeypatch.setattr(compare_views, "can_denoise", lambda: can_denoise)
        return _key(scene, Path("scan.nii"), ReadingOptions(), FidelityOptions(**options))

    assert key(True) == key(True)
    assert key(True) != key(False)
