"""What two defaults rest on: bfloat16 where it is fast, and frozen word vectors learnt without labels.

Each compares variants of one training on the same splits with the same seeds, by the average precision of the
rare class, which no threshold touches. ``benchmarks/training.py defaults`` runs them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score

import paired
from counterpoise.backbones.registry import BACKBONES, BackboneEntry
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.words import WordEncoder
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.text.vectors import shuffled_vectors
from counterpoise.training.settings import TrainingSettings
from rows import Rows
from tasks import TASKS

# Word swap doubles the rows at most, so that both methods take about as many steps.
EPOCHS = {"erm": 10, "word_swap": 5}


class _ShuffledEncoder(WordEncoder):
    """The control: the learnt vectors handed out to other words."""

    def make_vectors(self, inputs: np.ndarray, seed: int) -> np.ndarray:
        return shuffled_vectors(super().make_vectors(inputs, seed), seed)


BACKBONES["textcnn-shuffled"] = BackboneEntry("textcnn-shuffled", "", _ShuffledEncoder, TextCNN)


@dataclass(frozen=True)
class Variant:
    """How one training differs from another."""

    backbone: str = "textcnn"
    settings: dict[str, Any] = field(default_factory=dict)
    precision: str = "auto"


# The costliest last, so that an interrupted run has all seeds of the others.
TASKS_SEEN = (
    "sms_spam 10%",
    "trec abbreviation",
    "toutiao car 10%",
    "ag_news Business 4%",
    "ag_news World 4%",
    "r8 grain",
)

VARIANTS = {
    "default": Variant(),
    "float32": Variant(precision="float32"),
    "random, trained": Variant(settings={"vectors": "random"}),
    "shuffled, frozen": Variant("textcnn-shuffled"),
}

CONTRASTS = (
    # Does the number format that precision="auto" picks here cost the rare class anything?
    ("default", "float32"),
    # Do vectors learnt without labels help, and by their meaning?
    ("default", "random, trained"),
    ("default", "shuffled, frozen"),
)


def gather(path: Path, n_seeds: int, n_jobs: int, quick: bool) -> None:
    """Run what is missing, then print and write the paired differences."""
    tasks = TASKS_SEEN[:2] if quick else TASKS_SEEN
    epochs = dict.fromkeys(EPOCHS, 1) if quick else EPOCHS
    rows = Rows(path, {"tasks": tasks, "epochs": epochs, "backbone": "textcnn", "threads": 1})
    cells = [
        (task, seed, method, variant)
        for last in (False, True)
        for seed in range(n_seeds)
        for task in tasks
        if (task == tasks[-1]) == last
        for method in EPOCHS
        for variant in VARIANTS
        if not rows.find(task=task, seed=seed, method=method, variant=variant)
    ]
    # Fresh processes: a forked one would share the parent's thread pools.
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_run, *cell, epochs[cell[2]], 800 if quick else None) for cell in cells]
        for done, future in enumerate(as_completed(futures), 1):
            row = future.result()
            rows.add(**row)
            print(f"{done}/{len(cells)} {row}", flush=True)
    summary = {"seeds": list(range(n_seeds)), "differences": _differences(rows, tasks, n_seeds)}
    rows.finish(summary)
    _print(rows, tasks, summary["differences"])


def _run(task: str, seed: int, method: str, name: str, epochs: int, limit: int | None) -> dict[str, Any]:
    torch.set_num_threads(1)
    variant, side = VARIANTS[name], TASKS[task].side(seed, limit)
    labels = side.labels[side.train]
    data = Data(side.texts[side.train], labels, 2, np.ones(len(labels)))
    context = Context(
        seed=seed,
        minority=1,
        backbone=variant.backbone,
        backbone_settings=variant.settings,
        training=TrainingSettings(max_epochs=epochs, precision=variant.precision, device="cpu"),
    )
    start = time.perf_counter()
    predictor: Any = make_method(method).fit(data, context)
    seconds = time.perf_counter() - start
    logits = predictor.logits(side.texts[side.test])
    truth = side.labels[side.test]
    return {
        "task": task,
        "seed": seed,
        "method": method,
        "variant": name,
        # Ranked by logits, since the probabilities of a very sure model are all 1.
        "average_precision": round(float(average_precision_score(truth, logits[:, 1] - logits[:, 0])), 5),
        "precision": predictor.precision,
        "fit_seconds": round(seconds, 2),
        "train_rare": int(labels.sum()),
        "test_rare": int(truth.sum()),
    }


def _differences(rows: Rows, tasks: tuple[str, ...], n_seeds: int) -> list[dict[str, Any]]:
    """Differences with 95% intervals: by task over seeds, and of each seed's mean over tasks."""
    found: dict[tuple[str, str, str, int], float] = {}
    for row in rows.rows:
        found[row["task"], row["method"], row["variant"], row["seed"]] = row["average_precision"]
    out = []
    for method in EPOCHS:
        for one, other in CONTRASTS:
            by_seed: dict[int, list[float]] = defaultdict(list)
            head = {"method": method, "contrast": f"{one} - {other}"}
            for task in tasks:
                by_task = {
                    seed: found[task, method, one, seed] - found[task, method, other, seed]
                    for seed in range(n_seeds)
                    if (task, method, one, seed) in found and (task, method, other, seed) in found
                }
                for seed, value in by_task.items():
                    by_seed[seed].append(value)
                out.append({**head, "task": task, **paired.interval(list(by_task.values()))})
            means = [float(np.mean(values)) for values in by_seed.values() if len(values) == len(tasks)]
            out.append({**head, "task": "mean of tasks", **paired.interval(means)})
    return out


def _print(rows: Rows, tasks: tuple[str, ...], differences: list[dict[str, Any]]) -> None:
    print(f"\nAverage precision of the rare class, mean over seeds ({torch.get_num_threads()} thread)")
    for method in EPOCHS:
        print(f"\n{method:34}" + "".join(f"{name:>18}" for name in VARIANTS))
        for task in tasks:
            cells = [rows.find(task=task, method=method, variant=name) for name in VARIANTS]
            means = [np.mean([row["average_precision"] for row in cell]) for cell in cells]
            print(f"{task:34}" + "".join(f"{mean:18.4f}" for mean in means))
    print("\nPaired differences [95% interval]")
    for row in differences:
        print(f"{row['method']:10} {row['contrast']:36} {row['task']:34} {paired.in_words(row)}")
