"""Renderers compiled by Numba for the processor."""

from tomosplat.render.cpu.views import render_views

__all__ = ["render_views"]
