"""Volumes, labels and meshes from few slices."""
