"""How commands show comparisons: tables of means, who finds difficult samples, verdicts, reasons of failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.cli.screen import Screen, number

if TYPE_CHECKING:
    from counterpoise.experiments.leaderboard import Ranking
    from counterpoise.experiments.table import Comparison, Metric, Row
    from counterpoise.experiments.verdicts import Judgement

METRIC = "average_precision"
"""What verdicts are about unless another metric is named: it needs no threshold."""

_SHOWN = ("f1", "f1_tuned", "f1_at_threshold", "average_precision", "brier", "fit_seconds")
_DIFFICULT = ("recall_difficult", "recall_easy", "difficult_share_after", "majority_difficult_share_after")


def print_rows(screen: Screen, rows: Sequence[Row], metric: str = METRIC) -> None:
    """Print the means of each row, the best of each column marked, and the notes below."""
    shown = _SHOWN if metric in _SHOWN else (metric, *_SHOWN)
    _print_table(screen, rows, shown)
    for row in rows:
        for note in row.notes:
            screen.line(f"{row.label}: {note}")


def print_difficult(screen: Screen, rows: Sequence[Row]) -> None:
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


def print_classes(screen: Screen, comparison: Comparison, measure: str = "f1") -> None:
    """Print a measure of each class by each method, if all classes matter."""
    from counterpoise.experiments.leaderboard import classes_of

    names = classes_of(comparison)
    if not names:
        screen.line("\nOne class matters here, so there is no table of classes.")
        return
    screen.line(f"\n{measure.replace('_', ' ').capitalize()} of each class, means over runs:\n")
    rows = comparison.rows
    cells = []
    for name in names:
        found = [_metric(row, f"{measure}[{name}]") for row in rows]
        best = _best(measure, found)
        cells.append((name, *(f"{number(one.mean)}{'*' if one.mean == best else ' '}" for one in found)))
    screen.table(("class", *(row.label for row in rows)), cells)


def print_verdicts(screen: Screen, metric: str, found: Judgement) -> None:
    """Print what may be said of each method against the reference."""
    if not found.verdicts:
        return
    screen.line(f"\n{metric.replace('_', ' ').capitalize()} against {found.reference}:\n")
    screen.table(("method", "verdict"), [(v.method, v.sentence) for v in found.verdicts], words=2)
    screen.line(f"\n{found.sentence}")


def print_ranking(screen: Screen, found: Ranking) -> None:
    """Print average ranks over data sets, and what they may be taken for."""
    screen.line("")
    screen.table(
        ("method", "average rank"),
        [(name, number(rank, 2)) for name, rank in zip(found.labels, found.ranks, strict=True)],
    )
    screen.line(f"\n{found.sentence}")
    for group in found.groups:
        screen.line(f"Not told apart: {', '.join(group)}.")


def print_failures(screen: Screen, reasons: Mapping[str, tuple[str, str]]) -> None:
    """Print why runs failed, by key: what the run was, and the reason."""
    if not reasons:
        return
    screen.line("\nFailed runs:\n")
    cells = [(key, what, " ".join(reason.split())) for key, (what, reason) in reasons.items()]
    screen.table(("key", "run", "reason"), cells, words=3)


def row_fields(row: Row, comparison: Comparison, judgement: Judgement | None) -> dict[str, Any]:
    """A row as ``--json`` prints it."""
    verdicts = {} if judgement is None else {verdict.method: verdict for verdict in judgement.verdicts}
    found = verdicts.get(row.label)
    test = None if found is None else found.test
    verdict = (
        None
        if found is None or test is None or judgement is None
        else {
            "against": judgement.reference,
            "kind": found.kind,
            "difference": test.mean,
            "low": test.low,
            "high": test.high,
            "p": test.p,
            "p_adjusted": found.p_adjusted,
            "detectable": test.detectable,
            "sentence": found.sentence,
        }
    )
    return {**json_row(row, comparison.dataset), "verdict": verdict}


def json_row(row: Row, dataset: str) -> dict[str, Any]:
    """A row without verdict as ``--json`` prints it."""
    metrics = {
        name: {"mean": metric.mean, "std": metric.std, "folds": list(metric.folds)}
        for name, metric in row.metrics.items()
    }
    return {
        "method": row.method,
        "backbone": row.backbone,
        "dataset": dataset,
        "settings": row.settings,
        **metrics,
        "notes": list(row.notes),
    }


def summary(row: Row) -> str:
    """A row in a few words, for while the others are awaited."""
    found = [(name, row.metrics[name].mean) for name in ("average_precision", "f1_tuned", "f1")]
    return ", ".join(
        f"{name.replace('_', ' ')} {number(value)}" for name, value in found if value is not None
    )


def _print_table(screen: Screen, rows: Sequence[Row], names: Sequence[str]) -> None:
    shown = [name for name in names if any(_metric(row, name).mean is not None for row in rows)]
    best = {name: _best(name, [_metric(row, name) for row in rows]) for name in shown}
    cells = [
        (row.label, row.backbone or "-", *(_cell(_metric(row, name), best[name]) for name in shown))
        for row in rows
    ]
    screen.table(("method", "backbone", *shown), cells, words=2)


def _metric(row: Row, name: str) -> Metric:
    from counterpoise.experiments.table import Metric

    return row.metrics.get(name, Metric(None, None, ()))


def _best(name: str, column: Sequence[Metric]) -> float | None:
    from counterpoise.experiments.leaderboard import smaller_wins

    means = [metric.mean for metric in column if metric.mean is not None]
    if len(means) < 2:
        return None
    return min(means) if smaller_wins(name) else max(means)


def _cell(metric: Metric, best: float | None) -> str:
    if metric.mean is None:
        return "- "
    mark = "*" if metric.mean == best else " "
    return f"{number(metric.mean)} ± {number(metric.std)}{mark}"
