"""Convolution, batch norm and ELU of large volumes, tile by tile.

Modules one after the other keep the input, the output and the normalised output of every convolution, whose kernels
reorder whole volumes besides. Here the output of each convolution is all that is kept; what follows from it is made
again for a tile at a time. Results and gradients are those of the modules but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

#: Numbers in a tile of features at most, unless a row along the last axis has more. Temporaries of this size stay in
#: the processor's cache and in the allocator's hands; four times as large they cost a fifth more time.
TILE = 1 << 21

#: Index of a tile in features [B, C, I, J, K]: some of I and of J, all of the others.
Tile = tuple[slice, ...]
#: A tile of features.
_Source = Callable[[Tile], Tensor]
#: A tile of the gradient of a block's output, given this tile of the output.
_Gradient = Callable[[Tile, Tensor], Tensor]


def apply_blocks(x: Tensor, blocks: Sequence[nn.Sequential], *, residual: bool = False) -> Tensor:
    """The blocks one after the other, or ``elu(blocks(x) + x)`` if ``residual``.

    Args:
        x: [B, C, I, J, K].
        blocks: At least one; each a convolution that keeps the size (odd cubic kernel, stride 1), a batch norm by the
            statistics of what it is given, and an ELU.
        residual: Whether the input is added.

    Returns:
        [B, channels of the last block, I, J, K]; differentiable once in ``x`` and the weights.
    """
    parameters: list[Tensor] = []
    for block in blocks:
        convolution, norm = cast(nn.Conv3d, block[0]), cast(nn.BatchNorm3d, block[1])
        parameters += [convolution.weight, cast(Tensor, convolution.bias), norm.weight, norm.bias]
    result: Tensor = _Blocks.apply(x, residual, norm.eps, *parameters)  # type: ignore[no-untyped-call]
    return result


class _Block(NamedTuple):
    """A block whose convolution has been computed.

    Attributes:
        weight: [C, C', k, k, k] of the convolution.
        gamma: [C] of the batch norm.
        beta: [C] of the batch norm.
        convolved: [B, C, I, J, K], the convolution's output.
        mean: [C] of the convolution's output.
        rate: [C], the inverse of its standard deviation.
    """

    weight: Tensor
    gamma: Tensor
    beta: Tensor
    convolved: Tensor
    mean: Tensor
    rate: Tensor

    def output(self, tile: Tile) -> Tensor:
        """What the block makes of its input."""
        scale = self.gamma * self.rate
        shift = self.beta - self.mean * scale
        return functional.elu(torch.addcmul(_wide(shift), self.convolved[tile], _wide(scale)), inplace=True)

    def by_affine(self, by_output: _Gradient, copy: Tensor | None) -> tuple[Tensor, Tensor]:
        """Gradients of gamma and beta; that of the output is written to ``copy``."""
        by_gamma, by_beta = torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for tile in _tiles(self.convolved):
            output = self.output(tile)
            by_tile = by_output(tile, output)
            if copy is not None:
                copy[tile] = by_tile
            by_normed = _elu_backward(by_tile, output)
            by_beta += by_normed.sum((0, 2, 3, 4))
            by_gamma += by_normed.mul_(self.convolved[tile] - _wide(self.mean)).sum((0, 2, 3, 4))
        return by_gamma.to(self.rate) * self.rate, by_beta.to(self.rate)

    def by_convolved(self, tile: Tile, by_output: _Gradient, by_gamma: Tensor, by_beta: Tensor) -> Tensor:
        """Gradient of the convolution's output (Ioffe and Szegedy 2015, sec. 3)."""
        n = self.convolved[:, 0].numel()
        output = self.output(tile)
        by_normed = _elu_backward(by_output(tile, output), output)
        by_normed -= _wide(by_beta / n)
        by_normed -= (self.convolved[tile] - _wide(self.mean)).mul_(_wide(self.rate * by_gamma / n))
        return by_normed.mul_(_wide(self.gamma * self.rate))


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, residual: bool, eps: float, *parameters: Tensor) -> Tensor:
        blocks: list[_Block] = []
        source = _tiles_of(x)
        for weight, bias, gamma, beta in zip(*[iter(parameters)] * 4, strict=True):
            blocks.append(_Block(weight, gamma, beta, *_convolved(source, x, weight, bias, eps)))
            source = blocks[-1].output
        result = torch.empty_like(blocks[-1].convolved)
        for tile in _tiles(result):
            output = source(tile)
            result[tile] = functional.elu(output.add_(x[tile]), inplace=True) if residual else output
        ctx.save_for_backward(x, *(tensor for block in blocks for tensor in block))
        ctx.residual = residual
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_result: Tensor) -> tuple[Tensor | None, ...]:
        x, *saved = ctx.saved_tensors
        blocks = [_Block(*tensors) for tensors in zip(*[iter(saved)] * len(_Block._fields), strict=True)]

        def by_sum(tile: Tile, output: Tensor) -> Tensor:
            return _elu_backward(by_result[tile], functional.elu(output + x[tile], inplace=True))

        by_output = by_sum if ctx.residual else _gradient_of(by_result)
        by_x = torch.zeros_like(x)
        copy = by_x if ctx.residual else None
        gradients: list[Tensor] = []
        for n, block in reversed(list(enumerate(blocks))):
            source, by_source = _tiles_of(x), by_x
            if n:
                source, by_source = blocks[n - 1].output, torch.zeros_like(blocks[n - 1].convolved)
            by_affine = block.by_affine(by_output, copy)
            gradients = [*_add_gradients(block, source, by_source, by_output, *by_affine), *by_affine, *gradients]
            by_output, copy = _gradient_of(by_source), None
        return by_x, None, None, *gradients


