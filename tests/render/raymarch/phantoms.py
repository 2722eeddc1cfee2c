"""Small scans and cameras for the ray marcher's tests."""

import numpy as np

from tomosplat.geometry import Cameras, Grid, intrinsics, look_at
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.volume import LabelMap, Volume

#: Label n belongs to group n.
SAME_GROUP = np.arange(256, dtype=np.uint8)
OBLIQUE = np.array([[1.1, 0.3, -0.2, 4], [-0.4, 0.9, 0.3, -7], [0.1, -0.3, 1.6, 2], [0, 0, 0, 1]])


def labelled(values, labels=1, affine=None):
    """A volume in HU and labels; by default voxels of 1 mm, the first at the origin, all of label 1."""
    values = np.asarray(values, np.float32)
    grid = Grid(values.shape, np.eye(4) if affine is None else affine)
    return Volume(values, grid, "HU"), LabelMap(np.broadcast_to(labels, values.shape).astype(np.uint8), grid)


def functions(*rows, **more):
    """Group 1 has the function of these rows; ``g2=rows`` adds group 2."""
    points = {"g1": rows, **more}
    return TransferFunctions({int(name[1:]): TransferFunction(np.array(p)) for name, p in points.items()}, "test")


def camera_at(position, target, size=9, fov_deg=20.0, up=(0, 0, 1)):
    """One square view."""
    return Cameras(look_at([position], target, up), intrinsics(1, size, size, fov_deg), size, size)


def blobs(shape=(18, 15, 13), seed=0):
    """Smooth values of about 0 to 300 with three regions of labels, 0 included."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(shape)
    phases = rng.uniform(0.2, 0.6, (5, 3)) @ np.stack([i, j, k]).reshape(3, -1) + rng.uniform(0, 6, (5, 1))
    values = 150 + 75 * np.cos(phases).sum(axis=0).reshape(shape)
    return values.astype(np.float32), ((i + 2 * j + k) // 9 % 3).astype(np.uint8)


TWO_GROUPS = functions(
    [50, 1, 0.8, 0.2, 0],
    [150, 0.9, 0.3, 0.1, 0.3],
    [300, 1, 1, 1, 0.6],
    g2=[[100, 0.1, 0.2, 1, 0], [260, 0, 0.9, 1, 0.8]],
)
