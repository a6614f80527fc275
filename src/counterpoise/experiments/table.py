"""Rows of a comparison, read from the runs of a store: one a contestant, its metrics over folds and seeds.

>>> for comparison in comparisons(store):                                  # doctest: +SKIP
...     comparison.title, [row.label for row in comparison.rows]
('sms_spam, spam, 10% kept, 5 folds', ['erm', 'class_weight'])

A comparison is what may be compared: runs on the same data with the same minority, thinning and folds. A contestant is
a method with its settings, network and training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from counterpoise.experiments.difficulty import NAMES, PLAIN, measured
from counterpoise.experiments.results import Predictions, Record
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.store import Store
from counterpoise.metrics.scores import kept_share_of

Cell: TypeAlias = tuple[int, int]
"""Seed and fold."""


@dataclass(frozen=True)
class Metric:
    """One metric over seeds and folds; where it is undefined (no positive in the test side) it is None.

    Attributes
    ----------
    mean, std : float or None
        Over the runs in which it is defined; the standard deviation is the sample's (n - 1), 0 for one run.
    folds : tuple of float or None
        Seed by seed, fold by fold.
    """

    mean: float | None
    std: float | None
    folds: tuple[float | None, ...]

    @classmethod
    def of(cls, folds: Sequence[float | None]) -> Metric:
        """Summarise the values of all folds."""
        known = np.array([value for value in folds if value is not None], dtype=np.float64)
        if not len(known):
            return cls(None, None, tuple(folds))
        spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        return cls(float(known.mean()), spread, tuple(folds))


@dataclass(frozen=True)
class Row:
    """One contestant's result.

    Attributes
    ----------
    label : str
        Unlike that of any other row of the comparison: the method, and what else tells it from the others.
    method : str
    backbone : str or None
        None for a method without one.
    settings : dict
        Those that were given: ``method__x``, ``backbone__x`` and parameters of the classifier.
    metrics : dict of Metric
        At the test side's natural prevalence; with a thinned fitting side also with the suffix ``_thinned``,
        the test minority being weighted by the kept share. Those of difficult samples
        (:func:`counterpoise.experiments.difficulty.measured`) need ``erm`` among the methods.
    keys : tuple of str or None
        Of its runs, in the order of ``folds``; None where there is no row.
    notes : tuple of str
        What a reader should know, such as a class that is never predicted.
    """

    label: str
    method: str
    backbone: str | None
    settings: dict[str, Any]
    metrics: dict[str, Metric]
    keys: tuple[str | None, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Contestants on the same data.

    Attributes
    ----------
    dataset, content : str
    minority : str or None
    keep : str, int, float or None
    n_folds : int
    cells : tuple of (int, int)
        Seed and fold of the runs, ascending.
    test_sides : tuple of int
        Which test side each cell has: cells with the same test rows have the same number, as all seeds have of a fold
        in time.
    test_to_train : float
        Rows of a test side to those of a fitting side before thinning, on average, as the corrected t-test wants it.
        0 where the test side is given: there is one score then, the mean over seeds, and nothing to be tested.
    rows : tuple of Row
    thinned_as : int, float or None, default=None
        Of runs that keep all: what those keep which they are held against.
    """

    dataset: str
    content: str
    minority: str | None
    keep: str | float | None
    n_folds: int
    cells: tuple[Cell, ...]
    test_sides: tuple[int, ...]
    test_to_train: float
    rows: tuple[Row, ...]
    thinned_as: str | float | None = None

    @property
    def title(self) -> str:
        """What is compared, in words."""
        seeds = len({seed for seed, _ in self.cells})
        kept = f"{self.keep:.4g} of it kept" if isinstance(self.keep, float) else f"{self.keep} of it kept"
        if isinstance(self.keep, str):
            kept = f"classes thinned, {self.keep.replace(':', ' with a ratio of ')}"
        as_kept = (
            [] if self.thinned_as is None else [f"all of it kept, judged as if {self.thinned_as:.4g} were"]
        )
        parts = [
            self.dataset,
            "all classes alike" if self.minority is None else f"class {self.minority!r}",
            *(as_kept if self.keep is None else [kept]),
            f"{self.n_folds} folds" if self.n_folds > 1 else "a given test side",
            *([] if seeds == 1 else [f"{seeds} seeds"]),
        ]
        return ", ".join(parts)


