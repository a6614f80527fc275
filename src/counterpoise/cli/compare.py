"""``counterpoise compare``: methods on the same folds, from a store where there is one, and a verdict on each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import options
from counterpoise.cli.again import known_run, remark_on_options, run_again
from counterpoise.cli.comparisons import (
    METRIC,
    print_classes,
    print_difficult,
    print_failures,
    print_rows,
    print_verdicts,
    row_fields,
    summary,
)
from counterpoise.cli.estimates import foretold, print_estimate
from counterpoise.cli.screen import Screen, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterpoise.experiments.executors.base import Job
    from counterpoise.experiments.grid import Filled
    from counterpoise.experiments.store import Store

_FOLDS = 5
_NO_SETTINGS = {"method": "use --methods", "checkpoint": "a comparison keeps none"}


@options.unfolded
def compare(
    source: options.SourceOfRuns = None,
    *,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Methods, separated by commas; see `counterpoise methods`. "
            "By default erm, class_weight, random_oversample and, for texts, word_swap, tfidf_lr; for images, mamix.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Folds of the cross-validation.")] = _FOLDS,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many times it is repeated, with folds drawn anew.")
    ] = 1,
    metric: options.Metric = METRIC,
    against: options.Against = None,
    by_class: options.ByClass = False,
    reading: options.Reading,
    keep: options.Keep = None,
    group: options.Group = None,
    time: options.Time = None,
    training: options.Training,
    grid: options.Grid,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cross-validate methods on the same folds and the same thinned fitting sides.

    Test folds stay whole at their natural prevalence. Scores are means over folds and seeds and the standard
    deviation between them; * marks the best mean of a column, which need not be a real difference. The verdict says
    whether it is: a paired test that allows for folds sharing their fitting rows, corrected for the number of
    methods.

    With erm among the methods a second table shows difficult samples: test samples of the rare class that
    have one of another class among their nearest in the embedding of plain training.

    With --store nothing is lost when this is interrupted or killed; the same command goes on. A run has a key of
    all that can change its row: data, settings, fold, seed, the code of the method, versions of libraries. --only KEY
    makes a run of the store again, from what the store knows of it, and says whether its row is the same.

    --estimate tries each method on 600 and, where these are quick, on 1,800 rows and tells from there how long the
    whole would take.
    """
    with running("compare", as_json, quiet) as screen:
        from counterpoise.cli.labelled import kind_of_source, read_labelled
        from counterpoise.cli.settings import training_settings
        from counterpoise.errors import SettingsError
        from counterpoise.experiments.compare import METHODS_BY_KIND, RowTeller, opened
        from counterpoise.experiments.executors.choice import make_executor
        from counterpoise.experiments.grid import fill, jobs_of, plan
        from counterpoise.experiments.leaderboard import check_metric, judged
        from counterpoise.experiments.table import comparisons
        from counterpoise.experiments.task import Task

        store, only = grid.store, grid.only
        if store is not None:
            screen.on_interrupt = f"what is ready is in {store}; the same command goes on"
        else:
            screen.on_interrupt = "no table was printed" if quiet else "what was ready is summed up above"
        if only is not None and store is None:
            raise SettingsError("--only names a run of a store; give the store with --store")
        if grid.retry and store is None:
            raise SettingsError("--retry runs again what failed in a store; give the store with --store")
        if (known := known_run(store, only)) is not None:
            screen.on_interrupt = "nothing was written"
            remark_on_options(
                screen,
                known,
                training,
                methods=methods is not None,
                folds=folds != _FOLDS,
                seeds=seeds != 1,
                keep=keep is not None,
                minority=reading.minority is not None,
                tune=grid.tune > 0,
                random_state=random_state > 0,
            )
            same = run_again(
                screen,
                known,
                source,
                reading=reading,
                group=group,
                time=time,
                grid=grid,
                consent=training.yes_send,
            )
            if not same:
                raise typer.Exit(1)
            return
        if source is None:
            raise SettingsError(_without_data(store, only))
        check_metric(metric)
        kind = kind_of_source(source, **vars(reading))
        names = _names(methods) or list(METHODS_BY_KIND[kind])
        if against is not None and against not in names:
            raise SettingsError(f"--against {against} is not among the methods; they are {', '.join(names)}")
        settings = training_settings(names, _NO_SETTINGS, kind, **vars(training))
        where = make_executor(grid.executor, jobs=grid.jobs, address=grid.address)
        data = read_labelled(screen, source, kind, group=group, time=time, **vars(reading))
        task = Task.of(
            data.name, data.inputs, data.labels, minority=data.minority, groups=data.groups, time=data.times
        )
        planned = jobs_of(
            plan(
                task,
                names,
                backbone=training.backbone,
                keep=keep,
                n_folds=folds,
                seeds=range(random_state, random_state + seeds),
                settings=settings,
                trials=grid.tune,
            )
        )
        with opened(store) as rows:
            wanted = planned if only is None else _only(only, planned)
            if store is not None:
                _tell(screen, rows, planned, grid.retry)
            if grid.estimate:
                print_estimate(screen, *foretold(rows, [(task, wanted)], where.width))
                return
            filled = fill(
                rows,
                wanted,
                task,
                where,
                retry=grid.retry,
                on_outcome=RowTeller(rows, planned, lambda row: screen.note(f"{row.label}: {summary(row)}")),
            )
            done = rows.done(job.key for job in planned)
            found = comparisons(rows, [job.key for job in planned if job.key in done])
        shown = []
        for comparison in found:
            judgement = judged(comparison, metric, against)
            print_rows(screen, comparison.rows, metric)
            print_difficult(screen, comparison.rows)
            if by_class:
                print_classes(screen, comparison)
            print_verdicts(screen, metric, judgement)
            shown += [row_fields(row, comparison, judgement) for row in comparison.rows]
        print_failures(screen, _failed(planned, filled))
        screen.rows(shown)
        if filled.failures:
            _say_failed(screen, filled, store)
            raise typer.Exit(1)


