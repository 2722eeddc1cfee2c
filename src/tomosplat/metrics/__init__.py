"""Floor 3: how alike two pictures are; differentiable in the first."""

from tomosplat.metrics.perceptual import has_perceptual_weights, st_lpips
from tomosplat.metrics.psnr import psnr
from tomosplat.metrics.ssim import ms_ssim, ssim

__all__ = ["has_perceptual_weights", "ms_ssim", "psnr", "ssim", "st_lpips"]
