"""Floor 6: a volume, its labels and its surfaces from few slices."""
