"""Gaussians and planes that every test of slices draws."""

import numpy as np
import torch

from tomosplat.gaussians import from_matrix
from tomosplat.geometry import SlicePlane


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.cross(np.eye(3), axis)
    angle = np.radians(degrees)
    return np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def plane_of(turn=None, spacing=(1.2, 0.8), corner=(-8.0, -7.0, 0.5), height=17, width=15):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag([*spacing, 1])
    affine[:3, 3] = (np.eye(3) if turn is None else turn) @ np.asarray(corner)
    return SlicePlane(affine, height, width)


OBLIQUE = plane_of(rotation((1, 2, -1), 40))
AXIAL = plane_of(height=20, width=23)


def random_gaussians(n=40, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(n, 3, 3)) * rng.uniform(0.5, 1.5, (n, 1, 1)) + 0.7 * np.eye(3)
    return (
        torch.tensor(rng.uniform(-6, 6, (n, 3))),
        from_matrix(torch.tensor(half @ half.transpose(0, 2, 1) + 0.3 * np.eye(3))),
        torch.tensor(rng.uniform(0.05, 1.2, n)),
        torch.tensor(rng.normal(size=(n, channels))),
    )


def single(tensors):
    return [tensor.float().requires_grad_() for tensor in tensors]


def weighting(images, seed=1):
    """A random weighting of every number of the pictures."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros((), dtype=torch.float64)
    for image in images:
        for picture in (image.values, image.coverage):
            weights = torch.randn(picture.shape, generator=generator).to(picture.device)
            total = total + (picture * weights).sum().double().cpu()
    return total


def random_ellipses(n=30, channels=2, seed=5):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(n, 2, 2)) * 2 + np.eye(2)
    covs = half @ half.transpose(0, 2, 1) + np.eye(2)
    ellipses = np.column_stack(
        [rng.uniform(-3, 22, (n, 2)), covs[:, 0, 0], covs[:, 0, 1], covs[:, 1, 1], rng.uniform(0.0, 1.1, n)]
    )
    return torch.tensor(ellipses), torch.tensor(rng.normal(size=(n, channels)))
