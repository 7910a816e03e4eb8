"""The network: a small fully convolutional encoder and decoder that keeps the native resolution.

Pixel-unshuffle by 2 loses nothing, so a 7 px glyph is never blurred away; everything after it
works at stride 2 or coarser. One logit per 2x2 pixels and class: text, graphics (rulers,
calipers, frames: what a detector likes to take for text) and codes (barcodes, QR codes).

Channel counts are multiples of 16, the block that ONNX Runtime and oneDNN use on AVX-512: other
counts are padded to it and cost the same.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64, 96)
CLASSES = ("text", "graphics", "code")
MEAN, SCALE = 0.25, 0.25
"""Input is ``(sample / 255 - MEAN) / SCALE``: medical frames are mostly dark."""


def unit(inputs: int, outputs: int, stride: int = 1, dilation: int = 1, kernel: int = 3) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU."""
    pad = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, pad, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = unit(width, width, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, same shape."""
        return functional.relu(x + self.second(self.first(x)))


class TextNetwork(nn.Module):
    """Logits ``(N, classes, H/2, W/2)`` from RGB ``(N, 3, H, W)``; H and W are multiples of 16."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(12, widths[0]), Residual(widths[0]))
        self.down = nn.ModuleList(
            nn.Sequential(unit(a, b, stride=2), Residual(b, 2 if b == widths[-1] else 1))
            for a, b in pairwise(widths)
        )
        self.across = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(unit(a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        return self.after_stem(self.stem(functional.pixel_unshuffle(x, 2)))

    def after_stem(self, x: Tensor) -> Tensor:
        """Return logits from what the stem made of the picture."""
        levels = [x]
        for stage in self.down:
            levels.append(stage(levels[-1]))
        y = levels.pop()
        for across, up in zip(reversed(self.across), reversed(self.up), strict=True):
            y = functional.interpolate(across(y), scale_factor=2.0, mode="nearest")
            y = up(y + levels.pop())
        return self.head(y)
