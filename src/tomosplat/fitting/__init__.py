"""Floor 5: scenes fitted to pictures, one scan at a time; one loop for all of it."""

from tomosplat.fitting.checkpoints import load_checkpoint, save_checkpoint
from tomosplat.fitting.loop import FitState, Look, fit, mean_psnr
from tomosplat.fitting.settings import DensityControl, FitSettings, LearningRates
from tomosplat.fitting.views import View

__all__ = [
    "DensityControl",
    "FitSettings",
    "FitState",
    "LearningRates",
    "Look",
    "View",
    "fit",
    "load_checkpoint",
    "mean_psnr",
    "save_checkpoint",
]
