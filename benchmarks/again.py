"""One row of a result file made again, whatever made it: the new row beside the one in the file.

    COUNTERPOISE_DATA=... python benchmarks/again.py benchmarks/results/design_plain.csv KEY

The run is that of the row's cells, and its data are found by their content. A row that names its commit is made by the
code of that commit, which is taken out of the repository for the time being. One that names none, since it was
gathered before rows did, is made by the code as it is, and it is said that this is other code. Libraries are those
that are installed; which of them are not those of the row is said too. Metrics and notes are compared; predictions are
in no file. The exit code is 1 where the rows differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path

from commits import code_of
from counterpoise.cli.again import print_again
from counterpoise.cli.screen import Screen
from counterpoise.errors import CounterpoiseError
from counterpoise.experiments.again import make_again
from counterpoise.experiments.difficulty import NAMES
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import THREADS
from counterpoise.experiments.named_data import find_task
from counterpoise.experiments.results import Record
from counterpoise.experiments.runs import Run
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.task import Task
from encoder import ENCODER, linked
from gathered import Row, numbers_of, read_rows, row_settings, run_of, source_here
from mixing_evidence import ARRAYS, array_task

_NO_METRICS = {
    *(
        "key",
        "status",
        "fit_seconds",
        "predict_seconds",
        "peak_memory",
        "fitting_rows",
        "arithmetic",
        "device",
    ),
    *("threads", "source", "versions", "machine", "finished_at", "notes", "error", "commit"),
    *(field.name for field in fields(Run)),
    *(name for name in NAMES if not name.endswith("_after")),
}
"""Columns that are no metrics of the run alone: what only two runs tell together is not compared."""


def record_of(row: Row) -> Record:
    """What a row tells of its run, as a store would; rows of earlier days lack some of it."""
    numbers = numbers_of(row)
    surroundings = Surroundings(
        source=row["source"],
        device=row["device"],
        precision=row.get("arithmetic") or "unknown",
        threads=int(row.get("threads") or THREADS),
        versions=json.loads(row["versions"]),
    )
    return Record(
        key=row["key"],
        run=run_of(row),
        surroundings=surroundings,
        status=row["status"],
        metrics={name: value for name, value in numbers.items() if name not in _NO_METRICS},
        notes=tuple(json.loads(row["notes"])),
        fit_seconds=numbers.get("fit_seconds"),
        predict_seconds=numbers.get("predict_seconds"),
        peak_memory=None,
        machine=row["machine"],
        finished_at=row["finished_at"],
        error=row["error"] or None,
    )


def task_of(run: Run) -> Task:
    """The data of a run, which are a known set or one of scikit-learn's."""
    if run.dataset in ARRAYS:
        return array_task(run.dataset)
    return find_task(run, run.dataset)


def make(row: Row) -> bool:
    """Make a row again with the code that is imported, print both, and say whether they are equal."""
    known = record_of(row)
    with linked() if ENCODER in row_settings(row).values() else nullcontext():
        made = make_again(known, task_of(known.run), InProcess())
    print_again(Screen("again", as_json=False, quiet=False), made)
    return made.equal


def make_at(commit: str, arguments: list[str]) -> int:
    """Let the code of a commit make a row again, and return the exit code.

    Parameters
    ----------
    commit : str
    arguments : list of str
        Of this program, as it was then.
    """
    with code_of(commit) as folder:
        print(f"with the code of commit {commit}", flush=True)
        command = [sys.executable, str(folder / "benchmarks" / Path(__file__).name), *arguments, "--here"]
        where = {**os.environ, "PYTHONPATH": str(folder / "src")}
        return subprocess.run(command, env=where, check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("key")
    parser.add_argument("--here", action="store_true", help="take the code as it is, whatever the row's is")
    arguments = parser.parse_args()
    found = {row["key"]: row for row in read_rows(arguments.rows)}
    if arguments.key not in found:
        parser.error(f"{arguments.rows} has no row with the key {arguments.key}")
    row = found[arguments.key]
    if not arguments.here and row["source"] != source_here(row):
        if commit := row.get("commit"):
            sys.exit(make_at(commit, [str(arguments.rows.absolute()), arguments.key]))
        print(
            "the row names no commit, and its code is not the code as it is, by which it is made now",
            flush=True,
        )
    try:
        sys.exit(0 if make(row) else 1)
    except CounterpoiseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
