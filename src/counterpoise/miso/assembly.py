"""From a fitting side and a class to a writer of anchors for it: roles of the rows, modules, training.

prepared = prepare(corpus, labels, "spam", Recipe(), seed=0)
anchors = harvest(prepared.writer, prepared.field, count=500, seed=0)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoise.difficulty import difficult_samples
from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import TextDecoder
from counterpoise.miso.edit import Editor
from counterpoise.miso.encoder import SharedEncoder
from counterpoise.miso.free import FreeDecoder
from counterpoise.miso.fusion import SemanticFusion
from counterpoise.miso.gate import Gate
from counterpoise.miso.generator import CoupledGenerator
from counterpoise.miso.harvest import Field
from counterpoise.miso.model import Miso
from counterpoise.miso.pairing import Pairing
from counterpoise.miso.pointer import PointerDecoder
from counterpoise.miso.recipe import Recipe
from counterpoise.miso.schedule import MisoHistory, run
from counterpoise.miso.subwords import Subwords
from counterpoise.miso.training import Algorithm1, Sides
from counterpoise.miso.writers import EditWriter, TrainedWriter, Writer
from counterpoise.oversampling.belonging import Belonging
from counterpoise.seeding import derive_seed, generator

_ENOUGH = 20  # minority texts from which a tenth is held out to stop by
_FEWEST_EASY = 10  # that lend words: of fewer the same words would come into all anchors


@dataclass(frozen=True)
class Prepared:
    """A class that anchors can be written for.

    Attributes
    ----------
    writer : Writer
    field : Field
    history : MisoHistory or None
        None for the editor, which is not trained.
    n_difficult, n_easy : int
        Minority samples of either kind.
    n_donors : int
        Those that lend words where some are injected: the easy ones, or all where these are fewer than ten.
    seed : int
        From which all that it draws is derived.
    """

    writer: Writer
    field: Field
    history: MisoHistory | None
    n_difficult: int
    n_easy: int
    n_donors: int
    seed: int

    @property
    def roles(self) -> str:
        """Who writes and who lends, in words."""
        return (
            f"of {self.n_difficult + self.n_easy:,} texts {self.n_difficult:,} are difficult and {self.n_easy:,} easy; "
            f"{len(self.field.sources):,} are written from and {self.n_donors:,} can lend words"
        )


def prepare(
    corpus: Corpus,
    embedding: np.ndarray,
    groups: np.ndarray,
    labels: np.ndarray,
    label: Any,
    recipe: Recipe,
    seed: int,
    *,
    checkpoint: Path | None = None,
    fingerprint: str = "",
) -> Prepared:
    """Find the difficult samples of a class and train what writes from them.

    Parameters
    ----------
    corpus : Corpus
    embedding : ndarray of float32, shape (n, e)
        Label-free, compared by cosine; see :func:`counterpoise.text.embedding.label_free_embedding`.
    groups : ndarray of int64, shape (n,)
        Near repeats.
    labels : ndarray, shape (n,)
    label : object
        The class; all others are its majority.
    recipe : Recipe
    seed : int
    checkpoint : Path or None
    fingerprint : str
        Of data and settings, for the checkpoint.

    Returns
    -------
    Prepared
    """
    minority, majority = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
    found = difficult_samples(
        corpus.texts, labels, minority=label, k=recipe.k, embed=embedding, repeats=groups
    )
    difficult = np.sort(found.difficult)
    easy = np.setdiff1d(minority, difficult)
    sources = {"difficult": difficult, "easy": easy, "all": minority}[recipe.sources]
    if not len(sources):
        warnings.warn(
            f"none of the {len(minority):,} texts of a class is {recipe.sources}; anchors are written from all of them",
            CounterpoiseWarning,
            stacklevel=2,
        )
        sources = minority
    share = dict(zip(found.rows.tolist(), found.degree.tolist(), strict=True))
    pairing = Pairing.from_embedding(
        embedding, sources, majority, groups=groups, scope=recipe.scope, seed=seed
    )
    field = Field(
        corpus,
        sources,
        np.array([share.get(row, 0.0) for row in sources.tolist()]),
        len(minority),
        len(majority),
        pairing,
        label,
        Belonging(corpus.texts, labels == label, groups, seed) if recipe.belonging else None,
        recipe.distinct,
        recipe.soft_labels,
    )
    donors = easy if len(easy) >= _FEWEST_EASY else minority
    counts = (len(difficult), len(easy), len(donors), seed)
    shuffled = recipe.word_roles == "shuffled"
    gate = Gate(recipe.budget, recipe.run, recipe.inject, recipe.gate_weight, shuffled=shuffled)
    if recipe.generator == "edit":
        return Prepared(EditWriter(Editor(corpus, gate, donors)), field, None, *counts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "miso weights"))
        model = _assemble(corpus, gate, donors, recipe).to(corpus.device)
    held_out = _held_out(minority, groups, seed) if recipe.stops_early else minority[:0]
    training = np.setdiff1d(sources, held_out)
    sides = Sides(
        training if len(training) else sources, np.setdiff1d(minority, held_out), majority, held_out
    )
    algorithm = Algorithm1(model, corpus, sides, pairing, recipe.algorithm, seed)
    history = run(algorithm, checkpoint=checkpoint, fingerprint=fingerprint)
    return Prepared(TrainedWriter(model, corpus, recipe.decoding), field, history, *counts)


def _held_out(minority: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """About a tenth of the minority to stop by, texts that repeat each other all in or all out; none of a few."""
    if len(minority) < _ENOUGH:
        return minority[:0]
    room = len(minority) // 10
    held_out = np.zeros(len(minority), dtype=bool)
    for row in generator(seed, "miso held out rows").choice(minority, room, False):
        own = groups[minority] == groups[row]
        # A large group would take its texts from the training; small ones may go a little over the tenth.
        if np.count_nonzero(own | held_out) <= 2 * room:
            held_out |= own
    return minority[held_out]


def _assemble(corpus: Corpus, gate: Gate, donors: np.ndarray, recipe: Recipe) -> Miso:
    """All modules with fresh weights from torch's generator."""
    encoder = SharedEncoder(corpus.vectors, recipe.dim)
    fusion = None
    if recipe.sfm:
        fusion = SemanticFusion(
            recipe.dim,
            recipe.heads,
            recipe.reading,
            residual=recipe.residual,
            at_random=recipe.attention == "random",
        )
    minority, majority = _decoders(corpus, gate, donors, recipe)
    return Miso(encoder, CoupledGenerator(minority, majority, recipe.dim), fusion)


def _decoders(
    corpus: Corpus, gate: Gate, donors: np.ndarray, recipe: Recipe
) -> tuple[TextDecoder, TextDecoder]:
    if recipe.generator == "pointer":
        pointing = [PointerDecoder(corpus, recipe.dim, gate, donors) for _ in range(2)]
        return pointing[0], pointing[1]
    subwords = Subwords().fit(corpus.texts)
    spelling = [
        FreeDecoder(corpus.texts, recipe.dim, subwords, max_length=recipe.max_length) for _ in range(2)
    ]
    return spelling[0], spelling[1]
