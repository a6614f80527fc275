"""The free decoder of MISO: a recurrent network that spells an anchor instance out, guided by the latent z.

    subwords = Subwords().fit(texts)
    decoder = FreeDecoder(texts, dim=64, subwords=subwords)        # weights from torch's global generator
    decoder.reconstruct(rows, partners, z, generator).nll
    decoder.write(rows, partners, z, Decoding("greedy"), generator)[0].text

De(|psi) of Tian et al. 2021 (section 4.2), an autoregressive decoder whose first hidden state and every input z
guides; with the majority sample's encoding for z it is the majority side's decoder. The tokens are sub-words: a few
thousand of them write any word, and the output layer over them is what such a decoder costs.

Two things that the texts tell without any training: the decoder reads label-free vectors of the sub-words from the
start, and its output layer begins at their frequencies. On short messages that is worth more than doubling the steps.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso.corpus import padded
from counterpoise.miso.decoder import Soft, TextDecoder, Written, straight_through
from counterpoise.miso.decoding import Decoding, State, Step, decode
from counterpoise.miso.subwords import END, PAD, START, Subwords
from counterpoise.text.tokenizers import words_and_gaps

_KEPT = 50_000  # texts whose sub-words and words stay in memory
_SPARE = 8  # sub-words that the anchor of even the shortest text may have
_UNSEEN = 0.1  # occurrences granted to sub-words that only stand inside others


class FreeDecoder(TextDecoder):
    """Spell texts out in sub-words.

    It uses neither the partners' words nor how shared a word is: all it knows of a pair is in z.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
        The corpus that rows number.
    dim : int
        Width of the latent ``z``.
    subwords : Subwords
        Fitted on these texts. What judges the decoder's texts reads their vectors as it reads those of words, so
        they must be as wide.
    hidden : int, default=128
    max_length : int, default=256
        Sub-words read of a text, and written at most.
    """

    vectors: Tensor

    def __init__(
        self,
        texts: np.ndarray,
        dim: int,
        subwords: Subwords,
        *,
        hidden: int = 128,
        max_length: int = 256,
    ) -> None:
        super().__init__()
        self.texts, self.dim, self.subwords, self.max_length = texts, dim, subwords, max_length
        vectors = torch.from_numpy(subwords.vectors_)
        self.register_buffer("vectors", vectors, persistent=False)
        self.embedding = nn.Embedding.from_pretrained(vectors.clone(), freeze=False, padding_idx=PAD)
        self.start = nn.Linear(dim, hidden)
        self.recurrence = nn.GRU(vectors.shape[1] + dim, hidden, batch_first=True)
        self.output = nn.Linear(hidden, len(subwords))
        shares = torch.from_numpy(subwords.counts_ + _UNSEEN)
        with torch.no_grad():
            self.output.bias.copy_((shares / shares.sum()).log())
        self._said_cut = False
        self._forget()

    def _forget(self) -> None:
        self._ids = lru_cache(maxsize=_KEPT)(self._encoded)
        self._words = lru_cache(maxsize=_KEPT)(self._own_words)

    def __getstate__(self) -> dict[str, Any]:
        """All but the encoded texts, which a decoder sent to another process can encode again."""
        return {name: value for name, value in vars(self).items() if name not in ("_ids", "_words")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state, with nothing encoded."""
        super().__setstate__(state)
        self._forget()

    def reconstruct(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor | None,
        generator: torch.Generator,
        gumbel: float | None = None,
        shared: Tensor | None = None,
    ) -> Soft:
        """Likelihood of the sub-words of ``rows``, ends included; see the base.

        ``real`` and ``written`` are made of the label-free vectors, which stay as they are, while the decoder's own
        start there and are trained: else what judges the texts would be fooled by all vectors becoming one. Without
        z, ``written`` is ``real``: nothing was written for a pair.
        """
        ids, mask = padded([self._ids(int(row)) for row in rows], self.vectors.device)
        real = self.vectors[ids]
        # In float32 wherever the matrix products ran: a log-likelihood is a difference of large numbers.
        logits = self.output(self._states(ids, self._guide(z, len(rows)))[mask]).float()
        steps = logits.log_softmax(dim=-1)
        each = -steps.gather(1, ids[mask][:, None])[:, 0]
        total = torch.zeros(len(rows), device=each.device).index_add(0, mask.nonzero()[:, 0], each)
        nll = total / mask.sum(dim=1)
        if z is None:
            return Soft(nll, real, real, mask)
        choice = steps.exp() if gumbel is None else straight_through(steps, gumbel, generator)
        written = torch.zeros_like(real).masked_scatter(mask[..., None], (choice @ self.vectors).float())
        return Soft(nll, real, written, mask)

    @torch.no_grad()
    def write(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor,
        decoding: Decoding,
        generator: torch.Generator,
        shared: Tensor | None = None,
    ) -> list[Written]:
        """Write one text for each row, at most twice as long as its source and 8 sub-words more; see the base.

        A word that the partner has and the source has not counts as lent, though it was spelt out.
        """
        device = self.vectors.device
        lengths = torch.tensor([len(self._ids(int(row))) for row in rows], dtype=torch.int64, device=device)
        limits = (2 * lengths + _SPARE).clamp(max=self.max_length)
        step, state = self._stepper(z)
        first = torch.full((len(rows),), START, device=device)
        special = torch.tensor([PAD, START], device=device)
        choices = decode(step, state, first, END, limits, decoding, generator, forbidden=special)
        return [
            self._written(int(row), int(partner), [choice for choice in choices_ if choice >= 0])
            for row, partner, choices_ in zip(rows, partners, choices.tolist(), strict=True)
        ]

    def _encoded(self, row: int) -> np.ndarray:
        values, _ = self.subwords.encode([self.texts[row]], self.max_length)
        if values[-1] != END and not self._said_cut:
            self._said_cut = True
            warnings.warn(
                f"text {row} and maybe others are longer than {self.max_length} sub-words; what follows is neither "
                "read nor written: raise max_length to read more",
                CounterpoiseWarning,
                stacklevel=2,
            )
        return values.astype(np.int64)

    def _own_words(self, row: int) -> frozenset[str]:
        return frozenset(words_and_gaps(self.texts[row])[0])

    def _guide(self, z: Tensor | None, size: int) -> Tensor:
        return torch.zeros(size, self.dim, device=self.vectors.device) if z is None else z

    def _states(self, ids: Tensor, guide: Tensor) -> Tensor:
        """Hidden states ``(B, T, hidden)`` from which each of the tokens is to be foretold."""
        before = functional.pad(ids[:, :-1], (1, 0), value=START)
        inputs = torch.cat([self.embedding(before), guide[:, None].expand(-1, ids.shape[1], -1)], dim=-1)
        states, _ = self.recurrence(inputs, torch.tanh(self.start(guide))[None])
        return states

    def _stepper(self, z: Tensor) -> tuple[Step, State]:
        """Recurrence and output layer token by token, less what can be done beforehand, for :func:`decode`.

        What a sub-word says to the gates is looked up, what z says to them is added, and the output's bias goes into
        its product, which saves a pass over all logits.
        """
        to_gates, between, to_gates_bias, between_bias = self.recurrence.parameters()
        width, size = self.embedding.embedding_dim, self.recurrence.hidden_size
        said = functional.linear(self.embedding.weight, to_gates[:, :width], to_gates_bias)
        output = torch.cat([self.output.weight, self.output.bias[:, None]], dim=1).T

        def step(previous: Tensor, state: State) -> tuple[Tensor, State]:
            hidden, guide = state
            heard = said[previous] + guide
            own = functional.linear(hidden, between, between_bias)
            reset, update = torch.sigmoid(heard[:, : 2 * size] + own[:, : 2 * size]).chunk(2, dim=1)
            new = torch.tanh(torch.addcmul(heard[:, 2 * size :], reset, own[:, 2 * size :]))
            hidden = torch.lerp(new, hidden, update)
            return functional.pad(hidden, (0, 1), value=1.0) @ output, (hidden, guide)

        return step, (torch.tanh(self.start(z)), functional.linear(z, to_gates[:, width:]))

    def _written(self, row: int, partner: int, ids: list[int]) -> Written:
        text = self.subwords.decode(ids)
        own = self._words(row)
        words, _ = words_and_gaps(text)
        kept = tuple(word for word in words if word in own)
        injected = tuple(word for word in words if word not in own)
        lent = sum(word in self._words(partner) for word in injected)
        return Written(text, kept, injected, lent=lent)
