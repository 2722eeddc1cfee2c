"""How much light a Gaussian stands in the way of."""

from __future__ import annotations

from torch import Tensor

from tomosplat.gaussians.priming import SIGMA
from tomosplat.gaussians.scene import GaussianScene


def mean_sizes(scene: GaussianScene) -> Tensor:
    """Standard deviation of each Gaussian in mm, [N]: the square root of the mean product of two of its three.

    The mean is that of squares, which the second invariant of the covariance gives without its eigenvalues.
    """
    xx, xy, xz, yy, yz, zz = scene.covs.unbind(dim=1)
    invariant = xx * yy + xx * zz + yy * zz - xy**2 - xz**2 - yz**2
    return (invariant.clamp_min(0) / 3) ** 0.25


def cross_sections(scene: GaussianScene) -> Tensor:
    """Area in mm² of the light that each Gaussian takes away, mean over the directions, [N].

    Priming stands a Gaussian of ``SIGMA`` edges for a full block, so its opacity acts on the face of a block of
    1 / ``SIGMA`` standard deviations. The opacity is that from outside, where |v − μ_d|² is 1 on average.
    """
    trace = scene.precisions_dir[:, [0, 3, 5]].sum(dim=1)
    opacities = scene.opacities * (-scene.direction_weight * trace / 3).exp()
    return opacities * (mean_sizes(scene) / SIGMA) ** 2