def _convolved(source: _Source, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Convolution of a volume as large as ``x``, its mean and the inverse of its deviation."""
    convolved = x.new_empty(len(x), len(weight), *x.shape[2:])
    radius, tiles = weight.shape[2] // 2, list(_tiles(convolved, x))
    # Made beforehand: what is made and kept between temporaries would leave holes of their size in memory.
    share, variances, means = torch.empty(3, len(tiles), len(weight), dtype=torch.float64, device=x.device)
    for n, tile in enumerate(tiles):
        made = functional.conv3d(_Seen(tile, radius, x).padded(source), weight, bias, padding=(0, 0, radius))
        convolved[tile] = made
        share[n] = made.numel() / convolved.numel()
        variances[n], means[n] = torch.var_mean(made, (0, 2, 3, 4), correction=0)
    # The whole's variance is that within its tiles and that of their means.
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean).square())).sum(0)
    return convolved, mean.to(x.dtype), (variance + eps).rsqrt().to(x.dtype)


def _add_gradients(
    block: _Block, source: _Source, by_source: Tensor, by_output: _Gradient, by_gamma: Tensor, by_beta: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the convolution's weight and bias; that of its input is added to ``by_source``."""
    by_weight, by_bias = torch.zeros_like(block.weight), torch.zeros_like(by_beta)
    radius = block.weight.shape[2] // 2
    options = ([1, 1, 1], [0, 0, radius], [1, 1, 1], False, [0, 0, 0], 1, [True, True, True])
    for tile in _tiles(block.convolved, by_source):
        seen = _Seen(tile, radius, by_source)
        by_made = block.by_convolved(tile, by_output, by_gamma, by_beta)
        by_seen, by_weight_here, by_bias_here = torch.ops.aten.convolution_backward(
            by_made, seen.padded(source), block.weight, list(by_bias.shape), *options
        )
        by_source[seen.inside] += seen.cropped(by_seen)
        by_weight += by_weight_here
        by_bias += by_bias_here
    return by_weight, by_bias


class _Seen:
    """What a kernel sees of features to make a tile.

    Args:
        tile: Of the result.
        radius: Of the kernel, which is padded along the last axis by itself.
        features: Any as large as those that it sees.

    Attributes:
        inside: What there is of it; the rest are zeros.
    """

    def __init__(self, tile: Tile, radius: int, features: Tensor) -> None:
        (i, j), (n_i, n_j) = tile[2:], features.shape[2:4]
        self._i, self._j = _missing(i, radius, n_i), _missing(j, radius, n_j)
        self.inside = (*tile[:2], _reached(i, radius, n_i), _reached(j, radius, n_j))

    def padded(self, source: _Source) -> Tensor:
        """All of it."""
        return functional.pad(source(self.inside), (0, 0, *self._j, *self._i))

    def cropped(self, padded: Tensor) -> Tensor:
        """Without the zeros."""
        (i, behind_i), (j, behind_j) = self._i, self._j
        return padded[:, :, i : padded.shape[2] - behind_i, j : padded.shape[3] - behind_j]


def _reached(part: slice, radius: int, n: int) -> slice:
    return slice(max(part.start - radius, 0), min(part.stop + radius, n))


def _missing(part: slice, radius: int, n: int) -> tuple[int, int]:
    """Zeros before and behind."""
    return max(radius - part.start, 0), max(part.stop + radius - n, 0)


def _tiles(*features: Tensor) -> Iterator[Tile]:
    """Nearly square tiles of features of one size, that hold ``TILE`` numbers of those with most channels."""
    n_i, n_j = features[0].shape[2:4]
    side = max(1, math.isqrt(TILE * n_i * n_j // max(each.numel() for each in features)))
    for i in _parts(n_i, side):
        for j in _parts(n_j, side):
            yield slice(None), slice(None), i, j


def _parts(n: int, size: int) -> Iterator[slice]:
    """0..n in parts of nearly the same size, ``size`` at most."""
    even = -(-n // -(-n // size))
    for start in range(0, n, even):
        yield slice(start, min(start + even, n))


def _tiles_of(features: Tensor) -> _Source:
    return lambda tile: features[tile]


def _gradient_of(by_features: Tensor) -> _Gradient:
    return lambda tile, _: by_features[tile]


def _wide(channels: Tensor) -> Tensor:
    return channels[:, None, None, None]


def _elu_backward(by_output: Tensor, output: Tensor) -> Tensor:
    gradient: Tensor = torch.ops.aten.elu_backward(by_output, 1.0, 1.0, 1.0, True, output)
    return gradient
