"""What anchors change: what TextCNN leans on after training with them, and who is near whom in a fixed embedding.

    COUNTERPOISE_DATA=... python benchmarks/miso_why.py       # writes results/miso_why.json, resumable

On the tasks and fitting sides of ``miso_design.py``, first seed.

*Leaning*: how much the log-odds of the class fall when a word is left out that a text shares with near texts of others,
beside words that it does not share; after training with anchors, and with as many copies. Texts of the class that
thinning took from the fitting side are asked about, those that are difficult.

*Near*: the share of rare test texts that have another class among their five nearest fitting texts, in an embedding
that has seen no label and is one for all; then once more with the anchors among these, as texts of the class. The first
is what a classifier cannot change; the second is how far anchors come to lie where difficult texts are.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

from typing import Any

import numpy as np
import pyarrow as pa

import machine
from counterpoise import MISO, WordSwap
from counterpoise.experiments.grid import plan
from counterpoise.experiments.occlusion import occlusion_of_shared
from counterpoise.experiments.papers.base import task_of
from counterpoise.experiments.task import Task
from counterpoise.gamma import measure_difficulty
from counterpoise.methods.base import Context
from counterpoise.miso.variants import MisoEdit
from counterpoise.text.embedding import label_free_embedding
from counterpoise.training.settings import TrainingSettings
from miso_design import N_FOLDS, TASKS
from rows import Rows

SEED = 0
TRAINING = {"max_epochs": 10, "batch_size": 64, "precision": "float32", "device": "cpu"}
SAMPLERS = ("word_swap", "miso_edit", "miso")


def sampler(name: str) -> Any:
    """A sampler that fills the class up to balance."""
    made = {"word_swap": WordSwap, "miso_edit": MisoEdit, "miso": MISO}[name](random_state=SEED)
    return made.set_params(precision="float32") if name == "miso" else made


def main() -> None:
    settings = {"training": TRAINING, "samplers": SAMPLERS, "seed": SEED, "folds": N_FOLDS}
    rows = Rows(machine.RESULTS / "miso_why.json", settings)
    for made in TASKS:
        task = task_of(made)
        for fold, run in enumerate(plan(task, ["erm"], keep=made.keep, n_folds=N_FOLDS, seeds=[SEED])):
            if all(rows.find(dataset=made.dataset, fold=fold, sampler=name) for name in SAMPLERS):
                continue
            side = task.side(run)
            withheld = np.setdiff1d(task.folds(N_FOLDS, SEED)[fold].train, side.train)
            for found in looked_at(task, side.train, side.test, withheld):
                rows.add(dataset=made.dataset, fold=fold, **found)
    rows.finish({})


def looked_at(
    task: Task, fitted: np.ndarray, tested: np.ndarray, withheld: np.ndarray
) -> list[dict[str, Any]]:
    """All samplers on one fitting side."""
    texts, labels = task.inputs[fitted], task.names[task.numbers[fitted]]
    rare, asked = task.numbers == task.number, tested[task.numbers[tested] == task.number]
    anchors: dict[str, pa.Table] = {}
    for name in SAMPLERS:
        made = sampler(name)
        made.fit_resample(texts, labels)
        anchors[name] = made.anchors_
    written = [np.array(table["text"].to_pylist(), dtype=object) for table in anchors.values()]
    # One embedding for all that is compared.
    space = label_free_embedding(
        np.concatenate([texts, task.inputs[asked], task.inputs[withheld], *written]), SEED
    )
    sizes = [len(texts), len(asked), len(withheld), *map(len, written)]
    index, queries, others, *new = np.split(space, np.cumsum(sizes)[:-1])
    judged = _difficult(others, index, rare[fitted])
    if judged.sum() < 2:
        judged[:] = True
    before = _difficult(queries, index, rare[fitted]).mean()
    found = []
    for (name, table), own in zip(anchors.items(), new, strict=True):
        sides = np.concatenate([rare[fitted], np.ones(len(own), dtype=bool)])
        leaning = occlusion_of_shared(
            texts,
            labels,
            table,
            task.minority,
            held_back=task.inputs[withheld[judged]],
            context=_context(),
            seed=SEED,
        )
        found.append(
            {
                "sampler": name,
                "anchors": len(own),
                "near": float(before),
                "near_with_anchors": float(_difficult(queries, np.concatenate([index, own]), sides).mean()),
                "leaning": leaning.anchors,
                "leaning_copies": leaning.copies,
                "shared": leaning.shared,
                "shared_copies": leaning.shared_copies,
                "others": leaning.others,
                "others_copies": leaning.others_copies,
                "texts": leaning.n,
            }
        )
    return found


def _difficult(queries: np.ndarray, index: np.ndarray, rare: np.ndarray) -> np.ndarray:
    """Which queries, all of the class, have another class among their nearest."""
    found = measure_difficulty(queries, np.ones(len(queries), dtype=bool), index, rare)
    return found.hostile.any(axis=1)


def _context() -> Context:
    return Context(SEED, minority=1, backbone="textcnn", training=TrainingSettings(**TRAINING))


if __name__ == "__main__":
    main()
