"""What is optimised: one row of raw numbers for each Gaussian, and the scene that the rows mean.

The direct conditional form, as in dGS, the successor of 6DGS by its authors: the covariance of position given
direction, the gain and the precision of direction are parameters of their own, so that nothing 6-dimensional is ever
factored in the loop. Both symmetric matrices are L Lᵀ with L = D (I + T): D = exp of the logarithms, T strictly lower
triangular and unbounded. Any row is a valid Gaussian, and unlike a quaternion the form has a gradient where a Gaussian
is round.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tomosplat.fitting.settings import Model
from tomosplat.gaussians import GaussianScene, approximate_3dgs, from_matrix, to_matrix

#: Columns of a row, in order; plain 3DGS has no angular ones.
POSITIONAL = {"means": 3, "log_scales": 3, "shears": 3, "opacity_logits": 1, "sh_base": 3, "sh_view": 9}
ANGULAR = {"means_dir": 3, "log_scales_dir": 3, "shears_dir": 3, "gains": 9}

#: Logits and logarithms stay finite.
_OPACITY_EDGE = 1e-6
_MIN_SCALE_MM = 1e-3
_MIN_PRECISION = 1e-3


def columns(model: Model) -> dict[str, int]:
    """Names and widths of the columns."""
    return POSITIONAL | ANGULAR if model == "6dgs" else POSITIONAL


def column_names(model: Model) -> list[str]:
    """The name of each single column."""
    return [name for name, width in columns(model).items() for _ in range(width)]


def column_slices(model: Model) -> dict[str, slice]:
    """Where the columns of each name stand in a row."""
    slices, start = {}, 0
    for name, width in columns(model).items():
        slices[name] = slice(start, start + width)
        start += width
    return slices


def to_rows(scene: GaussianScene, model: Model) -> Tensor:
    """Raw rows [N, P] float32 of a scene; for "3dgs", of the ordinary Gaussians that look alike on average."""
    if model == "3dgs":
        scene = without_directions(scene)
    covs = covariance_factor(scene.covs, _MIN_SCALE_MM**2)
    logits = torch.logit(scene.opacities.clamp(_OPACITY_EDGE, 1 - _OPACITY_EDGE))
    parts = [scene.means, covs, logits[:, None], scene.sh[:, 0], scene.sh[:, 1:].flatten(1)]
    if model == "6dgs":
        parts += [scene.means_dir, covariance_factor(scene.precisions_dir, _MIN_PRECISION), scene.gains.flatten(1)]
    return torch.cat(parts, dim=1).float()


def without_directions(scene: GaussianScene) -> GaussianScene:
    """The moment-matched scene whose means and opacities do not depend on the view direction."""
    ordinary = approximate_3dgs(scene)
    w, x, y, z = ordinary.quats.unbind(dim=1)
    rotations = torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
            torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
            torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
        ],
        dim=1,
    )
    half = rotations * ordinary.scales[:, None, :]
    return replace(
        scene,
        means=ordinary.means,
        covs=from_matrix(half @ half.mT),
        opacities=ordinary.opacities,
        gains=torch.zeros_like(scene.gains),
        precisions_dir=torch.zeros_like(scene.precisions_dir),
    )


def to_scene(rows: Tensor, like: GaussianScene, model: Model) -> GaussianScene:
    """The scene that rows [N, P] mean, with labels and all else of ``like`` (also N); differentiable in the rows."""
    return replace(like, **to_tensors(rows, model))  # type: ignore[arg-type]


def to_tensors(rows: Tensor, model: Model) -> dict[str, Tensor]:
    """The scene's tensors that rows [N, P] mean, by name; differentiable in the rows."""
    means, log_scales, shears, logits, sh_base, sh_view, *angular = rows.split(list(columns(model).values()), dim=1)
    tensors = {
        "means": means,
        "covs": covariance_entries(log_scales, shears),
        "opacities": torch.sigmoid(logits[:, 0]),
        "sh": torch.cat([sh_base, sh_view], dim=1).reshape(-1, 4, 3),
    }
    if model == "6dgs":
        means_dir, log_scales_dir, shears_dir, gains = angular
        tensors |= {
            "means_dir": torch.nn.functional.normalize(means_dir, dim=1),
            "precisions_dir": covariance_entries(log_scales_dir, shears_dir),
            "gains": gains.reshape(-1, 3, 3),
        }
    return tensors


def covariance_factor(entries: Tensor, floor: float) -> Tensor:
    """Logarithm of D (3) and T (3) of L = D (I + T) with L Lᵀ = the matrices of entries [N, 6]; [N, 6].

    A matrix that is flat, or not quite positive by rounding, gets ``floor`` as its smallest eigenvalue.
    """
    matrices = to_matrix(entries.double())
    identity = torch.eye(3, dtype=torch.float64, device=entries.device)
    factor, failed = torch.linalg.cholesky_ex(matrices - floor * identity)
    flat = failed != 0
    factor[~flat] = torch.linalg.cholesky(matrices[~flat])
    values, axes = torch.linalg.eigh(matrices[flat])
    factor[flat] = torch.linalg.cholesky(axes @ torch.diag_embed(values.clamp_min(floor)) @ axes.mT)
    diagonal = factor.diagonal(dim1=1, dim2=2)
    shears = (factor / diagonal[:, :, None])[:, (1, 2, 2), (0, 0, 1)]
    return torch.cat([diagonal.log(), shears], dim=1)


def covariance_entries(log_scales: Tensor, shears: Tensor) -> Tensor:
    """Entries [N, 6] of L Lᵀ, L = D (I + T)."""
    x, y, z = log_scales.exp().unbind(dim=1)
    yx, zx, zy = shears.unbind(dim=1)
    return torch.stack(
        [x * x, x * y * yx, x * z * zx, y * y * (yx * yx + 1), y * z * (yx * zx + zy), z * z * (zx * zx + zy * zy + 1)],
        dim=1,
    )
