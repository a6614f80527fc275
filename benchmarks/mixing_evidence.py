"""What mixing and deep over-sampling are worth on arrays and texts: grids of runs in one store.

    python benchmarks/mixing_evidence.py arrays mixing.runs                          # minutes
    COUNTERPOISE_DATA=... python benchmarks/mixing_evidence.py texts mixing.runs     # hours
    counterpoise leaderboard mixing.runs -o benchmarks/results/mixing_evidence.csv

Arrays: scikit-learn's four small sets, of each of which one class keeps a fifth of its rows on the fitting side, test
sides whole; a perceptron; five folds, five seeds. Texts: one class against the rest as elsewhere, TextCNN, five folds,
two seeds. Rankings and decisions at one half are judged, so no fit is spent on a threshold. Every method has its
defaults: none is tuned. What is in the store is not run again. Images: ``counterpoise reproduce mixup`` and ``dos``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn import datasets

from counterpoise.data.imbalance import one_against_rest
from counterpoise.data.readers import read
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task

ARRAYS = {"iris": "versicolor", "wine": "class_1", "breast_cancer": "malignant", "digits": "8"}
"""Each with the class that becomes rare."""

TEXTS = {
    "ag_news": ("Business", "4%"),
    "r8": ("grain", None),
    "toutiao": ("news_car", "28%"),
}
"""Each with its minority, and how much of that is kept."""

METHODS = [
    "erm",
    "class_weight",
    "random_oversample",
    "mixup",
    "mamix",
    "hard_smote",
    "soft_smote",
    "dos",
]


def array_task(name: str) -> Task:
    """A set of scikit-learn's, all its classes, one of which matters."""
    bunch = getattr(datasets, f"load_{name}")()
    labels = np.array([str(bunch.target_names[number]) for number in bunch.target], dtype=object)
    return Task.of(name, bunch.data.astype(np.float32), labels, minority=ARRAYS[name])


def text_task(name: str) -> Task:
    """A named set of texts, one class against the rest."""
    table = read(name, split="all" if name == "r8" else None)
    assert table.labels is not None
    minority = TEXTS[name][0]
    return Task.of(name, table.texts, one_against_rest(table.labels, minority), minority=minority)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("grid", choices=("arrays", "texts"))
    parser.add_argument("store", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    arrays = arguments.grid == "arrays"
    with Store(arguments.store) as store:
        for name in ARRAYS if arrays else TEXTS:
            task = array_task(name) if arrays else text_task(name)
            methods = [*METHODS, "smote", "balanced_forest"] if arrays else METHODS
            runs = plan(
                task,
                methods,
                keep="20%" if arrays else TEXTS[name][1],
                n_folds=5,
                seeds=range(5 if arrays else 2),
                settings={"threshold": None, **({"max_epochs": 100} if arrays else {})},
            )
            filled = fill(store, jobs_of(runs), task, make_executor(jobs=arguments.jobs))
            print(name, len(filled.keys), "runs,", len(filled.failures), "failed", flush=True)
            for why in set(filled.failures.values()):
                print(why)


if __name__ == "__main__":
    main()
