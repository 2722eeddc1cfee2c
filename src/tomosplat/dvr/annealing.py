"""Stepsize annealing: coarse samples first, fine ones in the end."""

from __future__ import annotations


def annealed_rate(epoch: int, n_epochs: int, low: float, high: float) -> float:
    """Sampling rate s of an epoch, counted from 0 (eq. 14); with ``low`` equal to ``high`` it is constant."""
    progress = (epoch / n_epochs) ** 2
    return low * (1 - progress) + progress * high