def comparisons(store: Store, keys: Iterable[str] | None = None) -> list[Comparison]:
    """Read what can be compared.

    Parameters
    ----------
    store : Store
    keys : iterable of str or None, default=None
        None takes all rows; of a contestant those that were made like the last of them: by the same code, with the
        same versions of libraries, on the same kind of device, in the same number format. Of a run that was made again
        the row that was written last is read.

    Returns
    -------
    list of Comparison
        In the order in which they were begun, their rows in the order of ``keys``.
    """
    wanted = None if keys is None else list(keys)
    records = store.rows(wanted)
    if wanted is not None:
        place = {key: position for position, key in enumerate(wanted)}
        records.sort(key=lambda record: place[record.key])
    groups: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        group = groups.setdefault(canonical(_shared(record.run)), {})
        group.setdefault(contestant(record.run), []).append(record)
    return [_comparison(store, list(group.values()), wanted is None) for group in groups.values()]


def _shared(run: Run) -> dict[str, Any]:
    """What the runs of a comparison have in common."""
    names = ("dataset", "content", "minority", "keep", "n_folds", "thinned_as")
    return {name: getattr(run, name) for name in names}


def _comparison(store: Store, records: Sequence[list[Record]], alike: bool) -> Comparison:
    """Of the records of each contestant; ``alike`` leaves out those that were made otherwise than its last one."""
    runs = [own[0].run for own in records]
    contestants = [
        {_cell(record): record for record in own if not alike or _made_with(record) == _made_with(own[-1])}
        for own in records
    ]
    cells = tuple(sorted({cell for own in contestants for cell in own}))
    plain = [own for run, own in zip(runs, contestants, strict=True) if run.method == PLAIN]
    said = {record.key: store.predictions(record.key) for own in plain for record in own.values()}
    rows = [
        _row(store, label, cells, own, _plain_for(run, plain), said, _notes(cells, own, every))
        for label, run, own, every in zip(_labels(runs), runs, contestants, records, strict=True)
    ]
    sides, ratio = _sides(store, cells, contestants)
    return Comparison(
        **_shared(runs[0]), cells=cells, test_sides=sides, test_to_train=ratio, rows=tuple(rows)
    )


def _cell(record: Record) -> Cell:
    return record.run.seed, record.run.fold


def _made_with(record: Record) -> tuple[Any, ...]:
    """What rows of one mean have in common; with other threads sums are of the same numbers in another order."""
    made = record.surroundings
    return made.source, made.versions, made.device, made.precision


def _sides(
    store: Store, cells: Sequence[Cell], contestants: Sequence[dict[Cell, Record]]
) -> tuple[tuple[int, ...], float]:
    """The test side of each cell by number, and the mean ratio of its rows to those of the fitting side."""
    numbers: dict[bytes, int] = {}
    sides, ratios = [], []
    for cell in cells:
        records = [own[cell] for own in contestants if cell in own]
        rows = store.predictions(records[0].key).rows
        sides.append(numbers.setdefault(rows.tobytes(), len(numbers)))
        n_folds = records[0].run.n_folds
        if n_folds > 1:
            fitting = next((record.fitting_rows for record in records if record.fitting_rows), None)
            ratios.append(len(rows) / fitting if fitting else 1 / (n_folds - 1))
    return tuple(sides), float(np.mean(ratios)) if ratios else 0.0


def contestant(run: Run) -> str:
    """What a run has in common with those of other folds and seeds, and with no other contestant's, as a string."""
    return canonical([run.method, run.backbone, _settings(run)])


