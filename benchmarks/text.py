"""Text to ids against scikit-learn's analyser, and what vectors and near-duplicates cost, on one thread.

    COUNTERPOISE_DATA=... python benchmarks/text.py                 # writes benchmarks/results/text.json

Contenders take turns within one process, so that a busy neighbour slows all of them; medians are reported,
and ratios are medians of the ratios within a turn. The analyser gives words only; ``encode`` goes on to ids.
On Chinese (toutiao) the two do different work: the analyser takes a whole title for one word.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from sklearn.feature_extraction.text import CountVectorizer

import machine
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.text.duplicates import near_duplicate_groups
from counterpoise.text.tokenizers import WordTokenizer, tokenize
from counterpoise.text.vectors import learn_vectors
from counterpoise.training.settings import TrainingSettings

SEED = 0


def seconds_by_turns(jobs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def train_one_epoch(texts: np.ndarray, labels: np.ndarray) -> None:
    """Fit a TextCNN for a single epoch on frozen random vectors: the least that any training costs."""
    names, numbers = np.unique(labels, return_inverse=True)
    context = Context(
        SEED,
        backbone_settings={"vectors": "random", "train_vectors": False},
        training=TrainingSettings(max_epochs=1, device="cpu"),
    )
    make_method("erm").fit(Data(texts, numbers, len(names), np.ones(len(texts))), context)


def measure(texts: np.ndarray, labels: np.ndarray, repeats: int) -> dict[str, Any]:
    analyse = CountVectorizer().build_analyzer()
    tokenizer = WordTokenizer().fit(texts)
    values, offsets = tokenizer.encode(texts)
    rates = seconds_by_turns(
        {
            "sklearn_analyser": lambda: [analyse(text) for text in texts],
            "tokenize": lambda: tokenize(texts),
            "encode_256": lambda: tokenizer.encode(texts, 256),
            "encode_whole": lambda: tokenizer.encode(texts, 10**6),
            "fit": lambda: WordTokenizer().fit(texts),
        },
        repeats,
    )
    costs = seconds_by_turns(
        {
            "learn_vectors": lambda: learn_vectors(values, offsets, len(tokenizer), seed=SEED),
            "near_duplicate_groups": lambda: near_duplicate_groups(texts),
        },
        max(1, repeats // 2),
    )
    costs |= seconds_by_turns({"textcnn_one_epoch": lambda: train_one_epoch(texts, labels)}, 1)
    base = rates["sklearn_analyser"]
    return {
        "texts": len(texts),
        "words_by_white_space": round(float(np.mean([len(text.split()) for text in texts])), 1),
        "vocabulary": len(tokenizer),
        "tokens_encoded": len(values),
        "groups": int(near_duplicate_groups(texts).max()) + 1,
        "texts_per_second": {
            name: round(len(texts) / statistics.median(took)) for name, took in rates.items()
        },
        "times_the_analyser": {
            name: round(statistics.median(b / t for b, t in zip(base, took, strict=True)), 2)
            for name, took in rates.items()
        },
        "seconds": {name: round(statistics.median(took), 3) for name, took in costs.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--datasets", nargs="+", default=["imdb", "sms_spam", "ag_news", "toutiao"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "text.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = os.environ.get("COUNTERPOISE_DATA")
    if not folder:
        sys.exit(
            "COUNTERPOISE_DATA is unset; set it to the folder that holds imdb/train.parquet and the others."
        )
    rows = {}
    for dataset in arguments.datasets:
        table = pq.read_table(Path(folder) / dataset / "train.parquet", columns=["text", "label"])
        texts, labels = (np.array(table[name].to_pylist(), dtype=object) for name in ("text", "label"))
        rows[dataset] = measure(texts, labels, arguments.repeats)
        print(dataset, rows[dataset])
    result = {
        **machine.describe(),
        "threads": 1,
        "seed": SEED,
        "repeats": arguments.repeats,
        "datasets": rows,
    }
    machine.write(arguments.output, result)
    print(f"Written to {arguments.output}")


if __name__ == "__main__":
    main()
