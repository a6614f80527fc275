"""``counterpoise compare --store FILE --only KEY``: a run of a store made again, its new row beside the stored one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number

if TYPE_CHECKING:
    from counterpoise.experiments.again import Again
    from counterpoise.experiments.results import Record
    from counterpoise.experiments.task import Task

_DIGITS = 6


def known_run(store: Path | None, only: str | None) -> Record | None:
    """What a store knows of the run that was asked for; None where it is a new one, or none was asked for."""
    from counterpoise.experiments.store import Store

    if store is None or only is None or not store.exists():
        return None
    with Store(store, read_only=True) as rows:
        return next(iter(rows.rows([only], status=None)), None)


def remark_on_options(screen: Screen, known: Record, training: options.Training, **given: bool) -> None:
    """Say which options have no use, since the run has settings of its own.

    Parameters
    ----------
    screen : Screen
    known : Record
    training : Training
    **given
        Of further options whether they were given.
    """
    names = [field.name for field in fields(training) if getattr(training, field.name) != field.default]
    names = [*(name for name, there in given.items() if there), *(n for n in names if n != "yes_send")]
    if names:
        said = ", ".join(f"--{'set' if name == 'sets' else name.replace('_', '-')}" for name in names)
        screen.note(f"run {known.key} has the settings that it had, and takes none from {said}")


def run_again(
    screen: Screen,
    known: Record,
    source: str | None,
    *,
    reading: options.Reading,
    group: str | None,
    time: str | None,
    grid: options.Grid,
    consent: bool,
) -> bool:
    """Make a run again and print what comes of it; a failure is replaced by its row.

    Returns
    -------
    bool
        Whether the row is as it is stored, or there is one where there was none.

    Raises
    ------
    CounterpoiseError
        When the data are not those of the run, or it cannot be executed here.
    """
    from counterpoise.errors import SettingsError
    from counterpoise.estimators.saving import CONSENT
    from counterpoise.experiments.again import make_again
    from counterpoise.experiments.executors.choice import make_executor
    from counterpoise.experiments.results import Result
    from counterpoise.experiments.store import Store

    assert grid.store is not None
    if grid.estimate:
        seconds = (known.fit_seconds or 0.0) + (known.predict_seconds or 0.0)
        raise SettingsError(f"--estimate is for grids; run {known.key} took {seconds:.1f} s when it was made")
    if known.run.settings.get(CONSENT) and not consent:
        raise SettingsError(
            f"run {known.key} sends texts to a language model's address; give --yes-send if it may do so again"
        )
    where = make_executor(grid.executor, address=grid.address)
    task = _task(screen, known, source, reading, group, time)
    with Store(grid.store, read_only=known.status == "done") as rows:
        whole = rows.result(known.key) if known.status == "done" else None
        made = make_again(known, task, where, whole)
        if known.status == "failed" and made.job.key == known.key:
            if isinstance(made.result, Result):
                rows.write(made.result)
            else:
                rows.fail(known.run, made.job.surroundings, made.result)
    print_again(screen, made)
    return made.equal or (known.status == "failed" and isinstance(made.result, Result))


def print_again(screen: Screen, made: Again) -> None:
    """Print both rows side by side, what differs marked, and a sentence on it."""
    from counterpoise.experiments.results import Result

    result = made.result
    found = result.metrics if isinstance(result, Result) else {}
    before = made.known.metrics
    names = [n for n in {**before, **found} if (before.get(n), found.get(n)) != (None, None)]
    if names:
        cells = [
            (
                name,
                number(before.get(name), _DIGITS),
                number(found.get(name), _DIGITS),
                "*" if before.get(name) != found.get(name) else "",
            )
            for name in names
        ]
        screen.table(("metric", "as it was", "again", ""), cells)
        screen.line("")
    screen.line(sentence_on(made))
    screen.rows(
        [
            {
                "key": made.known.key,
                "key_here": made.job.key,
                **made.known.run.fields,
                "equal": made.equal,
                "differs_in": list(made.differences),
                "made_with_other": list(made.otherwise),
                "error": None if isinstance(result, Result) else result,
                "metrics": before,
                "metrics_again": found,
            }
        ]
    )


def sentence_on(made: Again) -> str:
    """What came of making a run again, in words."""
    from counterpoise.experiments.results import Result

    run = made.known.run
    what = f"{made.known.key} ({run.dataset}, {run.method}, seed {run.seed}, fold {run.fold + 1})"
    there = made.known.status == "done"
    if not isinstance(made.result, Result):
        kept = "; its row is kept" if there else ""
        said = f"Run {what} could not be made this time: {' '.join(made.result.split())}{kept}."
    elif not there:
        said = f"Run {what} had failed, and was made this time."
    elif made.equal:
        said = f"Run {what} came out as it was, to the bit."
    else:
        said = f"Run {what} came out otherwise than it was: it differs in {', '.join(made.differences)}."
    if made.otherwise:
        said += (
            f" That was with other {' and '.join(made.otherwise)} than here, where its key is {made.job.key}; nothing "
            "was written."
        )
    return said


def _task(
    screen: Screen,
    known: Record,
    source: str | None,
    reading: options.Reading,
    group: str | None,
    time: str | None,
) -> Task:
    """The data of a run: of a named set in whatever way it was read, of another source as it is said to be read."""
    from counterpoise.cli.labelled import kind_of_source, read_labelled
    from counterpoise.data.catalog import is_known
    from counterpoise.errors import DataError, SettingsError
    from counterpoise.experiments.named_data import find_task
    from counterpoise.experiments.task import Task

    run = known.run
    if source is None and not is_known(run.dataset):
        raise SettingsError(
            f"run {known.key} was made of {run.dataset}, which is no known set; give DATA as it was given then"
        )
    name = run.dataset if source is None else source
    how = {**vars(reading), "minority": run.minority}
    asked = [field.name for field in fields(reading) if getattr(reading, field.name) != field.default]
    if is_known(name) and not Path(name).exists() and not {*asked} - {"data_dir", "minority"}:
        return find_task(run, name, reading.data_dir)
    data = read_labelled(screen, name, kind_of_source(name, **how), group=group, time=time, **how)
    task = Task.of(
        run.dataset, data.inputs, data.labels, minority=data.minority, groups=data.groups, time=data.times
    )
    if task.content != run.content:
        side = " and the test side that was given" if run.n_folds == 1 else ""
        raise DataError(
            f"{name} does not hold the rows{side} that run {known.key} was made of ({run.dataset}); give the same "
            "data, read by the same --text, --label, --group, --time and --split"
        )
    return task
