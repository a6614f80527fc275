"""The method for who wants none: a few that are cheap and strong, and of their blends the one that the data ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterpoise.crossfit import Split
from counterpoise.data.near import enumerated
from counterpoise.errors import DataError, MissingExtraError, SettingsError
from counterpoise.methods.base import Context, CrossFittingMethod, Data, Method
from counterpoise.methods.blend import crossfitted_logits, fitted_blend, text_folds
from counterpoise.methods.blend_predictor import BlendPredictor
from counterpoise.methods.char_lr import CharLR
from counterpoise.methods.char_neighbors import CharNeighbors
from counterpoise.methods.encoder_lr import EncoderLR
from counterpoise.methods.encoder_neighbors import EncoderNeighbors
from counterpoise.methods.row_sample import sample, sample_rows, standing_for
from counterpoise.methods.setting_checks import check_whole
from counterpoise.methods.subset_choice import Choice, choose_subset
from counterpoise.methods.tfidf_lr import TfidfLR
from counterpoise.pretrained.files import weight_files
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.checkpoints import DEFAULT, Checkpoint

FEWEST = 10
"""Rows of each class, or of the class that matters, from which a choice is more than a coin's."""

OVER_ENCODER = ("encoder_lr", "encoder_neighbors")
"""Members that need the encoder."""

WITHOUT_ENCODER = "char_neighbors"
"""Who looks for neighbours where there is none; beside an encoder's they add next to nothing."""


class Auto(CrossFittingMethod):
    """Blend planes and neighbours in a frozen encoder, words and runs of characters, or those better without the rest.

    Where no encoder can be had, neighbours are looked for by runs of characters.

    All are fitted to folds of the fitting side and rank the rows left out. The mean of all is taken unless some
    of them alone rank better beyond chance, see :func:`counterpoise.methods.subset_choice.choose_subset`: with a few
    dozen rare texts the best of many is mostly the luckiest of them. Where a class has fewer than 10 rows nothing
    is compared; where rows of a class weigh differently neighbours, which cannot, take no part.

    Parameters
    ----------
    encoder : str or None, default=None
        Pretrained encoder, of the Hugging Face Hub, or a folder. None takes
        ``"sentence-transformers/all-MiniLM-L6-v2"`` where it can be had, and does without one, and says so, where not.
    folds : int, default=3
        In which members are compared. Where a threshold is tuned they are compared on its folds instead, which keep
        groups and time apart too; these folds keep near repeats of texts together, and know of nothing else.
    max_rows : int, default=20000
        Rows at most by which they are compared, all those of rare classes among them; all rows are fitted to.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range and a named encoder that cannot be had.
    """

    summary = "frozen encoder, its neighbours, words and characters blended, or those that rank better alone"
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
            self.made()[OVER_ENCODER[0]].check()  # the others over it name the same one

    def made(self) -> dict[str, Method]:
        """All members by name, whether they can be had or not."""
        encoder = DEFAULT if self.encoder is None else self.encoder
        return {
            "encoder_lr": EncoderLR(encoder=encoder),
            "encoder_neighbors": EncoderNeighbors(encoder=encoder),
            "tfidf_lr": TfidfLR(),
            "char_lr": CharLR(),
            "char_neighbors": CharNeighbors(),
        }

    def identity(self) -> str:
        """That of the encoder, empty without one."""
        return "" if self._lacking() else self.made()["encoder_lr"].identity()

    def fit(self, data: Data, context: Context) -> BlendPredictor:
        """Compare, choose, and fit what was chosen to all rows; ``notes["remarks"]`` say what and why."""
        members, remarks = self._members(data, context)
        found: Choice | str = _too_few(data, context)
        if not found:
            seen = sample(data, int(self.max_rows), generator(context.seed, "auto rows"))
            try:
                splits = text_folds(seen, context, int(self.folds))
                logits, rows = crossfitted_logits(members, seen, context, splits)
                found = _compared(seen.take(rows), context, logits, tuple(members))
            except DataError as error:
                found = f"they could not be compared: {error}"
        return _fitted(members, found, remarks, data, context)

    def fit_on_folds(
        self, data: Data, context: Context, splits: Sequence[Split]
    ) -> tuple[BlendPredictor, np.ndarray, np.ndarray]:
        """Compare on given folds of all rows; see :meth:`CrossFittingMethod.fit_on_folds`.

        Where a blend of fewer members is taken, it was chosen on the very predictions that are returned, which are
        then a little better than those of new rows will be.
        """
        members, remarks = self._members(data, context)
        logits, rows = crossfitted_logits(members, data, context, splits)
        judged = data.take(rows)  # folds in time leave the first rows out
        found: Choice | str = _too_few(judged, context)
        if not found:
            taken = sample_rows(judged, int(self.max_rows), generator(context.seed, "auto rows"))
            found = _compared(standing_for(judged, taken), context, logits[:, taken], tuple(members))
        predictor = _fitted(members, found, remarks, data, context)
        chosen = [i for i, name in enumerate(members) if name in predictor.predictors]
        return predictor, rows, predictor.weighted(logits[chosen].mean(axis=0))

    def _members(self, data: Data, context: Context) -> tuple[dict[str, Method], list[str]]:
        """Who takes part, and why the others do not."""
        self.check_training(context.training, data.kind)
        members = self.made()
        remarks = []
        if lacking := self._lacking():
            for name in OVER_ENCODER:
                del members[name]
            remarks.append(f"auto: no pretrained encoder takes part: {lacking}")
        else:
            del members[WITHOUT_ENCODER]
        if not data.weighs_by_class:
            (name,) = {"encoder_neighbors", WITHOUT_ENCODER} & set(members)
            del members[name]
            remarks.append(f"auto: {name} takes no part, since rows of a class weigh differently")
        return members, remarks

    def _lacking(self) -> str:
        """Why the default encoder cannot be had, with its weights; empty where it can."""
        if self.encoder is not None:
            return ""
        try:
            weight_files(Checkpoint.open(DEFAULT).files_here)
        except (MissingExtraError, SettingsError) as error:
            return str(error)
        return ""


def _too_few(data: Data, context: Context) -> str:
    """Why members cannot be compared; empty where they can."""
    counts = np.bincount(data.labels, minlength=data.n_classes)
    few = counts.min() if context.minority is None else counts[context.minority]
    return f"{few} rows of a class are too few to compare them" if few < FEWEST else ""


def _compared(data: Data, context: Context, logits: np.ndarray, names: tuple[str, ...]) -> Choice:
    return choose_subset(
        dict(zip(names, logits, strict=True)),
        data.labels,
        data.weights,
        context.minority,
        derive_seed(context.seed, "auto"),
    )


def _fitted(
    members: dict[str, Method], found: Choice | str, remarks: list[str], data: Data, context: Context
) -> BlendPredictor:
    """The blend of what was chosen, or of all for a reason."""
    if isinstance(found, str):
        found = Choice(tuple(members), {}, f"{enumerated(members)}, blended; {found}")
    chosen = {name: members[name] for name in found.members}
    predictor = fitted_blend(chosen, np.full(len(chosen), 1 / len(chosen)), data, context)
    remarks = [*remarks, f"auto: {found.why}"]
    predictor.notes = {"chosen": list(found.members), "scores": found.scores, "remarks": remarks}
    return predictor
