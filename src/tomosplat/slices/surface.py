"""Closed surfaces of labels and iso-levels, in millimetres of the body, smoothed without losing volume."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import KDTree
from skimage.filters import threshold_otsu
from skimage.measure import marching_cubes

from tomosplat.errors import ConstantSlicesError, EmptySceneError, InputError
from tomosplat.geometry import FloatArray, Grid

#: Taubin's two steps: one that smooths and shrinks, one that swells again; their pass-band ends at 1/λ + 1/μ = 0.1.
_SHRINK, _SWELL = 0.5, -0.5 / 0.95
#: By which part of the range a level is moved that voxels have themselves.
_OFF_LEVEL = 1e-4
#: Points on each surface between which distances are measured.
_N_POINTS = 50_000


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh.

    Attributes:
        vertices: [V, 3] float64, RAS+ mm.
        faces: [F, 3] int64, counter-clockwise as seen from outside.
    """

    vertices: FloatArray
    faces: NDArray[np.int64]

    @property
    def volume(self) -> float:
        """Enclosed volume in mm³ (divergence theorem)."""
        centred = self.vertices - np.mean(self.vertices, axis=0)
        a, b, c = centred[self.faces].transpose(1, 0, 2)
        return float(np.einsum("fk,fk->", a, np.cross(b, c)) / 6)

    @property
    def area(self) -> float:
        """Surface in mm²."""
        return float(np.linalg.norm(self._crossed(), axis=1).sum() / 2)

    @property
    def normals(self) -> FloatArray:
        """Unit normals of the vertices, outwards, means over their faces by area, [V, 3]."""
        crossed = self._crossed()
        sums = np.zeros_like(self.vertices)
        for corner in range(3):
            for axis in range(3):
                sums[:, axis] += np.bincount(self.faces[:, corner], crossed[:, axis], len(sums))
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        normals: FloatArray = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
        return normals

    @property
    def is_watertight(self) -> bool:
        """Whether every edge is run along as often in one sense as in the other."""
        edges = np.concatenate([self.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
        ordered = np.sort(edges, axis=1)
        sense = np.where(edges[:, 0] < edges[:, 1], 1, -1)
        _, number = np.unique(ordered, axis=0, return_inverse=True)
        return not np.bincount(number.ravel(), sense).any()

    def _crossed(self) -> FloatArray:
        """Of each face, the normal times twice its area, [F, 3]."""
        a, b, c = self.vertices[self.faces].transpose(1, 0, 2)
        crossed: FloatArray = np.cross(b - a, c - a)
        return crossed


def otsu_level(values: NDArray[np.float32]) -> float:
    """The level that separates dark from bright best (Otsu 1979).

    Raises:
        ConstantSlicesError: All values are the same.
    """
    if values.min() == values.max():
        raise ConstantSlicesError(f"every voxel has the value {values.flat[0]:g}: there is no surface")
    return float(threshold_otsu(values))


def level_surface(values: NDArray[np.float32], grid: Grid, level: float) -> Mesh:
    """Surface where values [I, J, K] pass ``level``, closed at the grid's ends; the inside is brighter.

    Marching cubes (Lewiner et al. 2003).

    Raises:
        EmptySceneError: No value, or every one, lies above the level.
    """
    low, high = float(values.min()), float(values.max())
    if not low < level < high:
        raise EmptySceneError(
            f"there is no surface at level {level:g}: values run from {low:g} to {high:g}; choose a level between them"
        )
    # Where a voxel has the level itself, the surface would touch itself in that voxel and leave pinholes.
    if np.any(values == np.float32(level)):
        level += _OFF_LEVEL * (high - low)
    # What is added around the grid lies as far below the level as the brightest value above it: the ends stay in place.
    closed = np.pad(values, 1, constant_values=level - (high - level))
    vertices, faces, _, _ = marching_cubes(closed, level)
    mesh = Mesh(grid.to_world(vertices - 1.0), faces.astype(np.int64))
    return mesh if mesh.volume > 0 else replace(mesh, faces=np.ascontiguousarray(mesh.faces[:, ::-1]))


def smoothed(mesh: Mesh, steps: int) -> Mesh:
    """Taubin smoothing (1995), then moved along its normals until it encloses what it did before.

    Args:
        mesh: A closed mesh.
        steps: Pairs of a shrinking and a swelling step; 0 returns the mesh.

    Raises:
        InputError: ``steps`` is negative.
    """
    if steps < 0:
        raise InputError(f"--smooth must be at least 0 steps, got {steps}")
    if steps == 0:
        return mesh
    mean = _mean_of_neighbours(mesh)
    vertices = mesh.vertices - mesh.vertices.mean(axis=0)
    for _ in range(steps):
        for factor in (_SHRINK, _SWELL):
            vertices = vertices + factor * (mean @ vertices - vertices)
    moved = replace(mesh, vertices=vertices + mesh.vertices.mean(axis=0))
    wanted = mesh.volume
    for _ in range(4):
        step = (wanted - moved.volume) / max(moved.area, 1e-12)
        moved = replace(moved, vertices=moved.vertices + step * moved.normals)
    return moved


@dataclass(frozen=True)
class Distances:
    """Between two surfaces, in mm.

    Attributes:
        assd: Average symmetric surface distance.
        hd95: 95th percentile of the distances of both ways.
    """

    assd: float
    hd95: float


def distances(one: Mesh, other: Mesh, seed: int = 0) -> Distances:
    """Distances of random points on each surface to the nearest of those on the other."""
    rng = np.random.default_rng(seed)
    a, b = _points_on(one, rng), _points_on(other, rng)
    there, back = (np.asarray(KDTree(p).query(q)[0]) for p, q in ((b, a), (a, b)))
    both = np.concatenate([there, back])
    return Distances(float((np.mean(there) + np.mean(back)) / 2), float(np.percentile(both, 95)))


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """2 |A ∩ B| / (|A| + |B|) of two masks; 1 where both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def _points_on(mesh: Mesh, rng: np.random.Generator) -> FloatArray:
    areas = np.linalg.norm(mesh._crossed(), axis=1)
    chosen = rng.choice(len(areas), _N_POINTS, p=areas / areas.sum())
    u, v = np.sqrt(rng.random(_N_POINTS)), rng.random(_N_POINTS)
    weights = np.stack([1 - u, u * (1 - v), u * v], axis=1)
    points: FloatArray = np.einsum("pk,pkd->pd", weights, mesh.vertices[mesh.faces[chosen]])
    return points


def _mean_of_neighbours(mesh: Mesh) -> csr_array:
    n = len(mesh.vertices)
    a = mesh.faces.ravel()
    b = mesh.faces[:, [1, 2, 0]].ravel()
    joined = coo_array((np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(n, n)).tocsr()
    joined.data[:] = 1
    counts = np.maximum(joined.sum(axis=1), 1)
    return csr_array(joined.multiply(1 / counts[:, None]))
