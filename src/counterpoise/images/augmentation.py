"""Random crops and mirror images of a whole batch, on its device and without a loop over rows.

The usual augmentation of small images: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR
2016, section 4.2, pad each side by 4 pixels, cut the old size out of that anywhere, and mirror half of the images.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def default_padding(height: int, width: int) -> int:
    """Pixels of padding on each side: 4 for images of 32, 8 for 64, in proportion to the shorter side; 1 at least."""
    return max(round(min(height, width) / 8), 1)


def crop_and_flip(images: Tensor, *, padding: int, flip: bool = True) -> Tensor:
    """Shift each image by as much as ``padding`` pixels each way, and mirror every other one.

    What is drawn comes from torch's global generator of the images' device, each image for itself.

    Parameters
    ----------
    images : Tensor of uint8 or float, shape (B, C, H, W)
    padding : int
        Zeros (black) on each side before the old size is cut out; 0 leaves images where they are.
    flip : bool, default=True
        Whether images are mirrored, left to right, with probability one half. Digits and letters should not be.

    Returns
    -------
    Tensor
        Of the same shape and dtype, in channels-last order.
    """
    count, _, height, width = images.shape
    device = images.device
    top, left = torch.randint(2 * padding + 1, (2, count, 1), device=device)
    rows = top + torch.arange(height, device=device)
    columns = torch.arange(width, device=device).expand(count, -1)
    if flip:
        mirrored = torch.rand(count, 1, device=device) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    columns = columns + left
    # Pixels last: then what is gathered are whole pixels, and batches in channels-last order stay in it.
    padded = functional.pad(images.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    each = torch.arange(count, device=device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
