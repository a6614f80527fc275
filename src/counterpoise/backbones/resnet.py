"""ResNet: blocks of two convolutions beside a shortcut (He et al. 2016), in its two forms.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016: section 4.2 and option A for small
images, table 1 and option B for large ones. Weights begin as in He, Zhang, Ren and Sun, "Delving Deep into Rectifiers",
ICCV 2015.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.pixel_reader import PixelReader, check_augmentation
from counterpoise.errors import SettingsError
from counterpoise.images.pixels import PixelSpec

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
_SMALL = 64


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to what went in.

    Parameters
    ----------
    before, after : int
        Features that go in and come out.
    stride : int
        Of the first convolution.
    projected : bool
        Where the shape changes: whether the shortcut is a 1 x 1 convolution with batch norm (option B), or takes every
        second position and adds features of zeros (option A), which has no weights.
    """

    def __init__(self, before: int, after: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        self.first = _convolution(before, after, 3, stride)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = _convolution(after, after, 3, 1)
        self.second_norm = nn.BatchNorm2d(after)
        self.stride, self.added = stride, after - before
        self.projection = (
            nn.Sequential(_convolution(before, after, 1, stride), nn.BatchNorm2d(after))
            if projected and (stride > 1 or before != after)
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(B, after, H', W')``."""
        y = self.first_norm(self.first(x)).relu_()
        y = self.second_norm(self.second(y))
        return y.add_(self._shortcut(x)).relu_()

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.projection is not None:
            return self.projection(x)
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.added)) if self.added else x


class ResNet(PixelReader):
    """A residual network; tokens are the positions of its last feature map, pooled by their mean.

    Parameters
    ----------
    spec : PixelSpec
        Size of the images, and mean and scale of their channels.
    depth : int, default=20
        Layers with weights, the classifier's among them. ``6 n + 2`` (8, 14, 20, 32, 44, 56) is the small form, for
        images of about 32 pixels: three stages of ``n`` blocks with 16, 32 and 64 features. 18 and 34 are the large
        form: four stages with 64 to 512 features. Of images of 64 pixels and less the large form looks at every
        position; of larger ones its first layer, of 7 x 7, and a maximum take every fourth.
    augment : bool, default=True
        Whether each image is shifted and mirrored at random whenever it is trained on.
    flip : bool, default=True
        Whether augmentation mirrors; give False for digits and letters.
    padding : int or None, default=None
        Pixels by which augmentation shifts at most; None is an eighth of the shorter side (4 of 32).

    Raises
    ------
    SettingsError
        For a depth that there is no network of, and images that its stages would bring to a single position.
    """

    gains_by_bfloat16 = True

    def __init__(
        self,
        spec: PixelSpec,
        *,
        depth: int = 20,
        augment: bool = True,
        flip: bool = True,
        padding: int | None = None,
    ) -> None:
        super().__init__(spec, augment=augment, flip=flip, padding=padding)
        check_depth({"depth": depth})
        large = depth in _STAGES
        stages = _STAGES.get(depth, ((depth - 2) // 6,) * 3)
        width = 64 if large else 16
        coarse = large and min(spec.height, spec.width) > _SMALL
        least = 2 ** (len(stages) - 1)
        if max(spec.height, spec.width) <= least:
            # Batch norm would have one number to a channel where an image is alone in its batch.
            raise SettingsError(
                f"images of {spec.height} x {spec.width} pixels are too small for backbone 'resnet' of depth {depth}, "
                f"whose last map would be a single position; enlarge them to more than {least} pixels a side"
            )
        self.stem = _convolution(spec.channels, width, 7 if coarse else 3, 2 if coarse else 1)
        self.stem_norm = nn.BatchNorm2d(width)
        self.thinning = nn.MaxPool2d(3, stride=2, padding=1) if coarse else None
        blocks: list[nn.Module] = []
        before = width
        for stage, count in enumerate(stages):
            after = width * 2**stage
            for number in range(count):
                stride = 2 if stage and not number else 1
                blocks.append(Block(before, after, stride, projected=large))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.dim = before
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Features of each position of the last map, ``(B, H' * W', d)``."""
        x = self.stem_norm(self.stem(vectors.contiguous(memory_format=torch.channels_last))).relu_()
        if self.thinning is not None:
            x = self.thinning(x)
        return self.blocks(x).flatten(2).transpose(1, 2)

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled representations ``(B, d)``: the mean over all positions."""
        return tokens.mean(dim=1)


def check_depth(settings: dict[str, Any]) -> None:
    """Refuse a depth that there is no network of, and settings of augmentation out of range.

    Raises
    ------
    SettingsError
    """
    check_augmentation(settings)
    depth = settings.get("depth", 20)
    if depth not in _STAGES and (depth < 8 or depth % 6 != 2):
        raise SettingsError(
            f"depth of backbone 'resnet' is {depth!r}; give 6 n + 2 (8, 14, 20, 32, 44, 56), 18 or 34"
        )


def _convolution(before: int, after: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
