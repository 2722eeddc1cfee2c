"""Floor 3: the 6D Gaussian scene, conditioning on direction, anatomy-guided priming."""

from tomosplat.gaussians.conditioning import (
    ConditionalParts,
    condition_on_direction,
    conditional_parts,
    from_matrix,
    to_matrix,
)
from tomosplat.gaussians.scene import DEFAULT_DIRECTION_WEIGHT, GaussianScene

__all__ = [
    "DEFAULT_DIRECTION_WEIGHT",
    "ConditionalParts",
    "GaussianScene",
    "condition_on_direction",
    "conditional_parts",
    "from_matrix",
    "to_matrix",
]
