"""Renderers in plain PyTorch float64: the truth that every kernel is tested against."""

from tomosplat.render.reference.rasterizer import Blended, rasterize_reference
from tomosplat.render.reference.views import render_views

__all__ = ["Blended", "rasterize_reference", "render_views"]
