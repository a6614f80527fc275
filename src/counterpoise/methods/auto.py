"""The method for who wants none: a few that are cheap and strong, and of their blends the one that the data ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from counterpoise.data.near import enumerated
from counterpoise.errors import DataError, MissingExtraError, SettingsError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.blend import BlendPredictor, crossfitted_logits, fitted_blend
from counterpoise.methods.char_lr import CharLR
from counterpoise.methods.encoder_lr import EncoderLR
from counterpoise.methods.setting_checks import check_whole
from counterpoise.methods.subset_choice import Choice, choose_subset
from counterpoise.methods.tfidf_lr import TfidfLR
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.checkpoints import DEFAULT, Checkpoint

FEWEST = 10
"""Rows of each class, or of the class that matters, from which a choice is more than a coin's."""


class Auto(Method):
    """Blend a frozen encoder, words and runs of characters, or those of them that are better without the others.

    All three are fitted to folds of the fitting side and rank the rows left out. The mean of all is taken unless some
    of them alone rank better beyond chance, see :func:`counterpoise.methods.subset_choice.choose_subset`: with a few
    dozen rare texts the best of seven is mostly the luckiest of seven. Where a class has fewer than 10 rows nothing is
    compared.

    Parameters
    ----------
    encoder : str or None, default=None
        Pretrained encoder, of the Hugging Face Hub, or a folder. None takes
        ``"sentence-transformers/all-MiniLM-L6-v2"`` where it can be had, and does without one, and says so, where not.
    folds : int, default=3
        In which members are compared.
    max_rows : int, default=20000
        Rows at most by which they are compared, all those of rare classes among them; all rows are fitted to.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range and a named encoder that cannot be had.
    """

    summary = (
        "a frozen encoder, words and characters blended, or those of them that rank better without the rest"
    )
    inputs = frozenset({"text"})
    uses_backbone = False
    blends = True

    def __init__(self, *, encoder: str | None = None, folds: int = 3, max_rows: int = 20_000) -> None:
        self.encoder = encoder
        self.folds = folds
        self.max_rows = max_rows

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that is named and cannot be had."""
        check_whole("auto", at_least=2, folds=self.folds)
        check_whole("auto", at_least=100, max_rows=self.max_rows)
        if self.encoder is not None:
            self.made()["encoder_lr"].check()

    def made(self) -> dict[str, Method]:
        """All members by name, whether they can be had or not."""
        return {
            "encoder_lr": EncoderLR(encoder=DEFAULT if self.encoder is None else self.encoder),
            "tfidf_lr": TfidfLR(),
            "char_lr": CharLR(),
        }

    def identity(self) -> str:
        """That of the encoder, empty without one."""
        return "" if self._lacking() else self.made()["encoder_lr"].identity()

    def fit(self, data: Data, context: Context) -> BlendPredictor:
        """Compare, choose, and fit what was chosen to all rows; ``notes["remarks"]`` say what and why."""
        self.check_training(context.training, data.kind)
        members, remarks = self.made(), []
        if lacking := self._lacking():
            del members["encoder_lr"]
            remarks.append(f"auto: no pretrained encoder takes part: {lacking}")
        choice = self._choice(members, data, context)
        remarks.append(f"auto: {choice.why}")
        chosen = {name: members[name] for name in choice.members}
        predictor = fitted_blend(chosen, np.full(len(chosen), 1 / len(chosen)), data, context)
        predictor.notes = {"chosen": list(choice.members), "scores": choice.scores, "remarks": remarks}
        return predictor

    def _lacking(self) -> str:
        """Why the default encoder cannot be had; empty where it can."""
        if self.encoder is not None:
            return ""
        try:
            Checkpoint.open(DEFAULT)
        except (MissingExtraError, SettingsError) as error:
            return str(error)
        return ""

    def _choice(self, members: dict[str, Method], data: Data, context: Context) -> Choice:
        names = tuple(members)
        counts = np.bincount(data.labels, minlength=data.n_classes)
        few = counts.min() if context.minority is None else counts[context.minority]
        if few < FEWEST:
            return Choice(
                names, {}, f"{enumerated(names)}, blended; {few} rows of a class are too few to compare them"
            )
        seen = sample(data, int(self.max_rows), generator(context.seed, "auto rows"))
        try:
            logits, rows = crossfitted_logits(members, seen, context, int(self.folds))
        except DataError as error:
            return Choice(names, {}, f"{enumerated(names)}, blended; they could not be compared: {error}")
        return choose_subset(
            dict(zip(names, logits, strict=True)),
            seen.labels[rows],
            seen.weights[rows],
            context.minority,
            derive_seed(context.seed, "auto"),
        )


def sample(data: Data, most: int, rng: np.random.Generator) -> Data:
    """Some rows that stand for all: of large classes as many each, of small ones every row.

    Parameters
    ----------
    data : Data
    most : int
        Rows at most, if there are no more classes than that.
    rng : numpy.random.Generator

    Returns
    -------
    Data
        In the order of ``data``, with weights under which each class keeps its mass.
    """
    if len(data) <= most:
        return data
    counts = np.bincount(data.labels, minlength=data.n_classes)
    room, left = most, data.n_classes
    taken = np.zeros_like(counts)
    for c in np.argsort(counts, kind="stable"):  # what a small class leaves is for the larger ones
        taken[c] = min(counts[c], max(1, room // left))
        room, left = room - taken[c], left - 1
    rows = [rng.permutation(np.flatnonzero(data.labels == c))[: taken[c]] for c in range(data.n_classes)]
    found = data.take(np.sort(np.concatenate(rows)))
    lost = data.class_mass() / np.maximum(found.class_mass(), np.finfo(float).tiny)
    return replace(found, weights=found.weights * lost[found.labels])
