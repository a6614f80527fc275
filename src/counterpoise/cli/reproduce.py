"""``counterpoise reproduce``: the experiments of a paper, run again, ours beside theirs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.comparisons import print_failures
from counterpoise.cli.estimates import foretold, print_estimate
from counterpoise.cli.screen import Screen, running
from counterpoise.experiments.papers import PAPERS

if TYPE_CHECKING:
    from counterpoise.experiments.papers.base import Table


def reproduce(
    paper: Annotated[str, typer.Argument(metavar="|".join(PAPERS), help="Which paper.")],
    *,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which table: of miso 1 to 6, 3 by default, 6 being examples of our own; of sharprecl main, which is "
            "the default, ablation or imbalance; of mixup a data set, cifar10 by default; of dos 6, which is the "
            "default, 7 or 8.",
        ),
    ] = None,
    figure: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1,
            metavar="1",
            help="Draw our own figure, in place of the table of miso and sharprecl, beside those of mixup and dos.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Of the figure: .svg, .png or .pdf."),
    ] = None,
    datasets: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Data sets, separated by commas; the budget's own by default."),
    ] = None,
    ratio: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Only sets thinned to this ratio of the largest class to the smallest."
        ),
    ] = None,
    budget: Annotated[
        str,
        typer.Option(
            metavar="small|medium|paper",
            help="Minutes; hours on two cores; as published, as far as that is known. Of mixup also paper+smote, with "
            "three lines that are not among the authors'.",
        ),
    ] = "small",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="Pretrained encoder for the lines of miso's table 3 (XLNet there) and of sharprecl that have one, "
            "which are not run without.",
        ),
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="Language model on this machine for sharprecl to ask, untrained, beside what is trained.",
        ),
    ] = None,
    lines: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Run these lines of the table alone, by the names that it prints.",
        ),
    ] = None,
    selection: Annotated[
        str | None,
        typer.Option(
            metavar="validation|test|both|last",
            help="Which epoch is judged: of sharprecl the best on validation, the default, or on test, as its authors' "
            "script has it, which is optimistic, or both with the difference; of mixup the last, the default, or the "
            "best on validation.",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keeps the rows; the same command goes on from there. PAPER-reproduction.runs by default.",
        ),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run again what has failed.")] = False,
    estimate: options.EstimateOnly = False,
    jobs: options.ManyJobs = None,
    data_dir: options.DataDir = None,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run the experiments of a paper again on data that can be had, and print ours beside its numbers.

    What differs from the paper in data and settings stands below each table. Rows are kept, so a reproduction that
    takes hours can be stopped and goes on with the same command. The larger budgets begin by trying each method on
    few rows and saying how long all will take; --estimate says it and stops. The small budget skips this: estimating
    would take as long as running.
    """
    with running("reproduce", as_json, quiet) as screen:
        import loky

        from counterpoise.errors import SettingsError
        from counterpoise.experiments.estimate import duration
        from counterpoise.experiments.executors.choice import make_executor
        from counterpoise.experiments.grid import fill, jobs_of
        from counterpoise.experiments.papers.base import task_of
        from counterpoise.experiments.papers.line_choice import chosen_lines, without
        from counterpoise.experiments.papers.set_choice import chosen_sets
        from counterpoise.experiments.store import Store
        from counterpoise.experiments.table import comparisons
        from counterpoise.report.canvas import check_picture
        from counterpoise.report.embedding import draw_embeddings
        from counterpoise.report.paper_figures import FIGURES

        _check("paper", paper, PAPERS)
        protocol = import_module(f"counterpoise.experiments.papers.{paper}")
        table = table or protocol.DEFAULT_TABLE
        _check(f"table of {paper}", table, (*protocol.TABLES, *protocol.EXAMPLES))
        _check("budget", budget, protocol.BUDGETS)
        if selection is not None and not protocol.SELECTIONS:
            raise SettingsError(f"--selection is for sharprecl and mixup; leave it out for {paper}")
        if selection is not None:
            _check(f"selection of {paper}", selection, protocol.SELECTIONS)
        if llm is not None and "llm" not in protocol.TAKES:
            raise SettingsError(f"no line of {paper} asks a language model; leave --llm out")
        names = () if table in protocol.EXAMPLES else protocol.lines_of(table)
        if lines is not None and not names:
            raise SettingsError(f"table {table} of {paper} has no lines to choose from; leave --lines out")
        wanted = names if lines is None else chosen_lines(names, lines)
        asked = None if datasets is None else [name.strip() for name in datasets.split(",")]
        of_data = figure is not None and hasattr(protocol, "figure_1")
        of_runs = figure is not None and paper in FIGURES
        sets, remark = chosen_sets(paper, protocol, table, budget, names=asked, ratio=ratio, every=of_data)
        if remark:
            screen.note(remark)
        if output is not None and figure is None:
            raise SettingsError(f"-o {output} is for the figure; add --figure 1, or leave it out")
        output = output or Path(f"{paper}-figure-1.svg")
        if figure is not None:
            check_picture(output)
        store = store or Path(f"{paper}-reproduction.runs")
        much = protocol.BUDGETS[budget]
        tasks = {
            made.name: task_of(made, data_dir, much.cap(made), stop_words=much.stop_words) for made in sets
        }
        if of_data or table in protocol.EXAMPLES:
            first = sets[0]
            if of_data:
                draw_embeddings(output, protocol.figure_1(first, tasks[first.name], random_state))
                screen.line(f"Figure: {output}")
                screen.rows([{"figure": str(output), "dataset": first.dataset}])
            else:
                _print(screen, protocol.EXAMPLES[table](first, tasks[first.name], random_state))
            return
        screen.on_interrupt = f"what is ready is in {store}; the same command goes on"
        given = {"data_dir": data_dir, "llm": llm}
        given = {name: value for name, value in given.items() if name in protocol.TAKES}
        ways: list[dict[str, Any]] = [
            {**given, "selection": each} for each in _selections(protocol.SELECTIONS, selection)
        ] or [given]
        planned = {
            made.name: jobs_of(
                [
                    run
                    for way in ways
                    for run in protocol.runs_of(
                        table,
                        tasks[made.name],
                        made,
                        protocol.BUDGETS[budget],
                        random_state,
                        encoder,
                        lines=wanted if names else None,
                        **way,
                    )
                ]
            )
            for made in sets
        }
        grid = [job for each in planned.values() for job in each]
        lacking = protocol.lacking(table, wanted, encoder, llm) if hasattr(protocol, "lacking") else ()
        if lacking and not grid:
            raise SettingsError(" ".join(lacking))
        executor = make_executor(jobs=jobs or min(loky.cpu_count(), max(len(grid), 1)))
        failures: dict[str, tuple[str, str]] = {}
        found = {}
        with Store(store) as rows:
            done = rows.done(job.key for job in grid)
            screen.note(f"{len(grid):,} runs, {len(done):,} of them in {store}")
            if estimate or budget != "small":
                told = getattr(protocol, "seconds_of", lambda run: None)
                guess, left = foretold(
                    rows, [(tasks[n], own) for n, own in planned.items()], executor.width, told
                )
                if estimate:
                    print_estimate(screen, guess, left)
                    return
                if guess.left:
                    screen.note(f"about {duration(guess.left)}, told from trials on few rows")
            elif len(done) < len(grid):
                # The data of this budget are few rows themselves: trials would double what they tell of.
                screen.note(
                    "how long they take is told from the first of them on; --estimate makes trials first"
                )
            for name, own in planned.items():
                filled = fill(rows, own, tasks[name], executor, retry=retry, what=f"runs on {name}")
                runs = {job.key: job.run for job in own}
                failures |= {
                    key: (f"{runs[key].dataset}, {runs[key].method}, fold {runs[key].fold + 1}", why)
                    for key, why in filled.failures.items()
                }
                ready = rows.done(filled.keys)
                if keys := [key for key in filled.keys if key in ready]:
                    (found[name],) = comparisons(rows, keys)
            if of_runs:
                drawn = FIGURES[paper](output, table, found, rows.curves)
                screen.line(f"Figure: {output}" if drawn else f"Table {table} has no rows for the figure.")
        printed = without(
            protocol.TABLES[table](found, tasks), [name for name in names if name not in wanted]
        )
        printed = replace(printed, foot=(*lacking, *printed.foot))
        _print(screen, printed)
        print_failures(screen, failures)
        if failures:
            raise typer.Exit(1)


def _selections(offered: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """Which epochs are judged: the default, the one asked for, or all of them."""
    return (
        tuple(name for name in offered if name != "both")
        if asked == "both"
        else (asked,)
        if asked
        else offered[:1]
    )


def _check(what: str, name: str, known: Iterable[str]) -> None:
    from counterpoise.errors import SettingsError

    kind, _, whose = what.partition(" ")
    if name not in known:
        raise SettingsError(
            f"there is no {kind} {name!r}{whose and ' ' + whose}; choose from {', '.join(known)}"
        )


def _print(screen: Screen, table: Table) -> None:
    screen.line(f"{table.title}\n")
    if table.warning:
        screen.warning(f"{table.warning}\n")
    screen.table(table.headers, table.rows, words=table.words, red=table.hopeful)
    screen.line("")
    for note in table.foot:
        screen.line(note)
    rows: list[dict[str, Any]] = [dict(zip(table.headers, row, strict=True)) for row in table.rows]
    warning = {"warning": table.warning} if table.warning else {}
    screen.rows([{"table": table.title, **warning, "rows": rows, "foot": list(table.foot)}])
