"""What a causal model writes: tokens drawn by numbers given beforehand, up to where a further text would begin.

``transformers`` calls these between the steps of its ``generate``, which draws nothing itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from counterpoise.text.language_models import STOP


class Drawn:
    """Leaves of each row's logits the one token that is drawn from the likeliest ones.

    Parameters
    ----------
    levels : Tensor, shape (B, T)
        A number in [0, 1) for each token that a row may write; it decides, and nothing random does.
    width : int
        Columns of the prompts.
    temperature : float
        What logits are divided by.
    top_p : float
        The likeliest tokens that together have this probability are drawn from.
    """

    def __init__(self, levels: Tensor, width: int, temperature: float, top_p: float) -> None:
        self.levels, self.width, self.temperature, self.top_p = levels, width, temperature, top_p

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits ``(B, V)`` that are minus infinity but for one token a row."""
        chances, order = (
            (scores.float() / self.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
        )
        reached = chances.cumsum(-1)
        last = (reached < self.top_p).sum(-1, keepdim=True).clamp(max=reached.shape[-1] - 1)
        level = self.levels[:, input_ids.shape[1] - self.width, None] * reached.gather(-1, last)
        place = torch.minimum((reached <= level).sum(-1, keepdim=True), last)
        return torch.full_like(scores, -torch.inf).scatter(-1, order.gather(-1, place), 0.0)


class Ended:
    """Says which rows have come to where a further text would begin.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    width : int
        Columns of the prompts.
    """

    def __init__(self, tokenizer: Any, width: int) -> None:
        self.tokenizer, self.width = tokenizer, width

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        """Truth values ``(B,)``."""
        written = self.tokenizer.batch_decode(input_ids[:, self.width :], skip_special_tokens=True)
        return torch.tensor([STOP in text for text in written], device=input_ids.device)
