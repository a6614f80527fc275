"""What two defaults rest on: bfloat16 where it is fast, and frozen word vectors learnt without labels.

Each compares variants of one training on the same splits with the same seeds, by the average precision of the
rare class, which no threshold touches. ``benchmarks/training.py precision`` and ``... vectors`` run them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
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
from tasks import TASKS, Side

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


@dataclass(frozen=True)
class Evidence:
    """One comparison: tasks, variants, and which variants are subtracted from which."""

    tasks: tuple[str, ...]
    variants: dict[str, Variant]
    contrasts: tuple[tuple[str, str], ...]


PRECISION = Evidence(
    tasks=(
        "sms_spam 10%",
        "trec abbreviation",
        "trec abbreviation, published test",
        "r8 grain",
        "ag_news Business 4%",
    ),
    variants={"float32": Variant(precision="float32"), "bfloat16": Variant(precision="bfloat16")},
    contrasts=(("bfloat16", "float32"),),
)

VECTORS = Evidence(
    tasks=(
        "sms_spam 10%",
        "trec abbreviation",
        "toutiao car 10%",
        "ag_news Business 4%",
        "ag_news World 4%",
        "r8 grain",
    ),
    variants={
        "learnt, frozen": Variant(settings={"vectors": "learnt", "train_vectors": False}),
        "learnt, trained": Variant(settings={"vectors": "learnt", "train_vectors": True}),
        "random, trained": Variant(settings={"vectors": "random", "train_vectors": True}),
        "shuffled, frozen": Variant("textcnn-shuffled", {"vectors": "learnt", "train_vectors": False}),
    },
    contrasts=(
        ("learnt, frozen", "random, trained"),
        ("learnt, frozen", "shuffled, frozen"),
        ("learnt, frozen", "learnt, trained"),
        ("learnt, trained", "random, trained"),
    ),
)


def gather(evidence: Evidence, path: Path, n_seeds: int, quick: bool) -> None:
    """Run what is missing, then print and write the paired differences."""
    tasks = evidence.tasks[:2] if quick else evidence.tasks
    epochs = dict.fromkeys(EPOCHS, 1) if quick else EPOCHS
    rows = Rows(path, {"tasks": tasks, "epochs": epochs, "backbone": "textcnn", "threads": 1})
    for seed in range(n_seeds):
        for task in tasks:
            cell = {"task": task, "seed": seed}
            wanted = [(m, v) for m in EPOCHS for v in evidence.variants]
            missing = [(m, v) for m, v in wanted if not rows.find(**cell, method=m, variant=v)]
            if not missing:
                continue
            side = TASKS[task].side(seed, 800 if quick else None)
            for method, variant in missing:
                result = _run(side, method, epochs[method], evidence.variants[variant], seed)
                rows.add(**cell, method=method, variant=variant, **result)
                print(f"{task}, seed {seed}, {method}, {variant}: {result}", flush=True)
    differences = _differences(evidence, rows, tasks, n_seeds)
    rows.finish({"seeds": list(range(n_seeds)), "differences": differences})
    _print(evidence, rows, tasks, differences)


def _run(side: Side, method: str, epochs: int, variant: Variant, seed: int) -> dict[str, Any]:
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
        # Ranked by logits, since the probabilities of a very sure model are all 1.
        "average_precision": round(float(average_precision_score(truth, logits[:, 1] - logits[:, 0])), 5),
        "precision": predictor.precision,
        "fit_seconds": round(seconds, 2),
        "train_rare": int(labels.sum()),
        "test_rare": int(truth.sum()),
    }


def _differences(
    evidence: Evidence, rows: Rows, tasks: tuple[str, ...], n_seeds: int
) -> list[dict[str, Any]]:
    """Differences with 95% intervals: by task over seeds, and of each seed's mean over tasks."""
    found: dict[tuple[str, str, str, int], float] = {}
    for row in rows.rows:
        found[row["task"], row["method"], row["variant"], row["seed"]] = row["average_precision"]
    out = []
    for method in EPOCHS:
        for one, other in evidence.contrasts:
            by_seed: dict[int, list[float]] = defaultdict(list)
            head = {"method": method, "contrast": f"{one} - {other}"}
            for task in tasks:
                values = [
                    found[task, method, one, seed] - found[task, method, other, seed]
                    for seed in range(n_seeds)
                ]
                for seed, value in enumerate(values):
                    by_seed[seed].append(value)
                out.append({**head, "task": task, **paired.interval(values)})
            means = [float(np.mean(values)) for values in by_seed.values()]
            out.append({**head, "task": "mean of tasks", **paired.interval(means)})
    return out


def _print(evidence: Evidence, rows: Rows, tasks: tuple[str, ...], differences: list[dict[str, Any]]) -> None:
    print(f"\nAverage precision of the rare class, mean over seeds ({torch.get_num_threads()} thread)")
    for method in EPOCHS:
        print(f"\n{method:34}" + "".join(f"{name:>18}" for name in evidence.variants))
        for task in tasks:
            cells = [rows.find(task=task, method=method, variant=name) for name in evidence.variants]
            means = [np.mean([row["average_precision"] for row in cell]) for cell in cells]
            print(f"{task:34}" + "".join(f"{mean:18.4f}" for mean in means))
    print("\nPaired differences [95% interval]")
    for row in differences:
        print(f"{row['method']:10} {row['contrast']:36} {row['task']:34} {paired.in_words(row)}")
