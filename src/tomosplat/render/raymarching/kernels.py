"""What the kernels of the ray marcher share: compiler options, array types and argument tuples."""

from __future__ import annotations

from typing import Any, NamedTuple

from tomosplat.render.cpu.layout import F32, FAST, I32, I64, OPTIONS, U8, Scalar, uint

#: For what is called from Python: it releases the interpreter lock, so threads run side by side.
ENTRY: dict[str, Any] = {**OPTIONS, "fastmath": FAST | {"reassoc"}}
#: For what only kernels call; it is cached as a part of them.
INLINE: dict[str, Any] = {**ENTRY, "cache": False, "forceinline": True}

#: Voxels along the edge of a brick.
BRICK: Any = uint(4)


class Scan(NamedTuple):
    """The voxels, flat in the order of [I, J, K], and what hides nothing among them.

    ``row_of_label`` [256] tells the row of the tables for each label; 0 is for what is invisible. ``bricks`` says
    for each brick of BRICK³ voxels how many bricks around it, in every direction, are empty too (0: not empty), and
    ``rows`` the row of all labels in it, -1 where they differ.
    """

    values: F32
    labels: U8
    row_of_label: I64
    shape: tuple[int, int, int]
    bricks: U8
    rows: I32


class Tables(NamedTuple):
    """Extinction and emission over values.

    A value v has coordinate (v − ``low``) · ``per_unit``. ``emission``, flat [R, N, 4], holds σ·rgb and σ in 1/mm at
    whole coordinates; ``n_visible`` [R + 1, N] how many of the cells between them, up to there, have any extinction in
    that row (the last row: in any row). For pre-integration, ``node`` [N] maps these coordinates to those of
    ``pairs``, flat [R, M, M, 4] with M = ``n_nodes``, means over all values between a front and a back.
    """

    low: Scalar
    per_unit: Scalar
    emission: F32
    n_visible: I32
    node: F32
    pairs: F32
    n_nodes: int
