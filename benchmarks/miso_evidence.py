"""What MISO is worth beside plain remedies: the commands a user would type, their rows kept.

    COUNTERPOISE_DATA=... python benchmarks/miso_evidence.py                 # writes results/miso_evidence.json; hours
    COUNTERPOISE_DATA=... python benchmarks/miso_evidence.py --task trec     # one of the two data sets

Average precision of the rare class on whole test folds, the same folds for all methods, three seeds. The threshold is
left at 0.5, since tuning it would take four trainings for one and does not touch the ranking. Seconds in the rows are
those of whatever else the machine was doing. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import machine
import paired
from rows import Rows

TASKS = {
    "sms_spam 10%": ["sms_spam", "--minority", "spam", "--keep", "10%"],
    "trec abbreviation": ["trec", "--minority", "abbreviation", "--split", "train"],
}
PLAIN = ["erm", "class_weight", "random_oversample", "word_swap", "tfidf_lr", "cag", "miso_edit", "miso"]
VARIANTS: dict[str, list[str]] = {
    **{name: ["--methods", name] for name in PLAIN},
    **{
        f"tfidf_lr + {name}": ["--methods", "tfidf_lr", "--set", f"method__sampler={name}"]
        for name in ("word_swap", "miso_edit", "miso")
    },
    "miso, none refused": ["--methods", "miso", "--set", "method__belonging=false"],
    "miso, free": ["--methods", "miso", "--set", "method__generator=free"],
    "miso, difficult only": ["--methods", "miso", "--set", "method__sources=difficult"],
    "miso, tokens": ["--methods", "miso", "--set", "method__reading=tokens"],
    "miso, half injected": ["--methods", "miso", "--set", "method__inject=0.5"],
    "miso, shared given up": ["--methods", "miso", "--set", "method__gate_weight=4"],
}
SEEDS = (0, 1, 2)
METRICS = ("average_precision", "f1", "roc_auc")
AGAINST = ("random_oversample", "word_swap", "class_weight", "tfidf_lr", "cag", "miso_edit")


def run(path: Path, tasks: list[str]) -> None:
    """Run what is missing, then say what MISO gains."""
    rows = Rows(path, {"tasks": TASKS})
    for name, options in VARIANTS.items():
        for seed in SEEDS:
            for task in tasks:
                if rows.find(task=task, variant=name, seed=seed):
                    continue
                command = ["compare", *TASKS[task], "--folds", "5", *options]
                command += ["--threshold", "0.5", "--random-state", str(seed), "--json"]
                done = subprocess.run(
                    [sys.executable, "-m", "counterpoise", *command],
                    stdout=subprocess.PIPE,
                    check=True,
                    text=True,
                )
                (found,) = json.loads(done.stdout)["rows"]
                folds = {metric: found[metric]["folds"] for metric in METRICS if metric in found}
                rows.add(
                    task=task, variant=name, seed=seed, command=" ".join(["counterpoise", *command]), **folds
                )
                print(task, name, seed, found["average_precision"]["mean"], flush=True)
    rows.finish(summary(rows))


def summary(rows: Rows) -> dict[str, Any]:
    """Means of all that there is, and paired differences of MISO to the others over complete seeds, folds averaged."""
    seeds = [
        seed
        for seed in SEEDS
        if all(rows.find(task=task, variant=name, seed=seed) for task in TASKS for name in PLAIN)
    ]
    return {"seeds": seeds, "means": _means(rows), "differences": _differences(rows, seeds)} if seeds else {}


def _mean(rows: Rows, task: str, name: str, seed: int, metric: str = "average_precision") -> float:
    (row,) = rows.find(task=task, variant=name, seed=seed)
    known = [value for value in row[metric] if value is not None]
    return sum(known) / len(known)


def _means(rows: Rows) -> list[dict[str, Any]]:
    found = []
    for task in TASKS:
        for name in VARIANTS:
            own = rows.find(task=task, variant=name)
            if not own:
                continue
            found.append(
                {
                    "task": task,
                    "variant": name,
                    "seeds": [row["seed"] for row in own],
                    **{
                        metric: round(
                            sum(_mean(rows, task, name, r["seed"], metric) for r in own) / len(own), 4
                        )
                        for metric in ("average_precision", "f1")
                    },
                }
            )
    return found


def _differences(rows: Rows, seeds: list[int]) -> list[dict[str, Any]]:
    found = []
    for other in AGAINST:
        gaps = {
            task: [_mean(rows, task, "miso", seed) - _mean(rows, task, other, seed) for seed in seeds]
            for task in TASKS
        }
        gaps["mean of tasks"] = [sum(values) / len(values) for values in zip(*gaps.values(), strict=True)]
        found += [
            {"against": other, "task": task, **paired.interval(values)} for task, values in gaps.items()
        ]
    return found


def merge(path: Path, parts: list[Path]) -> None:
    """Put the rows of several files, each of one task, into one."""
    rows = Rows(path, {"tasks": TASKS})
    rows.here["command"] = "python benchmarks/miso_evidence.py"  # what makes such rows, in one go or in parts
    for part in parts:
        for row in Rows(part, rows.settings).rows:
            key = {name: row[name] for name in ("task", "variant", "seed")}
            if not rows.find(**key):
                rows.add(**{name: value for name, value in row.items() if name != "process"})
    rows.finish(summary(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--task", choices=[name.split()[0] for name in TASKS])
    parser.add_argument("--merge", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "miso_evidence.json")
    arguments = parser.parse_args()
    if arguments.merge:
        merge(arguments.output, arguments.merge)
    else:
        tasks = [name for name in TASKS if arguments.task in (None, name.split()[0])]
        run(arguments.output, tasks)


if __name__ == "__main__":
    main()
