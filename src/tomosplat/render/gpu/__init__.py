"""Renderers compiled by Triton for NVIDIA GPUs; Triton is imported only when there is something to draw."""
