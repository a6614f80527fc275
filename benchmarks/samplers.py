"""ADASYN and SMOTE of imbalanced-learn: as they come, with our exact neighbours, and with our approximate ones.

    COUNTERPOISE_DATA=... python benchmarks/samplers.py      # writes benchmarks/results/samplers.json; minutes

``--quick`` tries it on few rows, and writes outside ``results``. Rows are passages of 28 words from imdb as means of
label-free word vectors, as in ``neighbors.py``; the rare class are the 5% that score highest on one random direction
with as much noise, so that it overlaps with the rest. Contenders take turns within one process, on other rows each
turn, on one thread; ratios are taken within a turn.
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
from pathlib import Path
from typing import Any

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE

import machine
from counterpoise.neighbors import NearestNeighbors
from neighbors import Passages, timed
from rows import Rows

K, FEATURES, SHARE, SEED = 5, 64, 0.05, 0
CONTENDERS = ("imbalanced-learn", "exact", "approximate")
SAMPLERS = {"adasyn": (ADASYN, "n_neighbors"), "smote": (SMOTE, "k_neighbors")}
BARS = {("adasyn", "approximate"): 4.0, ("adasyn", "exact"): 1.0, ("smote", "exact"): 1.0}


def make(sampler: str, contender: str, seed: int) -> Any:
    """A sampler as the contender would have it."""
    cls, name = SAMPLERS[sampler]
    if contender == "imbalanced-learn":
        return cls(random_state=seed)
    # One more than imbalanced-learn's number, since it counts a row among its own neighbours.
    ours = NearestNeighbors(K + 1, exact=contender == "exact", random_state=seed)
    return cls(random_state=seed, **{name: ours})


def rare(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Class numbers: 1 for the share that scores highest on a noisy direction."""
    scores = vectors @ rng.normal(size=vectors.shape[1])
    scores = scores / scores.std() + rng.normal(size=len(vectors))
    return (scores >= np.quantile(scores, 1 - SHARE)).astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rows; figures mean nothing")
    parser.add_argument("--output", type=Path, help="default benchmarks/results/samplers.json")
    arguments = parser.parse_args()
    if not os.environ.get("COUNTERPOISE_DATA"):
        sys.exit("COUNTERPOISE_DATA is unset; set it to the folder that holds imdb/train.parquet and others")
    scratch = Path(tempfile.mkdtemp(prefix="counterpoise-"))
    # The libraries race here and now, not on an earlier day.
    os.environ["XDG_CACHE_HOME"] = str(scratch)
    path = arguments.output or (scratch if arguments.quick else machine.RESULTS) / "samplers.json"
    n, turns = (15_000, 1) if arguments.quick else (300_000, 3)
    settings = {"rows": n, "features": FEATURES, "share": SHARE, "k": K, "turns": turns, "threads": 1}
    rows = Rows(path, settings, "imbalanced-learn", "faiss-cpu")
    passages = Passages(3000 if arguments.quick else None).vectors(FEATURES)
    for turn in range(turns):
        rng = np.random.default_rng([SEED, turn])
        vectors = passages[rng.choice(len(passages), n, replace=False)]
        labels = rare(vectors, rng)
        for sampler in SAMPLERS:
            for name in (*CONTENDERS[turn % 3 :], *CONTENDERS[: turn % 3]):
                if rows.find(sampler=sampler, contender=name, turn=turn):
                    continue
                made = make(sampler, name, turn)
                (filled, _), took = timed(lambda made=made, x=vectors, y=labels: made.fit_resample(x, y))
                rows.add(sampler=sampler, contender=name, turn=turn, new_rows=len(filled) - n, **took)
                print(rows.rows[-1], flush=True)
    rows.finish({"summary": summary(rows, turns)})
    for line in summary(rows, turns):
        print(line)
    print(f"Written to {path}")


def summary(rows: Rows, turns: int) -> list[dict[str, Any]]:
    """How many times as fast as imbalanced-learn's own neighbours, with the bar where there is one."""
    lines = []
    for sampler in SAMPLERS:
        for name in CONTENDERS[1:]:
            ratios = []
            for turn in range(turns):
                (base,) = rows.find(sampler=sampler, contender=CONTENDERS[0], turn=turn)
                (own,) = rows.find(sampler=sampler, contender=name, turn=turn)
                ratios.append(base["seconds"] / own["seconds"])
            bar, median = BARS.get((sampler, name)), statistics.median(ratios)
            lines.append(
                {
                    "sampler": sampler,
                    "neighbours": name,
                    "times": round(median, 2),
                    "least": round(min(ratios), 2),
                    "most": round(max(ratios), 2),
                    "bar": bar,
                    "met": None if bar is None else median >= bar,
                }
            )
    return lines


if __name__ == "__main__":
    main()
