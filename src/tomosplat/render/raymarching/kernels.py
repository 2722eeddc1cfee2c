"""What the kernels of the ray marcher share: compiler options, array types and argument tuples."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tomosplat.render.cpu.layout import F32, FAST, I32, I64, OPTIONS, U8, Scalar, uint

I16: TypeAlias = NDArray[np.int16]

#: For what is called from Python: it releases the interpreter lock, so threads run side by side.
ENTRY: dict[str, Any] = {**OPTIONS, "fastmath": FAST | {"reassoc"}}
#: For what only kernels call; it is cached as a part of them.
INLINE: dict[str, Any] = {**ENTRY, "cache": False, "forceinline": True, "_nrt": False}
#: Without counting references to arrays, which would cost more than the work between; such kernels allocate none.
BORROWING: dict[str, Any] = {**ENTRY, "_nrt": False}

#: Voxels along the edge of a brick.
BRICK: Any = uint(4)


class Scan(NamedTuple):
    """The voxels, flat in the order of [I, J, K], and what hides nothing among them.

    ``row_of_label`` [256] tells the row of the tables for each label; 0 is for what is invisible. ``bricks`` says
    for each brick of BRICK³ voxels how many bricks around it, in every direction, are empty too (0: not empty), and
    ``rows`` the row of all labels in it, -1 where they differ. ``slots``, flat, numbers the bricks in which something
    is visible; the others have -1. Of these, ``numbers``, flat [S, 5, 5, 5, 4], are value and gradient (per mm, in
    world axes) of the voxels and the next; ``scales``, flat [S, 4], say that the value's coordinate in the tables =
    first · number + second and gradient = third · numbers; the fourth is the brick's row.
    """

    values: F32
    labels: U8
    row_of_label: I64
    shape: tuple[int, int, int]
    bricks: U8
    rows: I32
    slots: I32
    numbers: I16
    scales: F32


class Tables(NamedTuple):
    """Extinction and emission over values.

    A value v has coordinate (v − ``low``) · ``per_unit``. ``emission``, flat [R, N, 4], holds σ·rgb and σ in 1/mm at
    whole coordinates; ``n_visible`` [R + 1, N] how many of the cells between them, up to there, have any extinction in
    that row (the last row: in any row). For pre-integration, ``node`` [N] maps these coordinates to those of
    ``pairs``, flat [R, M, M, 4] with M = ``n_nodes``, means over all values between a front and a back.
    ``added``, like ``emission``, is what a whole step adds: colour times opacity, and opacity.
    """

    low: Scalar
    per_unit: Scalar
    emission: F32
    n_visible: I32
    node: F32
    pairs: F32
    n_nodes: int
    added: F32
