"""Convolutions whose weights get their gradient from one product of matrices, where that is quicker on a CPU.

Layers with few places and many channels are where a DCGAN has most of its weights, and where oneDNN needs up to
four times as long for their gradient (benchmarks/RESULTS.md, Speed of a training step). What comes out differs by
rounding only, and gradients of gradients are as for any other layer.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import conv2d, conv_transpose2d, pad

_PLACES = 16
"""The smaller side of a layer has at most so many places (H * W) where the product is quicker in any precision."""
_PLACES_BFLOAT16, _WEIGHTS_BFLOAT16 = 64, 100_000
"""In bfloat16 it is quicker with so many places, too, where the layer has so many weights or more."""


class Conv2d(nn.Conv2d):
    """torch.nn.Conv2d, quicker to train where its output is small."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, D, h, w]."""
        # asked for once: a spectral norm is worked out anew whenever it is
        weight, bias = self.weight, self.bias
        h, w = ((n + 2 * p - k) // s + 1 for n, p, k, s in _along(self, x))
        if not _quicker(self, x, weight, h * w):
            return self._conv_forward(x, weight, bias)
        return _Convolution.apply(*_cast(x, weight, bias), self.stride, self.padding)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch.nn.ConvTranspose2d, quicker to train where its input is small."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, D, h, w] -> [B, C, H, W]."""
        if output_size is not None or not _quicker(self, x, self.weight, x.shape[2] * x.shape[3]):
            return super().forward(x, output_size)
        along = zip(_along(self, x), self.output_padding, strict=True)
        size = [(n - 1) * s - 2 * p + k + more for (n, p, k, s), more in along]
        return _Transposed.apply(*_cast(x, self.weight, self.bias), self.stride, self.padding, size)


class _Convolution(Function):
    """x [B, C, H, W], weight [D, C, k, l], bias [D] -> [B, D, h, w]. Its gradient by x is the transposed one."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any) -> Tensor:
        return conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, weight, _, ctx.stride, ctx.padding = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple:
        (gradient,), (x, weight) = grads, ctx.saved_tensors
        by_x = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_x = _Transposed.apply(gradient, weight, None, ctx.stride, ctx.padding, list(x.shape[2:]))
        if ctx.needs_input_grad[1]:
            by_weight = _by_weight(x, gradient, weight.shape, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[2]:
            by_bias = gradient.sum((0, 2, 3))
        return by_x, by_weight, by_bias, None, None


class _Transposed(Function):
    """y [B, D, h, w], weight [D, C, k, l], bias [C] -> [B, C, *size]. Its gradient by y is the convolution."""

    @staticmethod
    def forward(
        y: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, size: list[int]
    ) -> Tensor:
        along = zip(size, y.shape[2:], weight.shape[2:], stride, padding, strict=True)
        more = [n - ((m - 1) * s - 2 * p + k) for n, m, k, s, p in along]
        return conv_transpose2d(y, weight, bias, stride, padding, more)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        y, weight, _, ctx.stride, ctx.padding, _ = inputs
        ctx.save_for_backward(y, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple:
        (gradient,), (y, weight) = grads, ctx.saved_tensors
        by_y = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_y = _Convolution.apply(gradient, weight, None, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            by_weight = _by_weight(gradient, y, weight.shape, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[2]:
            by_bias = gradient.sum((0, 2, 3))
        return by_y, by_weight, by_bias, None, None, None


def _by_weight(x: Tensor, y: Tensor, shape: torch.Size, stride: Any, padding: Any) -> Tensor:
    """Of x [B, C, H, W] and the gradient y [B, D, h, w] of its convolution: the gradient of weights [D, C, k, l].

    All patches of x as rows [B h w, k l C], channels last, so that a row is copied in a few long pieces.
    """
    _, channels, *kernel = shape
    x = pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    patches = x.unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
    rows = patches.permute(0, 1, 2, 4, 5, 3).reshape(-1, math.prod(kernel) * channels)
    product = y.permute(0, 2, 3, 1).reshape(-1, y.shape[1]).T @ rows
    return product.unflatten(1, (*kernel, channels)).permute(0, 3, 1, 2)


def _quicker(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, weight: Tensor, places: int) -> bool:
    """Whether the weights will get a gradient, on a CPU, of a plain convolution with few places."""
    half = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    plain = layer.groups == 1 and set(layer.dilation) == {1} and layer.padding_mode == "zeros"
    few = places <= _PLACES or (half and places <= _PLACES_BFLOAT16 and weight.numel() >= _WEIGHTS_BFLOAT16)
    return few and plain and torch.is_grad_enabled() and weight.requires_grad and x.device.type == "cpu"


def _along(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> Any:
    """For each side: places of x, padding, size of the kernel, stride."""
    return zip(x.shape[2:], layer.padding, layer.kernel_size, layer.stride, strict=True)


def _cast(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """As autocast would have them, which does not reach into a Function's backward pass."""
    if not torch.is_autocast_enabled("cpu"):
        return x, weight, bias
    kind = torch.get_autocast_dtype("cpu")
    return x.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
