"""Where a 6DGS fit begins without priming: Gaussians on the surface of what is visible (Render-FM, sec. 4.1)."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

from tomosplat.errors import EmptySceneError
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.volume import OpticalVolume

#: Opacity per 1.5 mm where the surface is.
_LEVEL = 0.1
_LEVEL_TRAVEL_MM = 1.5
#: Vertices that are kept, at most; the papers' fits end with about as many Gaussians.
_N_POINTS = 70_000
_OPACITY = 0.1
_NEIGHBOURS = 3


def surface_scene(prepared: PreparedScan, optical: OpticalVolume, seed: int) -> GaussianScene:
    """Grey, faint Gaussians on a random choice of marching-cubes vertices, each with the nearest visible voxel's label.

    Constants as in 3DGS: opacity 0.1, standard deviation the root mean square distance to the three nearest; view
    directions random and as wide as 1, at which a lobe spans half the sphere.

    Raises:
        EmptySceneError: No surface is visible.
    """
    opacity = -np.expm1(-optical.extinction * _LEVEL_TRAVEL_MM)
    if opacity.max(initial=0) <= _LEVEL or opacity.min() >= _LEVEL:
        raise EmptySceneError(
            f"there is no surface of opacity {_LEVEL} to begin with; show more organs, or use --init agp"
        )
    rng = np.random.default_rng(seed)
    vertices = marching_cubes(np.pad(opacity, 1), _LEVEL)[0] - 1
    chosen = np.sort(rng.permutation(len(vertices))[:_N_POINTS])
    vertices = vertices[chosen]
    points = optical.grid.to_world(vertices).astype(np.float32)
    nearest = _nearest_visible(optical.extinction, vertices)
    labels = optical.labels[nearest]
    names = {
        int(label): prepared.labels.names[int(label)] for label in np.unique(labels) if label in prepared.labels.names
    }
    n = len(points)
    variances = torch.from_numpy(_spread(points) ** 2)
    directions = torch.from_numpy(rng.standard_normal((n, 3)).astype(np.float32))
    return GaussianScene(
        means=torch.from_numpy(points),
        means_dir=torch.nn.functional.normalize(directions, dim=1),
        covs=variances[:, None] * torch.tensor([1.0, 0, 0, 1, 0, 1]),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.tensor([1.0, 0, 0, 1, 0, 1]).repeat(n, 1),
        opacities=torch.full((n,), _OPACITY),
        sh=torch.zeros(n, 4, 3),
        labels=torch.from_numpy(labels),
        values=torch.from_numpy(prepared.volume.values[nearest].astype(np.float32)),
        label_names=names,
        provenance={"init": "marching cubes", "level": _LEVEL, "points": n},
    )


def _nearest_visible(extinction: NDArray[np.float32], vertices: NDArray[np.float32]) -> tuple[NDArray[np.intp], ...]:
    """Index of the visible voxel nearest to each vertex: 1-NN over the whole grid."""
    indices = distance_transform_edt(extinction == 0, return_distances=False, return_indices=True)
    rounded = np.clip(np.rint(vertices).astype(np.intp), 0, np.array(extinction.shape) - 1)
    i, j, k = indices[(slice(None), *rounded.T)]
    return i, j, k


def _spread(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square distance of each point to its nearest neighbours in mm."""
    k = min(_NEIGHBOURS, len(points) - 1)
    distances = np.asarray(KDTree(points).query(points, k=k + 1)[0])
    spread: NDArray[np.float32] = np.sqrt((distances[:, 1:] ** 2).mean(axis=1)).astype(np.float32)
    return np.maximum(spread, np.float32(math.sqrt(1e-7)))
