"""Differentiable augmentation of what the critic sees, safe under double backward.

Zhao 2020 (DiffAugment, arXiv:2006.10738) with the strength of Karras 2020 (arXiv:2006.06676): each sample gets
each augmentation with probability `strength`. Geometry is two small matrix products per picture, because the
second derivative of grid sampling does not exist everywhere.

Every augmentation is `f(x, draws, strength) -> x` on x: [B, C, H, W] in [-1, 1]. Pictures with transparency
(C = 4) are premultiplied about 0, so that 0 is both mid-grey and nothing.
"""

import torch
from torch import Tensor

from creative_gan.core.augment import Augmentation, chosen
from creative_gan.core.draws import Draws


def translation(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Moves a picture by up to an eighth of its sides; what comes in is 0."""
    size = torch.tensor(x.shape[2:], device=x.device)
    shift = ((draws.uniform("translation", 2) * 2 - 1) * (size / 8 + 0.5)).round()
    shift = shift * chosen(draws, "translation?", strength)
    return _separable(x, x.new_ones(len(x), 2), shift)


def zoom(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Scales a picture's height and width by up to a fifth, its shape by up to a tenth."""
    both = draws.normal("zoom", 1).clamp(-2, 2) * 0.1
    aspect = draws.normal("aspect", 1).clamp(-2, 2) * 0.05
    scale = torch.exp(torch.cat([both + aspect, both - aspect], 1) * chosen(draws, "zoom?", strength))
    return _separable(x, scale, torch.zeros_like(scale))


def flip(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Mirrors a picture left to right with half the probability of the others."""
    mirrored = (draws.uniform("flip") < strength / 2)[:, None, None, None]
    return torch.where(mirrored, x.flip(3), x)


def color(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Brightness by up to 0.5, saturation by 0 to 2, contrast by 0.5 to 1.5, as DiffAugment has them."""
    colors, alpha = (x[:, :3], x[:, 3:]) if x.shape[1] == 4 else (x, None)
    changed = chosen(draws, "color?", strength)[:, :, None, None]
    amount = draws.uniform("color", 3)[:, :, None, None, None].unbind(1)
    brightness, saturation, contrast = (amount[0] - 0.5) * changed, amount[1] * 2, amount[2] + 0.5
    colors = colors + (brightness if alpha is None else brightness * (alpha + 1) / 2)
    if colors.shape[1] == 3:
        grey = colors.mean(1, keepdim=True)
        colors = grey + (colors - grey) * (1 + (saturation - 1) * changed)
    middle = colors.mean((1, 2, 3), keepdim=True)
    if alpha is not None:  # nothing stays nothing
        middle = middle * (alpha + 1) / 2
    colors = middle + (colors - middle) * (1 + (contrast - 1) * changed)
    return colors if alpha is None else torch.cat([colors, alpha], 1)


def cutout(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Sets a rectangle of half the sides, anywhere, to 0."""
    inside = []
    center = draws.uniform("cutout", 2)
    for axis, size in enumerate(x.shape[2:]):
        position = torch.arange(size, device=x.device) + 0.5
        inside.append((position - center[:, axis : axis + 1] * size).abs() < size / 4)  # [B, size]
    hole = inside[0][:, :, None] & inside[1][:, None, :]
    hole = hole & (chosen(draws, "cutout?", strength) > 0)[:, :, None]
    return x * (~hole)[:, None]


AUGMENTATIONS: dict[str, Augmentation] = {
    "flip": flip,
    "translation": translation,
    "zoom": zoom,
    "color": color,
    "cutout": cutout,
}


def _separable(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Scales about the middle, then moves, with linear interpolation along each axis. `scale`, `shift`: [B, 2]."""
    for axis, size in enumerate(x.shape[2:]):
        position = torch.arange(size, device=x.device, dtype=x.dtype)
        middle = (size - 1) / 2
        source = (position - middle - shift[:, axis : axis + 1]) / scale[
            :, axis : axis + 1
        ] + middle  # [B, size]
        weight = (1 - (source[:, :, None] - position).abs()).clamp(min=0)  # [B, to, from]
        weight = weight[:, None].to(x.dtype)
        x = weight @ x if axis == 0 else x @ weight.transpose(2, 3)
    return x
