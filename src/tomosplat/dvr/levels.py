"""Grids and cameras of coarser levels, and the places where a network in view space samples a volume."""

from __future__ import annotations

import numpy as np

from tomosplat.geometry import Cameras, FloatArray, Grid


def coarser_grid(grid: Grid, by: int) -> Grid:
    """The grid whose voxels are blocks of ``by``³; the last ones may reach beyond the finer grid."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(np.full(3, (by - 1) / 2))
    affine[:3, :3] *= by
    i, j, k = (-(-n // by) for n in grid.shape)
    return Grid((i, j, k), affine)


def coarser_cameras(cameras: Cameras, by: int) -> Cameras:
    """The same views with pixels ``by`` times as wide; width and height are multiples of ``by``."""
    Ks = cameras.Ks.copy()
    Ks[:, :2] /= by
    return Cameras(cameras.viewmats, Ks, cameras.width // by, cameras.height // by)


def padded_cameras(cameras: Cameras, multiple: int) -> Cameras:
    """The same views with more pixels on the right and below, until width and height are multiples."""
    width, height = (-(-n // multiple) * multiple for n in (cameras.width, cameras.height))
    return Cameras(cameras.viewmats, cameras.Ks, width, height)


def places_along_rays(cameras: Cameras, grid: Grid, n: int) -> FloatArray:
    """Index coordinates [C, H, W, n, 3] along the rays of all pixels, at the same depths on each of them.

    The depths run from where the sphere around the grid begins to where it ends, or from the camera if it stands in it.
    """
    low, high = grid.bounds
    radius = float(np.linalg.norm(high - low)) / 2
    columns, rows = np.meshgrid(np.arange(cameras.width) + 0.5, np.arange(cameras.height) + 0.5)
    pixels = np.stack([columns, rows, np.ones_like(columns)], axis=-1)
    rays = np.einsum("cij,hwj->chwi", np.linalg.inv(cameras.Ks @ cameras.viewmats[:, :3, :3]), pixels)
    rays /= np.einsum("cj,chwj->chw", cameras.viewmats[:, 2, :3], rays)[..., None]  # one mm deep
    middle = cameras.viewmats[:, 2, :3] @ grid.center + cameras.viewmats[:, 2, 3]
    near, far = np.maximum(middle - radius, 0), np.maximum(middle + radius, radius)
    shares = (np.arange(n) + 0.5) / n
    depths = near[:, None] * (1 - shares) + far[:, None] * shares
    points = cameras.positions[:, None, None, None] + depths[:, None, None, :, None] * rays[:, :, :, None]
    return grid.to_index(points)
