"""``counterpoise tune``: which settings of a method serve some data, by cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import json_value, number, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from counterpoise.experiments.executors.base import Executor
    from counterpoise.experiments.store import Store
    from counterpoise.experiments.task import Task

_NO_SETTINGS = {"checkpoint": "a search keeps none; name a store with --store"}
_SHOWN = 10
_DEFAULT = {"text": "tfidf_lr", "image": "class_weight"}
"""Methods with settings worth looking for, by kind of data; the default of ``fit`` for texts chooses by itself."""


@options.unfolded
def tune(
    source: options.Source,
    *,
    method: Annotated[
        str | None,
        typer.Option(
            help="Method whose settings are looked for; by default tfidf_lr for texts and class_weight for images."
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Settings to try, the default first.")] = 30,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Folds that judge each of them.")] = 3,
    reading: options.Reading,
    keep: options.Keep = None,
    group: options.Group = None,
    time: options.Time = None,
    training: options.Training,
    store: options.StoreFile = None,
    jobs: options.Jobs = 1,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look for good settings of a method by cross-validation.

    Optuna proposes settings, folds of DATA judge them by average precision, and what is plainly worse than the
    others is given up after its first folds. Settings given here stay as they are.

    All of DATA is used, so the best score is optimistic: the maximum of many. Give the training side, and judge the
    settings on other data, or compare tuned methods by `counterpoise compare --tune N`, which searches inside each
    fitting side.
    """
    with running("tune", as_json, quiet) as screen:
        from counterpoise.cli.labelled import kind_of_source, read_labelled
        from counterpoise.cli.settings import training_settings
        from counterpoise.experiments.compare import opened
        from counterpoise.experiments.executors.choice import make_executor
        from counterpoise.experiments.task import Task
        from counterpoise.experiments.tuning import best_of, search, space_of
        from counterpoise.progress import bar
        from counterpoise.seeding import derive_seed

        screen.on_interrupt = f"the same command goes on from {store}" if store else "nothing was kept"
        kind = kind_of_source(source, **vars(reading))
        method = method or _DEFAULT[kind]
        given = {"threshold": None, **training_settings([method], _NO_SETTINGS, kind, **vars(training))}
        network = {k.removeprefix("backbone__"): v for k, v in given.items() if k.startswith("backbone__")}
        found_in = space_of(method, training.backbone, network, kind)
        space = {name: where for name, where in found_in.items() if name not in given}
        executor = make_executor(jobs=jobs)
        data = read_labelled(screen, source, kind, group=group, time=time, **vars(reading))
        task = Task.of(
            data.name, data.inputs, data.labels, minority=data.minority, groups=data.groups, time=data.times
        )
        with opened(store) as rows, bar(f"tune {method}", trials) as progress:
            score = _scores(
                rows,
                task,
                executor,
                method=method,
                backbone=training.backbone,
                keep=keep,
                n_folds=folds,
                seed=random_state,
                given=given,
            )
            found = search(
                space,
                score,
                trials=trials,
                n_folds=len(task.folds(folds, random_state)),
                seed=derive_seed(random_state, "tune"),
                width=executor.width,
                on_trial=lambda trial: progress.advance(1, f"average precision {number(trial.mean)}"),
            )
        best = best_of(found)
        order = sorted(
            (trial for trial in found if not trial.pruned),
            key=lambda trial: -(trial.mean if trial.mean else 0.0),
        )
        screen.table(
            ("trial", "average precision", "settings"),
            [(str(t.number), number(t.mean), _words(t.settings)) for t in order[:_SHOWN]],
            words=3,
        )
        n_pruned = sum(trial.pruned for trial in found)
        screen.line(f"\n{len(found)} settings tried, {n_pruned} of them given up early.")
        default = found[0].mean
        if not best.settings:
            screen.line("The default is the best of them.")
        else:
            screen.line(
                f"Best: {number(best.mean)}, default: {number(default)}; the difference is optimistic, since the best "
                "of many is shown."
            )
            screen.line(
                "\n  " + " ".join(f"--set {key}={json_value(value)}" for key, value in best.settings.items())
            )
        screen.rows(
            [
                {
                    "trial": trial.number,
                    "settings": trial.settings,
                    "average_precision": {"mean": trial.mean, "folds": list(trial.scores)},
                    "pruned": trial.pruned,
                    "best": trial is best,
                }
                for trial in found
            ]
        )


def _scores(
    store: Store,
    task: Task,
    executor: Executor,
    *,
    method: str,
    given: dict[str, Any],
    **grid: Any,
) -> Callable[[dict[str, Any], Sequence[int]], list[float | None]]:
    """Execute folds with some settings, or find their rows."""
    from counterpoise.errors import DataError
    from counterpoise.experiments.grid import fill, jobs_of, plan

    seed = grid.pop("seed")

    def score(settings: dict[str, Any], folds: Sequence[int]) -> list[float | None]:
        runs = plan(task, [method], seeds=(seed,), settings={**given, **settings}, **grid)
        planned = jobs_of([runs[fold] for fold in folds])
        filled = fill(store, planned, task, executor, retry=True)
        if filled.failures:
            raise DataError(f"a trial failed: {next(iter(filled.failures.values()))}")
        metrics = {record.key: record.metrics for record in store.rows(filled.keys)}
        return [metrics[key]["average_precision"] for key in filled.keys]

    return score


def _words(settings: dict[str, Any]) -> str:
    if not settings:
        return "default"
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={json_value(value)}"
        for name, value in settings.items()
    )
