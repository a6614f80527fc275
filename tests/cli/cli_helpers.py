"""Labelled files and commands for the tests of the command line."""

import csv
import subprocess
import sys

import numpy as np

COMMON = [
    "train",
    "late",
    "again",
    "today",
    "we",
    "wait",
    "cold",
    "station",
    "news",
    "platform",
    "coffee",
    "rain",
]
RARE = ["refund", "broken", "parcel", "damaged", "money", "complaint"]


def make_texts(n=160, n_rare=32, seed=0):
    """Texts in which a rare class has words of its own; all are different."""
    rng = np.random.default_rng(seed)
    labels = ["rare"] * n_rare + ["usual"] * (n - n_rare)
    texts = []
    for i, label in enumerate(labels):
        words = [*rng.choice(COMMON, 9), f"no{i}"]
        if label == "rare":
            words[2:4] = rng.choice(RARE, 2)
        texts.append(" ".join(words) + (', said "she", twice' if i % 7 == 0 else ""))
    order = rng.permutation(n)
    return [texts[i] for i in order], [labels[i] for i in order]


def write_csv(path, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def process(*args, **settings):
    """Start a command in a new process."""
    return subprocess.Popen(
        [sys.executable, "-m", "counterpoise", *map(str, args)],
        stderr=subprocess.PIPE,
        **settings,
    )
