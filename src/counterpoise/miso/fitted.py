"""What MISO keeps of the texts it was fitted to: how they lie, what writes for each class, what has been written.

    fitted = FittedTexts(texts, labels, neighborhood(texts, None, "auto", 0), Recipe(), seed=0)
    anchors = fitted.written(fitted.prepare("spam", rng), 500, "harvest")

A class is prepared when the first anchors are wanted of it, and further ones may be asked for at any time.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch

from counterpoise.errors import CounterpoiseWarning
from counterpoise.groups import text_groups
from counterpoise.miso.assembly import Prepared, prepare
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.harvest import harvest
from counterpoise.miso.recipe import Recipe
from counterpoise.oversampling.anchors import Anchor
from counterpoise.seeding import derive_seed


class FittedTexts:
    """One fitting side.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
    labels : ndarray, shape (n,)
    embedding : ndarray of float32, shape (n, e)
        Where neighbours are looked for, by cosine; it has seen no label.
    recipe : Recipe
    seed : int
    identity : str, default=""
        Of what made the embedding, as far as texts, recipe and seed do not tell.
    device : torch.device, default="cpu"
        Where the modules live.
    checkpoint : path or None, default=None
        File in which trainings are kept, one for each class beside it.

    Attributes
    ----------
    groups : ndarray of int64, shape (n,)
        Near repeats.
    prepared : dict
        For each class that anchors are written for, what writes them.

    Warns
    -----
    CounterpoiseWarning
        For texts that are longer than what is read of them.
    """

    def __init__(
        self,
        texts: np.ndarray,
        labels: np.ndarray,
        embedding: np.ndarray,
        recipe: Recipe,
        seed: int,
        *,
        identity: str = "",
        device: torch.device | str = "cpu",
        checkpoint: str | Path | None = None,
    ) -> None:
        self.labels, self.embedding = labels, embedding
        self.recipe, self.checkpoint = recipe, checkpoint
        self.corpus = Corpus(texts, max_length=recipe.max_length, seed=seed, device=device)
        _warn_of_cut(self.corpus)
        self.groups = text_groups(texts)
        self.prepared: dict[Any, Prepared] = {}
        self._fingerprint = _fingerprint(texts, labels, seed, identity)
        self._before: dict[Any, list[str]] = {}

    def prepare(self, label: Any, rng: np.random.Generator, **changed: Any) -> Prepared:
        """Train what writes for a class, by the recipe with some parts changed; see the function of that name."""
        recipe = replace(self.recipe, **changed)
        prepared = prepare(
            self.corpus,
            self.embedding,
            self.groups,
            self.labels,
            label,
            recipe,
            int(rng.integers(2**62)),
            checkpoint=self._checkpoint_of(label),
            fingerprint=hashlib.sha256(f"{recipe!r} {self._fingerprint}".encode()).hexdigest(),
        )
        self.prepared[label] = prepared
        return prepared

    def written(self, prepared: Prepared, count: int, *names: object) -> list[Anchor]:
        """Write further anchors of a class, none of which repeats an earlier one; ``names`` are those of the stream."""
        before = self._before.setdefault(prepared.field.label, [])
        made = harvest(
            prepared.writer,
            prepared.field,
            count,
            derive_seed(prepared.seed, *names),
            falling=self.recipe.algorithm.tau == "falling",
            before=before,
        )
        before += [anchor.text for anchor in made]
        return made

    def _checkpoint_of(self, label: Any) -> Path | None:
        if self.checkpoint is None:
            return None
        path = Path(self.checkpoint)
        return path.with_name(f"{path.stem}-{quote(str(label), safe='')}{path.suffix or '.safetensors'}")


def _warn_of_cut(corpus: Corpus) -> None:
    cut = sum(corpus.is_cut(row) for row in range(len(corpus)))
    if cut:
        texts = "1 text is" if cut == 1 else f"{cut:,} texts are"
        warnings.warn(
            f"{texts} longer than {corpus.max_length} words; what follows is not read: raise max_length to read more",
            CounterpoiseWarning,
            stacklevel=4,
        )


def _fingerprint(texts: np.ndarray, labels: np.ndarray, seed: int, identity: str) -> str:
    digest = hashlib.sha256(repr((seed, identity)).encode())
    for text, label in zip(texts, labels.tolist(), strict=True):
        digest.update(f"{len(text)}:{text}{label!r}".encode())
    return digest.hexdigest()
