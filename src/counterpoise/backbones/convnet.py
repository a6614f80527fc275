"""ConvNet: two convolutions and two fully connected layers, the network of deep over-sampling for digits.

Ando and Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017, arXiv 1704.07515, name
the layers of their networks (convolutions of 6 and 16 features, then 400 and 120 units; 20, 50, 500 and 120 for
CIFAR-10) and ReLU. Filters of 5 x 5 and a maximum over 2 x 2 after each, as in LeNet-5, are our reading.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from counterpoise.backbones.pixel_reader import PixelReader
from counterpoise.errors import SettingsError
from counterpoise.images.pixels import PixelSpec


class ConvNet(PixelReader):
    """Convolutions with ReLU and 2 x 2 maxima, then fully connected layers with ReLU.

    Parameters
    ----------
    spec : PixelSpec
        Size of the images, and mean and scale of their channels.
    channels : sequence of int, default=(6, 16)
        Features of each convolution.
    hidden : sequence of int, default=(400, 120)
        Units of each fully connected layer; the last are the embedding.
    kernel : int, default=5
        Height and width of the filters, without padding.
    augment : bool, default=False
        Whether each image is shifted, and mirrored where ``flip`` says so, whenever it is trained on.
    flip : bool, default=False
        Whether augmentation mirrors, which digits are not for.
    padding : int or None, default=None
        Pixels by which augmentation shifts at most; None is an eighth of the shorter side.

    Raises
    ------
    SettingsError
        For images that are used up before the last convolution.
    """

    def __init__(
        self,
        spec: PixelSpec,
        *,
        channels: Sequence[int] = (6, 16),
        hidden: Sequence[int] = (400, 120),
        kernel: int = 5,
        augment: bool = False,
        flip: bool = False,
        padding: int | None = None,
    ) -> None:
        super().__init__(spec, augment=augment, flip=flip, padding=padding)
        layers: list[nn.Module] = []
        height, width = spec.height, spec.width
        for before, after in zip([spec.channels, *channels[:-1]], channels, strict=True):
            layers += [nn.Conv2d(before, after, kernel), nn.ReLU(), nn.MaxPool2d(2)]
            height, width = (height - kernel + 1) // 2, (width - kernel + 1) // 2
        if min(height, width) < 1:
            raise SettingsError(
                f"images of {spec.height} x {spec.width} pixels are too small for {len(channels)} convolutions of "
                f"{kernel} x {kernel} with maxima over 2 x 2; give fewer, a smaller kernel, or larger images"
            )
        self.convolutions = nn.Sequential(*layers)
        units: list[nn.Module] = []
        for before, after in zip([channels[-1] * height * width, *hidden[:-1]], hidden, strict=True):
            units += [nn.Linear(before, after), nn.ReLU()]
        self.units = nn.Sequential(*units)
        self.dim = hidden[-1]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """One token an image, ``(B, 1, d)``: the last fully connected layer."""
        maps = self.convolutions(vectors.contiguous(memory_format=torch.channels_last))
        return self.units(maps.flatten(1)).unsqueeze(1)
