"""Floor 3: how alike two pictures are; differentiable in the first."""

from tomosplat.metrics.psnr import psnr
from tomosplat.metrics.ssim import ms_ssim, ssim

__all__ = ["ms_ssim", "psnr", "ssim"]
