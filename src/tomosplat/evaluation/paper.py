"""What the Render-FM paper reports (its Tables 1 and 2): on its data, its pictures and an A100."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperRow:
    """One line of the paper's tables; LPIPS there is not our ST-LPIPS.

    Attributes:
        data: The paper's scans.
        look: Our name of what is shown.
        method: As the paper calls it.
        ssim: Whole picture.
        psnr: Whole picture, dB.
        lpips: Whole picture.
        seconds: Preparation.
        gaussians: How many.
        fps: Frames per second.
    """

    data: str
    look: str
    method: str
    ssim: float
    psnr: float
    lpips: float
    seconds: float
    gaussians: int
    fps: float


_TOTALSEG, _CTORG, _PELVIC = "TotalSegmentator, 46 scans", "CT-ORG, 10 scans", "CTPelvic1K, 6 scans"

PAPER = (
    PaperRow(_TOTALSEG, "all/seen", "6DGS", 0.912, 26.63, 0.096, 1463.9, 68_785, 697.5),
    PaperRow(_TOTALSEG, "all/seen", "6DGS + AGP", 0.925, 28.92, 0.093, 1786.5, 135_827, 575.6),
    PaperRow(_TOTALSEG, "all/seen", "Render-FM", 0.919, 27.30, 0.097, 2.8, 343_058, 328.6),
    PaperRow(_TOTALSEG, "all/seen", "Render-FM + FT", 0.937, 31.67, 0.088, 89.4, 227_925, 423.8),
    PaperRow(_CTORG, "all/seen", "6DGS", 0.903, 25.97, 0.105, 1528.7, 75_956, 679.1),
    PaperRow(_CTORG, "all/seen", "6DGS + AGP", 0.926, 29.36, 0.091, 2261.9, 239_609, 411.0),
    PaperRow(_CTORG, "all/seen", "Render-FM", 0.918, 26.21, 0.092, 2.6, 586_225, 245.2),
    PaperRow(_CTORG, "all/seen", "Render-FM + FT", 0.940, 32.48, 0.082, 136.2, 469_969, 275.1),
    PaperRow(_CTORG, "all/unseen", "6DGS", 0.908, 26.59, 0.103, 1546.4, 81_802, 684.3),
    PaperRow(_CTORG, "all/unseen", "6DGS + AGP", 0.924, 29.66, 0.090, 2129.3, 246_017, 385.5),
    PaperRow(_CTORG, "all/unseen", "Render-FM", 0.913, 26.77, 0.092, 2.8, 586_225, 245.5),
    PaperRow(_CTORG, "all/unseen", "Render-FM + FT", 0.936, 31.91, 0.083, 133.4, 462_219, 277.5),
    PaperRow(_CTORG, "skeleton/seen", "6DGS", 0.935, 26.78, 0.066, 5146.0, 76_848, 602.0),
    PaperRow(_CTORG, "skeleton/seen", "6DGS + AGP", 0.938, 28.95, 0.064, 7545.3, 286_308, 425.1),
    PaperRow(_CTORG, "skeleton/seen", "Render-FM", 0.925, 26.10, 0.070, 0.0, 586_225, 295.7),
    PaperRow(_CTORG, "skeleton/seen", "Render-FM + FT", 0.944, 30.74, 0.061, 140.1, 466_638, 337.3),
    PaperRow(_PELVIC, "all/seen", "6DGS", 0.893, 27.95, 0.155, 1643.32, 45_041, 712.4),
    PaperRow(_PELVIC, "all/seen", "6DGS + AGP", 0.936, 31.29, 0.100, 1632.04, 95_594, 624.2),
    PaperRow(_PELVIC, "all/seen", "Render-FM", 0.926, 27.15, 0.105, 0.65, 164_406, 535.7),
    PaperRow(_PELVIC, "all/seen", "Render-FM + FT", 0.941, 33.30, 0.096, 78.02, 149_243, 553.6),
)