def _without_data(store: Path | None, only: str | None) -> str:
    if only is None:
        return "DATA is missing: give a file, a folder or the name of a known set"
    return (
        f"{store} has no run {only}; `counterpoise leaderboard {store} --runs` lists what it has, and a run that it "
        "does not have yet needs DATA and the options of its grid"
    )


def _names(methods: str | None) -> list[str]:
    from counterpoise.errors import SettingsError

    names = [name.strip() for name in (methods or "").split(",") if name.strip()]
    if methods is not None and not names:
        raise SettingsError("--methods names no method; give some, separated by commas")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingsError(f"--methods names {twice!r} twice; name each method once")
    return names


def _only(key: str, planned: Sequence[Job]) -> list[Job]:
    from counterpoise.errors import SettingsError

    found = [job for job in planned if job.key == key]
    if not found:
        raise SettingsError(
            f"--only {key}: neither the store nor this grid has a run with that key (code or libraries that have "
            "changed give other keys); `counterpoise leaderboard FILE --runs` lists those of the store"
        )
    return found


def _tell(screen: Screen, store: Store, planned: Sequence[Job], retry: bool) -> None:
    """Say what of a grid a store has, and why not more."""
    from counterpoise.experiments.grid import strangers

    keys = [job.key for job in planned]
    done, failed = store.done(keys), set(store.failed()) & set(keys)
    words = f"{len(planned):,} runs, {len(done):,} of them in {store.path}"
    if failed:
        words += f", {len(failed):,} failed before" + ("" if retry else " (run again with --retry)")
    screen.note(words)
    for sentence in strangers(store, planned):
        screen.note(f"note: {sentence}")


def _failed(planned: Sequence[Job], filled: Filled) -> dict[str, tuple[str, str]]:
    runs = {job.key: job.run for job in planned}
    return {
        key: (f"{run.method}, seed {run.seed}, fold {run.fold + 1}", reason)
        for key, reason in filled.failures.items()
        if (run := runs[key])
    }


def _say_failed(screen: Screen, filled: Filled, store: Path | None) -> None:
    again = "; --retry runs them again" if store is not None else ""
    screen.error(f"{len(filled.failures)} of {len(filled.keys)} runs failed{again}")
