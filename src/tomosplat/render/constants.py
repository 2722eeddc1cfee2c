"""What every splatting backend agrees on (Kerbl et al., 3D Gaussian Splatting, and its public implementation)."""

from __future__ import annotations

#: Gaussians whose shifted mean is nearer than this to the camera's plane are not drawn.
NEAR_MM = 1.0
#: Variance in px² added to both axes of every projected Gaussian, so that none falls between pixels.
LOW_PASS_PX2 = 0.3
#: The projection is linearised at the Gaussian's mean, but not further out than this multiple of the view's half width.
FRUSTUM_MARGIN = 1.3
#: A Gaussian covers a pixel at most this much, and not at all below ALPHA_MIN.
ALPHA_MAX = 0.99
ALPHA_MIN = 1 / 255
#: A pixel is finished when less than this much light still passes: what lies behind is not blended.
TRANSMITTANCE_MIN = 1e-4
#: A covariance may miss being positive semi-definite by this share of its size: that is what rounding does to needles.
COVARIANCE_ROUNDING = 1e-5
#: What of a scene is drawn, and gets gradients, in the order in which kernels take it.
DRAWN = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh")
#: Added to the sum of weights that a slice is divided by: values fade to 0 where there are no Gaussians.
NORMALISED_FLOOR = 0.02
