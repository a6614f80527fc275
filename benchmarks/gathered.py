"""Exported rows of grids that took more than one sitting, in one file.

    whole(Path("benchmarks/results/rivals_networks.csv"), "sms_spam", "spam", 6)      # methods with all six runs there
    gather(Path("benchmarks/results/rivals_networks.csv"), Path("networks.runs"))

A store is large and stays where it was filled; its rows are small and are committed. What stands in the file need not
be run again, and rows that are made later, perhaps on another machine, are put beside it. Each names the commit whose
code made it, by which ``again.py`` makes it again.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from commits import commit_of
from counterpoise.data.writers import TableWriter, json_text
from counterpoise.experiments.export import runs_table
from counterpoise.experiments.runs import Run
from counterpoise.experiments.sources import modules_of_run, source_digest
from counterpoise.experiments.store import Store
from counterpoise.experiments.table import comparisons

Row = dict[str, str]
Place = tuple[str, ...]

_SETTINGS = ("method_settings", "backbone_settings", "estimator")
_NUMBERS = ("n_folds", "fold", "seed", "trials")
_WORDS = ("dataset", "content", "minority", "keep", "thinned_as", "method", "backbone")
_FIELDS = (*_WORDS, *_SETTINGS, *_NUMBERS)


def read_rows(path: Path) -> list[Row]:
    """The rows of a file; none where there is no file."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row_settings(row: Row) -> dict[str, Any]:
    """Settings of a row's method and network, named as a classifier takes them: ``method__x``, ``backbone__x``."""
    return {
        f"{kind}__{name}": value
        for kind in ("method", "backbone")
        for name, value in json.loads(row[f"{kind}_settings"]).items()
    }


def numbers_of(row: Row) -> dict[str, float]:
    """The cells of a row that hold a number, by column."""
    found = {}
    for name, cell in row.items():
        try:
            found[name] = float(cell)
        except (TypeError, ValueError):
            continue
    return found


def run_of(row: Row) -> Run:
    """The run that a row is of, from its cells; rows that were gathered before there was a column lack it."""
    return Run(
        **{name: row.get(name) or None for name in _WORDS},
        **{name: json.loads(row[name]) for name in _SETTINGS},
        **{name: int(row.get(name) or 0) for name in _NUMBERS},
    )


def whole(path: Path, dataset: str, minority: str, n_runs: int) -> set[str]:
    """Methods that have ``n_runs`` finished runs on a class of a data set."""
    done = Counter(
        row["method"]
        for row in read_rows(path)
        if (row["dataset"], row["minority"], row["status"]) == (dataset, minority, "done")
    )
    return {name for name, n in done.items() if n >= n_runs}


def finished(path: Path) -> set[Place]:
    """Which runs a file has finished, whatever code made them; see :func:`place_of`."""
    return {
        tuple(row.get(name, "") for name in _FIELDS) for row in read_rows(path) if row["status"] == "done"
    }


def place_of(run: Run) -> Place:
    """What tells a run from the others of its grid, as :func:`finished` has it."""
    cells = {name: json_text(value) if name in _SETTINGS else value for name, value in run.fields.items()}
    return tuple("" if (cell := cells.get(name)) is None else str(cell) for name in _FIELDS)


def run_and_gather(command: list[str], path: Path, store: Path, *, jobs: str, estimate: bool) -> None:
    """Run a command of ``counterpoise`` over a store, as a user would type it, and gather its rows.

    Parameters
    ----------
    command : list of str
        Without the options that the others stand for.
    path : Path
        Where rows go.
    store : Path
    jobs : str
    estimate : bool
        Whether only the time that it takes is asked for; nothing is gathered then.
    """
    command = [*command, "--store", str(store), "--jobs", jobs, *(["--estimate"] if estimate else [])]
    print("counterpoise", *command, flush=True)
    subprocess.run([sys.executable, "-m", "counterpoise", *command], check=True)
    if not estimate:
        gather(path, store)


def gather(path: Path, store: Path) -> int:
    """Add the rows that the code as it is has finished in a store to a file, in whose place a whole new one comes.

    Rows of other code stay out: what was taken out of the file, because a method has changed, does not come back. Where
    the code is that of no commit, rows name none, and that is said.

    Returns
    -------
    int
        How many are new.
    """
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        exported = Path(folder) / "rows.csv"
        with Store(store, read_only=True) as runs, TableWriter(exported) as out:
            out.write(runs_table(runs.rows(status=None), comparisons(runs)))
        new = [
            row
            for row in read_rows(exported)
            if row["status"] == "done" and row["source"] == source_here(row)
        ]
    old = read_rows(path)
    known = {row["key"] for row in old}
    added = [row for row in new if row["key"] not in known]
    if not added:
        return 0
    if not (commit := commit_of()):
        print(f"the code is that of no commit, so {len(added)} rows of {path} name none", file=sys.stderr)
    for row in added:
        row["commit"] = commit
    rows = [*old, *added]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    temporary = path.with_suffix(".part")
    with open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)
    return len(added)


def source_here(row: Row) -> str:
    """Digest of the code that would make a row here."""
    return source_digest(
        *modules_of_run(row["method"], json.loads(row["method_settings"]), row["backbone"] or None)
    )
