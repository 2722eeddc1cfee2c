"""What the kernels share: sizes and thresholds as compile-time constants, and the layout of their arrays."""

from __future__ import annotations

import math

import triton.language as tl

from tomosplat.geometry import SH_C0, SH_C1
from tomosplat.render import constants

#: Pixels along the side of a tile.
TILE = tl.constexpr(16)

# A projected Gaussian is a record of 12 float32, so that two loads of 16 bytes and one of 4 bring all that is blended:
# centre x, y (px), quad xx, xy, yy, log2 of opacity, red, green, blue, depth (mm), and two that are unused.
# log2(alpha) at offset (dx, dy) is log_opacity + xx dx² + xy dx dy + yy dy².
RECORD = tl.constexpr(12)
DEPTH = tl.constexpr(9)

# What only binning needs, the outline, stands in planes of N values: half the box outside which alpha < ALPHA_MIN (px),
# then the ellipse alpha = ALPHA_MIN, which spans, at height dy, shear dy ± sqrt(spread (level − dy² / variance_y)).
EXTENT_X, EXTENT_Y, SHEAR, SPREAD, VARIANCE_Y, LEVEL = (tl.constexpr(i) for i in range(6))
N_OUTLINE = 6

# Gradient of a record: sums over its pixels of g = dL/dlog(alpha) times powers of the offset, and of colour:
# g, g dx, g dx², g dy, g dx dy, g dy², red, green, blue; three are unused.
GRADIENT = tl.constexpr(12)
N_SUMS = tl.constexpr(9)
# Of an ellipse of a slice, the first six; two are unused.
MOMENTS = tl.constexpr(8)

SH0, SH1 = tl.constexpr(SH_C0), tl.constexpr(SH_C1)
NEAR_MM = tl.constexpr(constants.NEAR_MM)
LOW_PASS_PX2 = tl.constexpr(constants.LOW_PASS_PX2)
COVARIANCE_ROUNDING = tl.constexpr(constants.COVARIANCE_ROUNDING)
TRANSMITTANCE_MIN = tl.constexpr(constants.TRANSMITTANCE_MIN)
LOG2_E = tl.constexpr(math.log2(math.e))
LOG2_ALPHA_MIN = tl.constexpr(math.log2(constants.ALPHA_MIN))
LOG2_ALPHA_MAX = tl.constexpr(math.log2(constants.ALPHA_MAX))
LN_2 = tl.constexpr(math.log(2))
ALPHA_MIN = tl.constexpr(constants.ALPHA_MIN)