def _settings(run: Run) -> dict[str, Any]:
    return {**({"trials": run.trials} if run.trials else {}), **run.settings}


def _labels(runs: Sequence[Run]) -> list[str]:
    """The method, with whatever tells it from another contestant of the same method."""
    labels = []
    for run in runs:
        alike = [other for other in runs if other.method == run.method]
        others = [other for other in alike if other is not run]
        told = []
        if any(other.backbone != run.backbone for other in others):
            told.append(run.backbone or "no network")
        told += told_apart(run, alike)
        labels.append(f"{run.method} ({', '.join(told)})" if told else run.method)
    return labels


def told_apart(run: Run, alike: Sequence[Run]) -> list[str]:
    """Settings of one of several runs that not all of them share, as ``"frozen=true"`` or ``"frozen by default"``."""
    own, every = _settings(run), [_settings(other) for other in alike]
    told = []
    for name in dict.fromkeys(name for each in every for name in each):
        if any(each.get(name) != own.get(name) for each in every):
            short = name.rpartition("__")[2]
            told.append(f"{short}={canonical(own[name])}" if name in own else f"{short} by default")
    return told


def _plain_for(run: Run, plain: Sequence[dict[Cell, Record]]) -> dict[Cell, Record]:
    """Plain training that says which samples are difficult: of the same network and training where there is one."""

    def unlike(own: dict[Cell, Record]) -> tuple[bool, bool, bool]:
        other = next(iter(own.values())).run
        return (
            other.backbone != run.backbone,
            canonical(other.backbone_settings) != canonical(run.backbone_settings),
            canonical(other.estimator) != canonical(run.estimator),
        )

    return min(plain, key=unlike, default={})


def _row(
    store: Store,
    label: str,
    cells: Sequence[Cell],
    own: dict[Cell, Record],
    plain: dict[Cell, Record],
    said: dict[str, Predictions],
    notes: tuple[str, ...],
) -> Row:
    first = next(iter(own.values())).run
    found: list[dict[str, float | None]] = []
    for cell in cells:
        if (record := own.get(cell)) is None:
            found.append({})
            continue
        predictions = said.get(record.key) or store.predictions(record.key)
        judge = said[plain[cell].key] if cell in plain else None
        seconds = {"fit_seconds": record.fit_seconds, "predict_seconds": record.predict_seconds}
        difficulty = measured(predictions, judge, kept_share_of(record.metrics))
        found.append({**record.metrics, **seconds, **difficulty})
    names = dict.fromkeys(name for metrics in found for name in metrics if name not in NAMES)
    metrics = {name: Metric.of([each.get(name) for each in found]) for name in (*names, *NAMES)}
    keys = tuple(own[cell].key if cell in own else None for cell in cells)
    return Row(label, first.method, first.backbone, _settings(first), metrics, keys, notes)


def _notes(cells: Sequence[Cell], own: dict[Cell, Record], every: Sequence[Record]) -> tuple[str, ...]:
    """What was said of several folds is told once, and which ones there are in ``every`` but not in ``own``."""
    notes = {cell: record.notes for cell, record in own.items()}
    for record in every:
        if _cell(record) not in own:
            made = " and ".join(record.surroundings.differences(every[-1].surroundings))
            notes[_cell(record)] = (f"made with other {made}, and left out",)
    several_seeds = len({seed for seed, _ in (*cells, *notes)}) > 1
    said: dict[str, list[str]] = {}
    for seed, fold in sorted(notes):
        where = f"{fold + 1} of seed {seed}" if several_seeds else f"{fold + 1}"
        for note in notes[seed, fold]:
            said.setdefault(note, []).append(where)
    lacking = len(cells) - len(own)
    missing = [f"{lacking} of {len(cells)} runs are missing"] if lacking else []
    return (
        *missing,
        *(f"fold{'s' if len(where) > 1 else ''} {', '.join(where)}: {note}" for note, where in said.items()),
    )
