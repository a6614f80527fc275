"""``counterpoise compare``: methods on the same folds, cross-validated in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number, running

if TYPE_CHECKING:
    from counterpoise.experiments.compare import Metric, Row

_SHOWN = ("f1", "f1_tuned", "average_precision", "brier", "fit_seconds")
_LESS_IS_BETTER = ("brier", "fit_seconds")


def compare(
    source: options.Source,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Methods, separated by commas; see `counterpoise methods`. "
            "By default erm, class_weight, random_oversample, word_swap, tfidf_lr.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Folds of the cross-validation.")] = 5,
    text: options.Text = None,
    label: options.Label = None,
    minority: options.Minority = None,
    keep: options.Keep = None,
    group: options.Group = None,
    time: options.Time = None,
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    backbone: options.Backbone = None,
    max_epochs: options.MaxEpochs = None,
    threshold: options.Threshold = None,
    class_weight: options.ClassWeight = None,
    precision: options.Precision = None,
    device: options.Device = None,
    sets: options.Set = None,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cross-validate methods on the same folds and the same thinned fitting sides.

    Test folds stay whole at their natural prevalence. Scores are means over the folds and the standard
    deviation between them; * marks the best mean of a column, which need not be a real difference.
    """
    with running("compare", as_json, quiet) as screen:
        from counterpoise.cli.labelled import read_labelled
        from counterpoise.cli.settings import training_settings
        from counterpoise.experiments.compare import DEFAULT_METHODS
        from counterpoise.experiments.compare import compare as cross_validate

        screen.on_interrupt = "no table was printed" if quiet else "what was ready is summed up above"
        names = _names(methods) or list(DEFAULT_METHODS)
        settings = training_settings(
            sets,
            names,
            backbone,
            max_epochs=max_epochs,
            threshold=threshold,
            class_weight=class_weight,
            precision=precision,
            device=device,
        )
        data = read_labelled(
            screen,
            source,
            text=text,
            label=label,
            group=group,
            time=time,
            split=split,
            encoding=encoding,
            data_dir=data_dir,
            minority=minority,
        )
        rows = cross_validate(
            data.texts,
            data.labels,
            names,
            backbone=backbone,
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
    shown = [name for name in _SHOWN if any(row.metrics[name].mean is not None for row in rows)]
    best = {name: _best(name, [row.metrics[name] for row in rows]) for name in shown}
    cells = [
        (row.method, row.backbone or "-", *(_cell(row.metrics[name], best[name]) for name in shown))
        for row in rows
    ]
    screen.table(("method", "backbone", *shown), cells, words=2)
    for row in rows:
        for note in row.notes:
            screen.line(f"{row.method}: {note}")


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
