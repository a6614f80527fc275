"""What SharpReCL's built targets and prototypes cost beside plain supervised contrastive training, in one run.

    COUNTERPOISE_DATA=... python benchmarks/contrastive.py   # writes benchmarks/results/contrastive.json; minutes

Milliseconds of a training step with 6 classes (TREC) and with 23 (Ohsumed titles), batches of 128 rows, TextCNN, one
thread, each method by turns with ``supcon`` and ``erm``. TextCNN is the hardest case: the cheaper the network, the more
the loss itself weighs. What the methods are worth is not looked at.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import statistics
from typing import Any

import numpy as np
import torch

import machine
from counterpoise.data.readers import read
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.training import loop
from counterpoise.training.settings import TrainingSettings
from rows import Rows
from watch import Watch

SETS = ("trec", "ohsumed_titles")
METHODS = ("erm", "supcon", "bcl", "kcl", "sharprecl")
BATCH, EPOCHS, TURNS = 128, 2, 7
BAR = 1.6


def step(watch: Watch, name: str, data: Data, seed: int) -> float:
    """Milliseconds of a training step, optimiser and all."""
    watch.clear()
    training = TrainingSettings(max_epochs=EPOCHS, batch_size=BATCH, device="cpu", precision="float32")
    make_method(name).fit(data, Context(seed=seed, training=training))
    return 1000 * watch.seconds["epoch"] / watch.calls["step"]


def measure(rows: Rows) -> None:
    """Time what is missing."""
    watch = Watch()
    watch.on(loop, "_epoch", "epoch")
    watch.on(loop._Step, "forward", "step")
    for name in SETS:
        table = read(name, split="train")
        classes, labels = np.unique(np.asarray(table.labels, dtype=str), return_inverse=True)
        data = Data(table.texts, labels.astype(np.int64), len(classes), np.ones(len(labels)))
        for method in METHODS:
            step(watch, method, data, 0)  # imports and probes are nobody's
        for turn in range(TURNS):
            if rows.find(task=name, turn=turn):
                continue
            order = METHODS if turn % 2 else METHODS[::-1]
            found = {method: round(step(watch, method, data, turn), 3) for method in order}
            rows.add(task=name, turn=turn, classes=len(classes), milliseconds=found)
            print(rows.rows[-1], flush=True)


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Milliseconds of a step, and its ratio to supcon's and erm's in the same turn: medians, least and most."""
    lines = []
    for name in SETS:
        found = rows.find(task=name)
        for method in METHODS:
            own = [row["milliseconds"] for row in found]
            to_supcon = [each[method] / each["supcon"] for each in own]
            lines.append(
                {
                    "task": name,
                    "classes": found[0]["classes"],
                    "method": method,
                    "milliseconds": round(statistics.median(each[method] for each in own), 1),
                    "times_supcon": round(statistics.median(to_supcon), 2),
                    "least": round(min(to_supcon), 2),
                    "most": round(max(to_supcon), 2),
                    "times_erm": round(statistics.median(each[method] / each["erm"] for each in own), 2),
                    "bar": BAR if method == "sharprecl" else None,
                }
            )
    return lines


def main() -> None:
    torch.set_num_threads(1)
    about = {"batch": BATCH, "epochs": EPOCHS, "backbone": "textcnn", "sets": SETS, "threads": 1}
    rows = Rows(machine.RESULTS / "contrastive.json", about)
    measure(rows)
    rows.finish({"summary": summary(rows)})
    for line in summary(rows):
        print(line)


if __name__ == "__main__":
    main()
