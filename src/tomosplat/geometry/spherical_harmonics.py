"""Real spherical harmonics up to degree 1, in the sign and order of 3D Gaussian splatting."""

from __future__ import annotations

import math

#: Y_00, and the factor of the three functions of degree 1 (−y, z, −x).
SH_C0 = 0.5 / math.sqrt(math.pi)
SH_C1 = math.sqrt(3 / (4 * math.pi))
