"""``counterpoise compare``: methods on the same folds, cross-validated in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number, running

if TYPE_CHECKING:
    from counterpoise.experiments.compare import Metric, Row

_SHOWN = ("f1", "f1_tuned", "average_precision", "brier", "fit_seconds")
_DIFFICULT = ("recall_difficult", "recall_easy", "difficult_share_after", "majority_difficult_share_after")
_LESS_IS_BETTER = ("brier", "fit_seconds", "difficult_share_after", "majority_difficult_share_after")
_NO_SETTINGS = {"method": "use --methods", "checkpoint": "a comparison keeps none"}


@options.unfolded
def compare(
    source: options.Source,
    *,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Methods, separated by commas; see `counterpoise methods`. "
            "By default erm, class_weight, random_oversample, word_swap, tfidf_lr.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Folds of the cross-validation.")] = 5,
    reading: options.Reading,
    keep: options.Keep = None,
    group: options.Group = None,
    time: options.Time = None,
    training: options.Training,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cross-validate methods on the same folds and the same thinned fitting sides.

    Test folds stay whole at their natural prevalence. Scores are means over the folds and the standard
    deviation between them; * marks the best mean of a column, which need not be a real difference.

    With erm among the methods a second table tells of difficult samples: test samples of the rare class that
    have one of another class among their nearest in the embedding of plain training.
    """
    with running("compare", as_json, quiet) as screen:
        from counterpoise.cli.labelled import read_labelled
        from counterpoise.cli.settings import training_settings
        from counterpoise.experiments.compare import DEFAULT_METHODS
        from counterpoise.experiments.compare import compare as cross_validate

        screen.on_interrupt = "no table was printed" if quiet else "what was ready is summed up above"
        names = _names(methods) or list(DEFAULT_METHODS)
        settings = training_settings(names, _NO_SETTINGS, **vars(training))
        data = read_labelled(screen, source, group=group, time=time, **vars(reading))
        rows = cross_validate(
            data.texts,
            data.labels,
            names,
            backbone=training.backbone,
            minority=data.minority,
            keep=keep,
            n_folds=folds,
            groups=data.groups,
            time=data.times,
            random_state=random_state,
            settings=settings,
            on_row=lambda row: screen.note(f"{row.method}: {_summary(row)}"),
        )
        print_rows(screen, rows)
        _print_difficult(screen, rows)
        screen.rows([json_row(row, data.name) for row in rows])


def _names(methods: str | None) -> list[str]:
    from counterpoise.errors import SettingsError

    names = [name.strip() for name in (methods or "").split(",") if name.strip()]
    if methods is not None and not names:
        raise SettingsError("--methods names no method; give some, separated by commas")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingsError(f"--methods names {twice!r} twice; name each method once")
    return names


def print_rows(screen: Screen, rows: list[Row]) -> None:
    """Print the table of a comparison, the best of each column marked, and the notes below it."""
    _print_table(screen, rows, _SHOWN)
    for row in rows:
        for note in row.notes:
            screen.line(f"{row.method}: {note}")


def _print_difficult(screen: Screen, rows: list[Row]) -> None:
    """Print who finds the difficult samples, and what became of them, if plain training told which they are."""
    shares = [
        rows[0].metrics[name].mean for name in ("difficult_share_before", "majority_difficult_share_before")
    ]
    if None in shares:
        return
    rare, others = (f"{share:.1%}" for share in shares)
    screen.line(
        f"\nDifficult samples: in the embedding of plain training {rare} of the rare class have a sample of another "
        f"class\namong their 5 nearest training samples, and {others} of the others have one of the rare class.\n"
    )
    _print_table(screen, rows, _DIFFICULT)


def _print_table(screen: Screen, rows: list[Row], names: Sequence[str]) -> None:
    shown = [name for name in names if any(row.metrics[name].mean is not None for row in rows)]
    best = {name: _best(name, [row.metrics[name] for row in rows]) for name in shown}
    cells = [
        (row.method, row.backbone or "-", *(_cell(row.metrics[name], best[name]) for name in shown))
        for row in rows
    ]
    screen.table(("method", "backbone", *shown), cells, words=2)


def json_row(row: Row, dataset: str) -> dict[str, Any]:
    """A row as ``--json`` prints it."""
    metrics = {
        name: {"mean": metric.mean, "std": metric.std, "folds": list(metric.folds)}
        for name, metric in row.metrics.items()
    }
    return {
        "method": row.method,
        "backbone": row.backbone,
        "dataset": dataset,
        **metrics,
        "notes": list(row.notes),
    }


def _best(name: str, column: list[Metric]) -> float | None:
    means = [metric.mean for metric in column if metric.mean is not None]
    if len(means) < 2:
        return None
    return min(means) if name in _LESS_IS_BETTER else max(means)


def _cell(metric: Metric, best: float | None) -> str:
    if metric.mean is None:
        return "- "
    mark = "*" if metric.mean == best else " "
    return f"{number(metric.mean)} ± {number(metric.std)}{mark}"


def _summary(row: Row) -> str:
    found = [(name, row.metrics[name].mean) for name in ("average_precision", "f1_tuned", "f1")]
    return ", ".join(
        f"{name.replace('_', ' ')} {number(value)}" for name, value in found if value is not None
    )
