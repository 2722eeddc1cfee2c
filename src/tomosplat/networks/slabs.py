"""Convolution, batch norm and ELU of large volumes, slab by slab along the first axis.

Modules one after the other keep the input, the output and the normalised output of every convolution, whose kernels
reorder whole volumes besides. Here the output of each convolution is all that is kept; what follows from it is made
again for some rows at a time. Results and gradients are those of the modules but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

#: Numbers in a slab of features at most, unless a single row has more: as many as a processor's cache holds.
SLAB = 1 << 22

#: Some rows of features, [B, C, rows, J, K].
_Rows = Callable[[slice], Tensor]
#: The gradient of some rows of a block's output, given these.
_Gradient = Callable[[slice, Tensor], Tensor]


def apply_blocks(x: Tensor, blocks: Iterable[nn.Sequential], *, residual: bool = False) -> Tensor:
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

    def output(self, rows: slice) -> Tensor:
        """What the block makes of its input."""
        scale = self.gamma * self.rate
        shift = self.beta - self.mean * scale
        return functional.elu(torch.addcmul(_wide(shift), self.convolved[:, :, rows], _wide(scale)), inplace=True)

    def by_affine(self, by_output: _Gradient, copy: Tensor | None) -> tuple[Tensor, Tensor]:
        """Gradients of gamma and beta; the gradient of the output is written to ``copy``."""
        by_gamma, by_beta = torch.zeros_like(self.mean), torch.zeros_like(self.mean)
        for rows in _slabs(self.convolved):
            output = self.output(rows)
            by_rows = by_output(rows, output)
            if copy is not None:
                copy[:, :, rows] = by_rows
            by_normed = _elu_backward(by_rows, output)
            by_beta += by_normed.sum((0, 2, 3, 4))
            by_gamma += by_normed.mul_(self.convolved[:, :, rows] - _wide(self.mean)).sum((0, 2, 3, 4))
        return by_gamma * self.rate, by_beta

    def by_convolved(self, rows: slice, by_output: _Gradient, by_gamma: Tensor, by_beta: Tensor) -> Tensor:
        """Gradient of the convolution's output (Ioffe and Szegedy 2015, sec. 3)."""
        n = self.convolved[:, 0].numel()
        output = self.output(rows)
        by_normed = _elu_backward(by_output(rows, output), output)
        by_normed -= _wide(by_beta / n)
        by_normed -= (self.convolved[:, :, rows] - _wide(self.mean)).mul_(_wide(self.rate * by_gamma / n))
        return by_normed.mul_(_wide(self.gamma * self.rate))


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, residual: bool, eps: float, *parameters: Tensor) -> Tensor:
        blocks: list[_Block] = []
        source = _rows_of(x)
        for weight, bias, gamma, beta in zip(*[iter(parameters)] * 4, strict=True):
            blocks.append(_Block(weight, gamma, beta, *_convolved(source, x, weight, bias, eps)))
            source = blocks[-1].output
        result = torch.empty_like(blocks[-1].convolved)
        for rows in _slabs(result):
            output = source(rows)
            result[:, :, rows] = functional.elu(output.add_(x[:, :, rows]), inplace=True) if residual else output
        ctx.save_for_backward(x, *(tensor for block in blocks for tensor in block))
        ctx.residual = residual
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_result: Tensor) -> tuple[Tensor | None, ...]:
        x, *saved = ctx.saved_tensors
        blocks = [_Block(*tensors) for tensors in zip(*[iter(saved)] * len(_Block._fields), strict=True)]

        def by_sum(rows: slice, output: Tensor) -> Tensor:
            return _elu_backward(by_result[:, :, rows], functional.elu(output + x[:, :, rows], inplace=True))

        by_output = by_sum if ctx.residual else _gradient_of(by_result)
        by_x = torch.zeros_like(x)
        copy = by_x if ctx.residual else None
        gradients: list[Tensor] = []
        for n, block in reversed(list(enumerate(blocks))):
            source, by_source = _rows_of(x), by_x
            if n:
                source, by_source = blocks[n - 1].output, torch.zeros_like(blocks[n - 1].convolved)
            by_affine = block.by_affine(by_output, copy)
            gradients = [*_add_gradients(block, source, by_source, by_output, *by_affine), *by_affine, *gradients]
            by_output, copy = _gradient_of(by_source), None
        return by_x, None, None, *gradients


