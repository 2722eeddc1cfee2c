"""What can be asked of ``tomosplat evaluate``. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from tomosplat.pipeline.datasets.options import CaseOptions
from tomosplat.pipeline.options import RigName


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(CaseOptions):
    """What is compared with what, by default as in Render-FM, sec. 4.1."""

    looks: tuple[str, ...] = ("all/seen", "all/unseen", "skeleton/seen", "organs/seen")
    """What is shown (all, skeleton, organs) / in which transfer functions (seen, unseen, or a file)."""
    methods: tuple[str, ...] = ("plain", "march", "march+ft", "bake", "bake+ft", "switch", "6dgs", "6dgs+agp")
    """Who makes the scenes: plain, march and bake priming; switch, which takes the organs out of a scene of everything;
    6dgs from marching cubes; 6dgs+agp from march priming. +ft after any of them: fine-tuned."""
    rig: RigName = "studio"
    """Where the light comes from, fixed in the patient's frame."""
    size: int = 800
    """Edge of the square pictures in pixels."""
    fit_views: int = 20
    """Views that scenes are fitted to."""
    test_views: int = 40
    """Views that scenes are compared in, from other directions than those."""
    fit_samples: int = 16
    """Paths through each pixel of a fitting view."""
    test_samples: int = 64
    """Paths through each pixel of a test view, for each of two seeds; the truth is their mean."""
    raw: bool = False
    """Leave the noise in all pictures even where the extra "denoise" is installed."""
    iterations: int = 2000
    """Steps of 6dgs and 6dgs+agp."""
    finetune_iterations: int = 300
    """Steps of +ft."""
    seed: int = 0
    """Another seed gives other noise and another order of views."""
