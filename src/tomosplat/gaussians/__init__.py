"""Floor 3: the 6D Gaussian scene, conditioning on direction, anatomy-guided priming."""

from tomosplat.gaussians.approximation import OrdinaryGaussians, approximate_3dgs
from tomosplat.gaussians.conditioning import (
    ConditionalParts,
    condition_on_direction,
    conditional_parts,
    from_matrix,
    to_matrix,
)
from tomosplat.gaussians.cross_sections import cross_sections, mean_sizes
from tomosplat.gaussians.fidelity import Agreement, Fidelity
from tomosplat.gaussians.moments import BlockMoments, block_moments
from tomosplat.gaussians.priming import Illumination, Light, prime
from tomosplat.gaussians.scene import DEFAULT_DIRECTION_WEIGHT, GaussianScene
from tomosplat.gaussians.shading import MULTIPLE_SCATTERING, linear_to_srgb, scattered, shade, srgb_to_linear

__all__ = [
    "DEFAULT_DIRECTION_WEIGHT",
    "MULTIPLE_SCATTERING",
    "Agreement",
    "BlockMoments",
    "ConditionalParts",
    "Fidelity",
    "GaussianScene",
    "Illumination",
    "Light",
    "OrdinaryGaussians",
    "approximate_3dgs",
    "block_moments",
    "condition_on_direction",
    "conditional_parts",
    "cross_sections",
    "from_matrix",
    "linear_to_srgb",
    "mean_sizes",
    "prime",
    "scattered",
    "shade",
    "srgb_to_linear",
    "to_matrix",
]
