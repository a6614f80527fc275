"""torch's LSTM, on every processor: in float32 where there is none in bfloat16."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class LSTM(nn.LSTM):
    """``nn.LSTM`` that autocast to bfloat16 on a CPU does not break.

    oneDNN has an LSTM in bfloat16 for processors with AVX-512 only; on others torch finds out when it is called, and
    raises a RuntimeError. There this one leaves autocast for as long as it runs.
    """

    def forward(self, input: Tensor, hx: State | None = None) -> Any:  # type: ignore[override]  # no packed sequences
        """States ``(B, T, hidden)`` and the last of them, as ``nn.LSTM`` gives them."""
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu") or _has_bfloat16():
            return super().forward(input, hx)
        with torch.autocast("cpu", enabled=False):
            first = None if hx is None else (hx[0].float(), hx[1].float())
            return super().forward(input.float(), first)


@cache
def _has_bfloat16() -> bool:
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16):
        try:
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True
