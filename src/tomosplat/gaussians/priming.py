"""Anatomy-guided priming: a scene straight from the scan, without training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import EmptySceneError
from tomosplat.gaussians.conditioning import from_matrix
from tomosplat.gaussians.moments import BlockMoments, block_moments
from tomosplat.gaussians.scene import DEFAULT_DIRECTION_WEIGHT, GaussianScene
from tomosplat.gaussians.shading import MULTIPLE_SCATTERING, shade
from tomosplat.geometry import SH_C0
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]


class Light(NamedTuple):
    """Light at N entries of ``block_moments``.

    Attributes:
        arriving: [N, 3] linear RGB, J of ``shade``: mean radiance over all directions.
        keep: bool [N], which entries get a Gaussian at all; None for each.
    """

    arriving: Float32Array
    keep: NDArray[np.bool_] | None = None


#: Called with the entries that are to be lit.
Illumination = Callable[[BlockMoments], Light]

#: Standard deviation of a Gaussian that stands for a full block, in block edges.
SIGMA = 0.5
#: The same along a surface. With 0.6 and less, what lies under it shows between the Gaussians as a lattice.
SURFACE_SIGMA = 0.7
#: Least standard deviation, in block edges. Where a block is filled in part its Gaussian moves but gets no narrower:
#: what lies behind would show beside it. Of 0.2 to 0.6, best in colour without a wider silhouette.
MIN_SIGMA = 0.5
#: Gaussians that overlap blend in turn, and tails under 1/255 are not drawn: both let more light through than the same
#: optical depth in one piece. Best of 1, 1.25, 1.5, 2 and 2.5 against path tracing.
OPACITY_GAIN = 1.5
MAX_OPACITY = 0.999
#: Standard deviation of a Gaussian in view direction: seen much alike from all sides.
DIRECTION_SIGMA = 3.0


def prime(
    optical: OpticalVolume,
    illumination: Illumination | None = None,
    *,
    label_names: Mapping[int, str] | None = None,
    shading: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> GaussianScene:
    """Place a Gaussian for each label that is visible in each 2×2×2 block of voxels.

    Without ``illumination`` this is the plain form of Render-FM (sec. 3.2): round Gaussians of half a block at the
    blocks' centres, opacity and colour as the transfer function gives them. With it, each Gaussian takes the mean,
    the second moments and the optical depth of its part of the block, and the colour that this light gives it.

    Args:
        optical: What is visible.
        illumination: The light that arrives at the Gaussians, and which of them to leave out.
        label_names: Names to keep in the scene; only those of labels that occur are kept.
        shading: What the colours and the light came from, as far as it is known: ``functions`` and ``rig`` of
            ``GaussianScene.shading``; the rest of it is added.
        provenance: More about how the scene was made, JSON-serialisable.

    Raises:
        EmptySceneError: Nothing is visible, or nothing was kept.
    """
    splats = _plain(optical) if illumination is None else _lit(optical, illumination)
    present = [int(label) for label in np.unique(splats.blocks.labels)]
    names = {label: label_names[label] for label in present if label_names and label in label_names}
    scene = _scene(splats, names, {**splats.settings, "direction_sigma": DIRECTION_SIGMA, **(provenance or {})})
    return replace(scene, shading={**(shading or {}), **(_lighting(optical) if illumination is not None else {})})


def _lighting(optical: OpticalVolume) -> dict[str, Any]:
    bounds = [corner.tolist() for corner in optical.grid.bounds]
    return {"bounds_mm": bounds, "multiple_scattering": MULTIPLE_SCATTERING}


@dataclass(frozen=True, eq=False)
class _Splats:
    """Gaussians without view dependence: means [N, 3], covs [N, 3, 3], opacities [N], rgb [N, 3] sRGB, light [N, 3]."""

    blocks: BlockMoments
    means: Float32Array
    covs: Float32Array
    opacities: Float32Array
    rgb: Float32Array
    illumination: Float32Array | None
    settings: dict[str, Any]


def _plain(optical: OpticalVolume) -> _Splats:
    # The papers know blocks of one size only.
    blocks = _visible(block_moments(optical, n_widths=1), optical)
    variances = (SIGMA * blocks.pitches) ** 2
    covs = np.eye(3, dtype=np.float32) * variances[:, None, None]
    settings = {"priming": "plain", "sigma": SIGMA}
    return _Splats(blocks, blocks.centers, covs, blocks.opacities, blocks.rgb, None, settings)


def _lit(optical: OpticalVolume, illumination: Illumination) -> _Splats:
    blocks = _visible(block_moments(optical), optical)
    light, keep = illumination(blocks)
    if keep is not None:
        blocks, light = blocks.select(keep), light[keep]
        if not len(blocks):
            raise EmptySceneError(f"none of the {len(keep):,} Gaussians is to be kept; keep those that were not seen")
    covs, opacities = matched_gaussians(blocks)
    rgb = shade(blocks.rgb, light, MULTIPLE_SCATTERING)
    settings = {
        "priming": "lit moments",
        "sigma": SIGMA,
        "surface_sigma": SURFACE_SIGMA,
        "min_sigma": MIN_SIGMA,
        "opacity_gain": OPACITY_GAIN,
        "multiple_scattering": MULTIPLE_SCATTERING,
    }
    return _Splats(blocks, blocks.means, covs, opacities, rgb, light, settings)


def _visible(blocks: BlockMoments, optical: OpticalVolume) -> BlockMoments:
    if not len(blocks):
        shown = int(np.count_nonzero(optical.extinction))
        raise EmptySceneError(
            f"nothing is visible: {shown} of {optical.extinction.size} voxels have any extinction and no block is "
            "more opaque than 1/255; show more organs, or check the labels, the unit (HU) and the transfer function"
        )
    return blocks


def matched_gaussians(blocks: BlockMoments) -> tuple[Float32Array, Float32Array]:
    """Covariances [N, 3, 3] mm² and opacities [N] of Gaussians that stand for what is in the blocks.

    The second moments are widened so that those of a full block become those of a Gaussian of ``SIGMA`` blocks, and
    on surfaces ``SURFACE_SIGMA`` along them. The opacity is 1 − exp(−k σ h³ / A): the block's optical cross-section
    spread over the area A that the Gaussian covers, 2π times the mean product of two standard deviations.
    """
    pitches = blocks.pitches
    variances, axes = np.linalg.eigh(blocks.covs * np.float32(12 * SIGMA**2))
    variances = np.maximum(variances, ((MIN_SIGMA * pitches) ** 2)[:, None])
    covs = np.einsum("nai,ni,nbi->nab", axes, variances, axes) + _surface_widening(blocks)
    x, y, z = np.sqrt(np.linalg.eigvalsh(covs)).T
    areas = 2 * math.pi / 3 * (x * y + x * z + y * z)
    depths = OPACITY_GAIN * blocks.extinctions * pitches**3 / areas
    return covs, np.minimum(-np.expm1(-depths), MAX_OPACITY).astype(np.float32)


def _surface_widening(blocks: BlockMoments) -> Float32Array:
    """What is added to the covariance at right angles to the normal, [N, 3, 3]; all of it from |normal| = 0.5 on."""
    length = np.linalg.norm(blocks.normals, axis=1)
    amount = np.minimum(2 * length, 1) * blocks.pitches**2 * np.float32(SURFACE_SIGMA**2 - SIGMA**2)
    unit = blocks.normals / np.maximum(length, 1e-6)[:, None]
    along = np.eye(3, dtype=np.float32) - unit[:, :, None] * unit[:, None, :]
    widening: Float32Array = amount[:, None, None] * along
    return widening


def _scene(splats: _Splats, label_names: Mapping[int, str], provenance: Mapping[str, Any]) -> GaussianScene:
    opacities, rgb = torch.from_numpy(splats.opacities), torch.from_numpy(splats.rgb)
    n = len(splats.blocks)
    precision = 1 / DIRECTION_SIGMA**2
    # |v − μ_d|² is 1 on average over the directions that see the outer side; there the opacity shall be as computed.
    opacities = opacities * math.exp(DEFAULT_DIRECTION_WEIGHT * precision)
    sh = torch.zeros(n, 4, 3)
    sh[:, 0] = (rgb - 0.5) / SH_C0
    return GaussianScene(
        means=torch.from_numpy(splats.means),
        means_dir=_inward(splats.blocks.normals),
        covs=from_matrix(torch.from_numpy(splats.covs)),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.tensor([1.0, 0, 0, 1, 0, 1]).mul(precision).repeat(n, 1),
        opacities=opacities.clamp(max=MAX_OPACITY),
        sh=sh,
        labels=torch.from_numpy(splats.blocks.labels),
        values=_tensor(splats.blocks.values),
        illumination=_tensor(splats.illumination),
        label_names=label_names,
        provenance=provenance,
    )


def _tensor(array: Float32Array | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _inward(normals: Float32Array) -> Tensor:
    """Unit vectors in which a viewer outside looks; straight back (−y, as from the front) where there is no normal."""
    inward = -torch.from_numpy(normals)
    length = inward.norm(dim=1, keepdim=True)
    front = torch.tensor([0.0, -1.0, 0.0]).expand_as(inward)
    return torch.where(length > 1e-6, inward / length.clamp_min(1e-6), front)
