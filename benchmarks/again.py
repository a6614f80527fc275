"""The command that makes one row of a result file again, of those whose runs are also those of ``compare``.

    python benchmarks/again.py benchmarks/results/design_plain.csv KEY again.runs
    COUNTERPOISE_DATA=... python benchmarks/again.py benchmarks/results/design_plain.csv KEY again.runs --run

prints it, and executes it. A key is of all that can change a row, so the command says so where code or libraries are
not those that the row was made with any more. Sets whose splits were put together, such as r8 and ohsumed_titles of
design_more.csv and design_rivals.csv, need ``--split all``.

An encoder has the name that the row gives it. With ``--run`` that of MISO's design is found under its name; whoever
types what is printed has to link to it by that name.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from encoder import ENCODER, linked
from gathered import Row, read_rows, row_settings


def command_of(row: Row, store: Path, *, split: str | None = None) -> list[str]:
    """Arguments of ``counterpoise`` that make a row again.

    Parameters
    ----------
    row : dict
        Of an exported file.
    store : Path
        Where the run goes; one that has it already runs it once more.
    split : str or None, default=None
        Of the data, where it is not their own default.
    """
    settings = json.loads(row["estimator"])
    if int(row["trials"] or 0) or "selection" in settings:
        raise SystemExit(
            "compare makes no such row: its settings were searched for, or its epoch chosen for a paper's table"
        )
    threshold = settings.pop("threshold", None)
    settings |= row_settings(row)
    given = {
        "--split": split,
        "--minority": row["minority"] or None,
        "--keep": row["keep"] or None,
        "--methods": row["method"],
        "--backbone": row["backbone"] or None,
        "--folds": row["n_folds"],
        "--random-state": row["seed"],
        "--threshold": None if threshold is None else str(threshold),
        "--store": str(store),
        "--only": row["key"],
    }
    options = [part for name, value in given.items() if value is not None for part in (name, value)]
    sets = [part for name, value in settings.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    return ["compare", row["dataset"], *options, *sets]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("key")
    parser.add_argument("store", type=lambda given: Path(given).absolute())
    parser.add_argument("--split", help="of the data, where it is not their own default")
    parser.add_argument("--run", action="store_true", help="execute it")
    arguments = parser.parse_args()
    found = {row["key"]: row for row in read_rows(arguments.rows)}
    if arguments.key not in found:
        parser.error(f"{arguments.rows} has no row with the key {arguments.key}")
    row = found[arguments.key]
    command = command_of(row, arguments.store, split=arguments.split)
    print("counterpoise", shlex.join(command), flush=True)
    if arguments.run:
        sys.exit(run(command, encoded=ENCODER in row_settings(row).values()))


def run(command: list[str], *, encoded: bool) -> int:
    """Execute ``counterpoise``, where the encoder has its name if there is one, and return its exit code."""
    with linked() if encoded else nullcontext():
        return subprocess.run([sys.executable, "-m", "counterpoise", *command], check=False).returncode


if __name__ == "__main__":
    main()
