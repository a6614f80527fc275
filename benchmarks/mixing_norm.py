"""What it is worth that batch norm sees mixed images alone: the same trained networks, their statistics taken anew.

    COUNTERPOISE_DATA=... python benchmarks/mixing_norm.py --jobs 2     # half an hour

writes benchmarks/results/mixing_norm.json.

The authors' trainers of Mixup and its kin also send the unmixed images through the network, so that batch norm's
statistics are of both; ours sends mixed ones alone. Here networks are trained as ``counterpoise reproduce mixup
--budget small`` has them, on CIFAR-10 under a long tail of 100:1, and judged on the test side twice: as they are, and
with the statistics of the unmixed images fitted to, in training mode, in place of those noted in training. Plain
training's are of unmixed images in either case, and say what taking them anew is worth by itself.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

import machine
from counterpoise.experiments.execution import classifier_of
from counterpoise.experiments.papers import mixup
from counterpoise.experiments.papers.base import task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from counterpoise.methods import mixed_training
from counterpoise.training.norm_statistics import renew_norm_statistics
from rows import Rows

LINES = ("ERM", "Mixup", "MAMix")
SEEDS = 3


@cache
def prepared() -> tuple[Task, list[Run]]:
    """The data, and a run of each line and seed."""
    made = next(made for made in mixup.SETS if made.name == "CIFAR-10 100:1")
    budget = replace(mixup.BUDGETS["small"], seeds=SEEDS)
    task = task_of(made, at_most=budget.at_most)
    return task, mixup.runs_of("cifar10", task, made, budget, lines=LINES)


def accuracies(place: int) -> tuple[float, float]:
    """Of a run, in percent: as trained, and with the statistics taken anew."""
    torch.set_num_threads(1)
    mixed_training.renew_norm_statistics = lambda *_: None  # which ours do by themselves
    task, runs = prepared()
    run, labels = runs[place], task.names[task.numbers]
    side = task.side(run)
    classifier = classifier_of(run, task.kind).set_params(device="cpu")
    classifier.fit(task.inputs[side.train], labels[side.train])
    predictor, test = classifier.fitted_.predictor, side.test

    def accuracy() -> float:
        return round(100 * float(np.mean(classifier.predict(task.inputs[test]) == labels[test])), 2)

    before = accuracy()
    encoded = predictor.encode(task.inputs[side.train])
    renew_norm_statistics(predictor.model, encoded, run.estimator["batch_size"], run.seed)
    return before, accuracy()


def measure(rows: Rows, jobs: int) -> None:
    """Train and judge what is missing."""
    names = [
        next(line.name for line in mixup.LINES if line.method == run.method and not line.settings)
        for run in prepared()[1]
    ]
    missing = {
        place: (name, run.seed)
        for place, (name, run) in enumerate(zip(names, prepared()[1], strict=True))
        if not rows.find(line=name, seed=run.seed)
    }
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for place, (before, after) in zip(missing, pool.map(accuracies, missing), strict=True):
            name, seed = missing[place]
            rows.add(line=name, seed=seed, as_trained=before, anew=after)
            print(rows.rows[-1], flush=True)


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Accuracies of each line, in percent, and what taking the statistics anew changes, paired over seeds."""
    lines = []
    for name in LINES:
        own = rows.find(line=name)
        before, after = (np.array([row[when] for row in own]) for when in ("as_trained", "anew"))
        gaps = after - before
        lines.append(
            {
                "line": name,
                "as_trained": round(float(before.mean()), 2),
                "anew": round(float(after.mean()), 2),
                "difference": round(float(gaps.mean()), 2),
                "least": round(float(gaps.min()), 2),
                "most": round(float(gaps.max()), 2),
            }
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    rows = Rows(machine.RESULTS / "mixing_norm.json", {"lines": LINES, "seeds": SEEDS})
    measure(rows, parser.parse_args().jobs)
    rows.finish({"summary": summary(rows)})
    for line in summary(rows):
        print(line)


if __name__ == "__main__":
    main()
