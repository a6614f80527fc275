"""What the answers of a language model came to, when they were given.

>>> Spending(prompts=3, tokens_in=90, tokens_out=20, price=0.0002).in_words()
'3 prompts, 90 tokens read and 20 written, price 0.0002'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.text.replies import Answer


@dataclass(frozen=True)
class Spending:
    """Sums over different questions: a prompt that is sent again with another seed is answered, and paid, again.

    What was spent when a question was first answered counts, also where the reply is known by now, so that a run has
    the same figures whenever it is run.

    Attributes
    ----------
    prompts, tokens_in, tokens_out : int
    price : float or None
        In the currency of the prices given; None without prices.
    """

    prompts: int
    tokens_in: int
    tokens_out: int
    price: float | None

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Spending:
        """Sum up answers, those to one question once."""
        found = {answer.question: answer for answer in answers}.values()
        prices = [answer.price for answer in found if answer.price is not None]
        return cls(
            len(found),
            sum(answer.reply.tokens_in for answer in found),
            sum(answer.reply.tokens_out for answer in found),
            sum(prices) if prices else None,
        )

    def in_words(self) -> str:
        """One line, without a full stop."""
        price = "" if self.price is None else f", price {self.price:.4g}"
        return (
            f"{self.prompts:,} prompts, {self.tokens_in:,} tokens read and {self.tokens_out:,} written{price}"
        )
