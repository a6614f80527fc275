"""``counterpoise leaderboard``: what the rows of a store say, in tables and words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import options
from counterpoise.cli.comparisons import (
    METRIC,
    print_classes,
    print_difficult,
    print_failures,
    print_ranking,
    print_rows,
    print_verdicts,
    row_fields,
)
from counterpoise.cli.screen import number, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterpoise.experiments.table import Comparison


def leaderboard(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="File that `compare --store` wrote.")],
    *,
    metric: options.Metric = METRIC,
    against: options.Against = None,
    by_class: options.ByClass = False,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs one by one, with their keys.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the runs as .csv, .jsonl or .parquet, or the tables as .md or .tex (booktabs).",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw average ranks over several data sets, or precision-recall and cost curves of one "
            "(.svg, .png, .pdf).",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read a store: a table and a verdict on each method for every data set, and average ranks over several.

    The verdict is that of a paired test over folds and seeds (corrected resampled t-test of Nadeau and Bengio),
    corrected for the number of methods by Holm's procedure. Average ranks are judged by Friedman's test and
    Nemenyi's critical difference.
    """
    with running("leaderboard", as_json, quiet) as screen:
        from counterpoise.cli.outputs import settle_output
        from counterpoise.errors import DataError
        from counterpoise.experiments.export import check_export, export
        from counterpoise.experiments.leaderboard import judged, ranked
        from counterpoise.experiments.store import Store
        from counterpoise.experiments.table import comparisons
        from counterpoise.report.canvas import check_picture
        from counterpoise.report.curves import draw_curves, draw_ranks

        if output is not None:
            check_export(output)
            settle_output(screen, store, output)
        if plot is not None:
            check_picture(plot)
        with Store(store, read_only=True) as rows:
            records = rows.rows(status=None)
            if not records:
                raise DataError(
                    f"{store} has no run yet; `counterpoise compare DATA --store {store}` makes some"
                )
            found = comparisons(rows)
            judgements = [judged(comparison, metric, against) for comparison in found]
            ranking = ranked(found, metric)
            if plot is not None and found:
                if ranking is not None:
                    draw_ranks(plot, ranking)
                else:
                    draw_curves(
                        plot, _single(found), lambda row: [rows.predictions(k) for k in row.keys if k]
                    )
                screen.note(f"{plot}: {'average ranks' if ranking else 'precision-recall and cost curves'}")
        failures = {
            r.key: (
                f"{r.run.dataset}, {r.run.method}, seed {r.run.seed}, fold {r.run.fold + 1}",
                r.error or "",
            )
            for r in records
            if r.status == "failed"
        }
        shown = []
        for comparison, judgement in zip(found, judgements, strict=True):
            if len(found) > 1:
                screen.line(f"\n{comparison.title}\n")
            print_rows(screen, comparison.rows, metric)
            print_difficult(screen, comparison.rows)
            if by_class:
                print_classes(screen, comparison)
            print_verdicts(screen, metric, judgement)
            shown += [row_fields(row, comparison, judgement) for row in comparison.rows]
        if ranking is not None:
            print_ranking(screen, ranking)
        if runs:
            screen.line("")
            screen.table(
                ("key", "data", "method", "backbone", "seed", "fold", metric),
                [
                    (
                        *(r.key, r.run.dataset, r.run.method, r.run.backbone or "-"),
                        *(str(r.run.seed), str(r.run.fold + 1), number(r.metrics.get(metric))),
                    )
                    for r in records
                ],
                words=4,
            )
        print_failures(screen, failures)
        if output is not None:
            n_written = export(output, found, judgements, records, metric)
            screen.note(f"{output}: {n_written}")
        screen.rows(shown)


def _single(found: Sequence[Comparison]) -> Comparison:
    from counterpoise.errors import SettingsError

    if len(found) > 1:
        raise SettingsError(
            "--plot draws ranks over several data sets that have the same methods, or curves of one; this store has "
            f"{len(found)} comparisons without two methods in common"
        )
    return found[0]