def _convolved(source: _Rows, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Convolution of rows of a volume as large as ``x``, its mean and the inverse of its deviation."""
    convolved = x.new_empty(len(x), len(weight), *x.shape[2:])
    sizes, variances, means = [], [], []
    radius = weight.shape[2] // 2
    for rows in _slabs(convolved, x):
        seen = _Reach(rows, radius, x.shape[2])
        slab = functional.conv3d(seen.padded(source), weight, bias, padding=(0, radius, radius))
        convolved[:, :, rows] = slab
        variance, mean = torch.var_mean(slab, (0, 2, 3, 4), correction=0)
        sizes.append(slab.shape[2])
        variances.append(variance.double())
        means.append(mean.double())
    # Of the whole: the mean of slabs, and their variance beside the variance within them.
    share = torch.tensor(sizes, dtype=torch.float64, device=x.device)[:, None] / x.shape[2]
    each = torch.stack(means)
    mean = (share * each).sum(0)
    variance = (share * (torch.stack(variances) + (each - mean).square())).sum(0)
    return convolved, mean.to(x.dtype), (variance + eps).rsqrt().to(x.dtype)


def _add_gradients(
    block: _Block, source: _Rows, by_source: Tensor, by_output: _Gradient, by_gamma: Tensor, by_beta: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the convolution's weight and bias; that of its input is added to ``by_source``."""
    by_weight, by_bias = torch.zeros_like(block.weight), torch.zeros_like(by_beta)
    radius = block.weight.shape[2] // 2
    padding, ones, zeros = [0, radius, radius], [1] * 3, [0] * 3
    for rows in _slabs(block.convolved, by_source):
        seen = _Reach(rows, radius, by_source.shape[2])
        by_slab, by_weight_here, by_bias_here = torch.ops.aten.convolution_backward(
            block.by_convolved(rows, by_output, by_gamma, by_beta),
            seen.padded(source),
            block.weight,
            list(by_bias.shape),
            ones,
            padding,
            ones,
            False,
            zeros,
            1,
            [True] * 3,
        )
        by_source[:, :, seen.inside] += seen.cropped(by_slab)
        by_weight += by_weight_here
        by_bias += by_bias_here
    return by_weight, by_bias


class _Reach:
    """Rows that a kernel sees of a volume of n rows, to make others.

    Attributes:
        inside: Those that there are; the others are zeros.
    """

    def __init__(self, rows: slice, radius: int, n: int) -> None:
        self.inside = slice(max(rows.start - radius, 0), min(rows.stop + radius, n))
        self._before = self.inside.start - (rows.start - radius)
        self._behind = rows.stop + radius - self.inside.stop

    def padded(self, source: _Rows) -> Tensor:
        """All rows that the kernel sees."""
        return functional.pad(source(self.inside), (0, 0, 0, 0, self._before, self._behind))

    def cropped(self, padded: Tensor) -> Tensor:
        """Without the zeros."""
        return padded[:, :, self._before : padded.shape[2] - self._behind]


def _slabs(*features: Tensor) -> Iterator[slice]:
    """All rows of features that are equally large, in slabs of which that of most channels is no larger than ``SLAB``."""
    n = features[0].shape[2]
    size = max(1, SLAB * n // max(each.numel() for each in features))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _rows_of(features: Tensor) -> _Rows:
    return lambda rows: features[:, :, rows]


def _gradient_of(by_features: Tensor) -> _Gradient:
    return lambda rows, _: by_features[:, :, rows]


def _wide(channels: Tensor) -> Tensor:
    return channels[:, None, None, None]


def _elu_backward(by_output: Tensor, output: Tensor) -> Tensor:
    gradient: Tensor = torch.ops.aten.elu_backward(by_output, 1.0, 1.0, 1.0, True, output)
    return gradient
