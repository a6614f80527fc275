"""Neighbours against scikit-learn's brute force and FAISS's flat index, exact and approximate, on one thread.

    COUNTERPOISE_DATA=... python benchmarks/neighbors.py            # writes benchmarks/results/neighbors.json

``--quick`` tries it in half a minute on few rows, and writes outside ``results``. A run that was stopped goes on
where it was.

Rows are passages of 28 words from imdb as means of label-free word vectors: real, and hard for an approximate
search, since they form few clusters. Queries are other passages. Contenders take turns within one process, in
another order each turn, on other queries each turn, so that a busy neighbour slows all of them; ratios are taken
within a turn. FAISS is run as it comes, on batches large enough that it multiplies matrices by itself.
scikit-learn's seconds for 100,000 queries are those of a few hundred or thousand, multiplied: in full they would
be ten minutes. Ours contain the build and, in the exact search too, the check that makes it exact.
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
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors as BruteForce

import machine
from counterpoise.neighbors import NearestNeighbors
from counterpoise.text.tokenizers import WordTokenizer
from counterpoise.text.vectors import learn_vectors
from rows import Rows

K, RECALL, SEED = 5, 0.95, 0
WORDS = 28  # in a passage
LEARNT_ON = 5000  # reviews
MANY = 100_000  # queries of the approximate search
# Rows, features, queries of an exact search: so many that FAISS multiplies matrices.
SHAPES = ((30_000, 64, 4096), (300_000, 64, 2048), (30_000, 384, 2048), (300_000, 384, 512))
QUICK = ((6_000, 64, 2048), (12_000, 64, 2048))
CONTENDERS = ("scikit-learn", "faiss", "ours")
CHECKED = 1000  # queries whose true neighbours are found for the recall


class Passages:
    """Texts cut into passages, for any width of vector.

    Parameters
    ----------
    reviews : int or None
        How many to take; None takes all.
    """

    def __init__(self, reviews: int | None) -> None:
        folder = Path(os.environ["COUNTERPOISE_DATA"]) / "imdb"
        tables = [pq.read_table(folder / f"{split}.parquet", columns=["text"]) for split in ("train", "test")]
        texts = np.array([text for table in tables for text in table["text"].to_pylist()], dtype=object)
        texts = np.random.default_rng(SEED).permutation(texts)[:reviews]
        tokenizer = WordTokenizer().fit(texts)
        self.vocabulary = len(tokenizer)
        self.values, self.offsets = tokenizer.encode(texts, 10**6)
        self.starts = np.concatenate(
            [np.arange(a, b - WORDS + 1, WORDS) for a, b in zip(self.offsets, self.offsets[1:], strict=False)]
        )

    def vectors(self, features: int) -> np.ndarray:
        """A passage a row, in random order; float32."""
        learnt = min(LEARNT_ON, len(self.offsets) - 1)
        offsets = self.offsets[: learnt + 1]
        words = learn_vectors(self.values[: offsets[-1]], offsets, self.vocabulary, features, seed=SEED)
        n = len(self.starts)
        ids = self.values[self.starts[:, None] + np.arange(WORDS)].ravel()
        share = np.full(n * WORDS, 1 / WORDS, dtype=np.float32)
        means = (
            sp.csr_array((share, ids, np.arange(0, n * WORDS + 1, WORDS)), shape=(n, self.vocabulary)) @ words
        )
        return means[np.random.default_rng(SEED).permutation(n)].astype(np.float32)


def timed(job: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    result = job()
    return result, {
        "seconds": round(time.perf_counter() - wall, 4),
        "cpu_seconds": round(time.process_time() - processor, 4),
    }


def exact(rows: Rows, vectors: np.ndarray, n: int, n_queries: int, turns: int) -> None:
    """Time the three contenders, ``turns`` times."""
    cell = {"search": "exact", "rows": n, "features": vectors.shape[1]}
    if len(rows.find(**cell)) == turns * len(CONTENDERS):
        return
    rows.drop(**cell)
    index, pool = vectors[:n], vectors[n:]
    flat = faiss.IndexFlatL2(index.shape[1])
    flat.add(index)
    brute = BruteForce(n_neighbors=K, algorithm="brute").fit(index)
    ours, fit = timed(lambda: NearestNeighbors(K).fit(index))
    print(cell, "fit of ours, race included", fit, ours.library_, flush=True)
    jobs: dict[str, Callable[[np.ndarray], Any]] = {
        "scikit-learn": brute.kneighbors,
        "faiss": lambda queries: flat.search(queries, K),
        "ours": ours.kneighbors,
    }
    for turn in range(turns):
        queries = pool[np.random.default_rng(turn).choice(len(pool), n_queries, replace=False)]
        for name in (*CONTENDERS[turn % 3 :], *CONTENDERS[: turn % 3]):
            jobs[name](queries[: n_queries // 8])  # first uses load and allocate things
            found, took = timed(lambda name=name, queries=queries: jobs[name](queries))
            row = {
                "turn": turn,
                "contender": name,
                "queries": n_queries,
                **took,
                "fit_seconds": None,
                "recall": None,
            }
            if name == "ours":
                row |= {"fit_seconds": fit["seconds"]}
            rows.add(**cell, **row, library=ours.library_ if name == "ours" else name)
            print(cell, name, round(n_queries / took["seconds"]), "queries a second", flush=True)
            assert found[0].shape == (n_queries, K)


def approximate(rows: Rows, vectors: np.ndarray, n: int, n_queries: int, many: int, turns: int) -> None:
    """Time build and search of many queries, and scikit-learn on a few before and after."""
    cell = {"search": "approximate", "rows": n, "features": vectors.shape[1]}
    index, pool = vectors[:n], vectors[n : n + many]
    assert len(pool) == many, f"{len(vectors)} passages are too few"
    brute = BruteForce(n_neighbors=K, algorithm="brute").fit(index)
    for turn in range(turns):
        if len(rows.find(**cell, turn=turn)) == 2:
            continue
        rows.drop(**cell, turn=turn)
        few = pool[:n_queries]
        _, before = timed(lambda few=few: brute.kneighbors(few))
        ours, fit = timed(
            lambda turn=turn: NearestNeighbors(K, exact=False, recall=RECALL, random_state=turn).fit(index)
        )
        ids, search = timed(lambda ours=ours: ours.kneighbors(pool, return_distance=False))
        _, after = timed(lambda few=few: brute.kneighbors(few))
        whole = {clock: round(many / n_queries * (before[clock] + after[clock]) / 2, 2) for clock in before}
        plain = {"contender": "scikit-learn", "library": "scikit-learn", "fit_seconds": None, "recall": None}
        rows.add(**cell, turn=turn, queries=many, **whole, **plain)
        checked = np.random.default_rng(turn).choice(many, min(many, CHECKED), replace=False)
        true = NearestNeighbors(K).fit(index).kneighbors(pool[checked], return_distance=False)
        recall = np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(true, ids[checked], strict=True)])
        total = {clock: round(fit[clock] + search[clock], 4) for clock in fit}
        row = {"contender": "ours", "library": ours.library_, "fit_seconds": fit["seconds"]}
        rows.add(**cell, turn=turn, queries=many, **total, **row, recall=round(float(recall), 4))
        print(cell, "ours", total, "recall", recall, "said", ours.recall_, "scikit-learn", whole, flush=True)


def summary(rows: Rows, shapes: tuple[tuple[int, int, int], ...]) -> list[dict[str, Any]]:
    """Rates and ratios, a line for each search and shape."""
    lines = []
    for search in ("exact", "approximate"):
        for n, features, _ in shapes:
            found = rows.find(search=search, rows=n, features=features)
            if found:
                lines.append({"search": search, "rows": n, "features": features, **_line(found)})
    return lines


def _line(found: list[dict[str, Any]]) -> dict[str, Any]:
    turns = sorted({row["turn"] for row in found})
    by = {(row["turn"], row["contender"]): row for row in found}
    peers = [name for name in CONTENDERS[:2] if (turns[0], name) in by]
    rates = {
        name: round(
            statistics.median(by[turn, name]["queries"] / by[turn, name]["seconds"] for turn in turns)
        )
        for name in (*peers, "ours")
    }
    ratios = {}
    for clock in ("seconds", "cpu_seconds"):
        for label, against in (("faster_peer", peers), ("scikit-learn", ["scikit-learn"])):
            values = [
                min(by[turn, peer][clock] for peer in against) / by[turn, "ours"][clock] for turn in turns
            ]
            ratios[f"times_the_{label}_by_{clock}"] = {
                "median": round(statistics.median(values), 2),
                "min": round(min(values), 2),
                "max": round(max(values), 2),
            }
    ours = [by[turn, "ours"] for turn in turns]
    return {
        "queries": ours[0]["queries"],
        "queries_per_second": rates,
        **ratios,
        "library": sorted({row["library"] for row in ours}),
        "recall": None if ours[0]["recall"] is None else min(row["recall"] for row in ours),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--turns", type=int, help="of the exact search; default 5; 2 with --quick")
    parser.add_argument("--quick", action="store_true", help="few rows; figures mean nothing")
    parser.add_argument("--output", type=Path, help="default benchmarks/results/neighbors.json")
    arguments = parser.parse_args()
    if not os.environ.get("COUNTERPOISE_DATA"):
        sys.exit("COUNTERPOISE_DATA is unset; set it to the folder that holds imdb/train.parquet and others")
    scratch = Path(tempfile.mkdtemp(prefix="counterpoise-"))
    # The libraries race here and now, not on an earlier day.
    os.environ["XDG_CACHE_HOME"] = str(scratch)
    path = arguments.output or (scratch if arguments.quick else machine.RESULTS) / "neighbors.json"
    shapes, many = (QUICK, 4000) if arguments.quick else (SHAPES, MANY)
    turns = arguments.turns or (2 if arguments.quick else 5)
    settings = {
        "k": K,
        "recall": RECALL,
        "words": WORDS,
        "shapes": shapes,
        "many": many,
        "turns": turns,
        "threads": 1,
    }
    rows = Rows(path, settings, "faiss-cpu")
    passages = Passages(3000 if arguments.quick else None)
    for width in dict.fromkeys(features for _, features, _ in shapes):
        vectors = passages.vectors(width)
        print(f"{len(vectors)} passages, {width} features", flush=True)
        for n, features, n_queries in shapes:
            if features == width:
                exact(rows, vectors, n, n_queries, turns)
                approximate(rows, vectors, n, n_queries, many, 1 if arguments.quick else 2)
    lines = summary(rows, shapes)
    rows.finish({"summary": lines})
    for line in lines:
        print(line)
    print(f"Written to {path}")


if __name__ == "__main__":
    main()
