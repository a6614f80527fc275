"""Runs and results for tests of the store, and what must hold of any store."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from counterpoise.experiments.results import COLUMNS, Predictions, Result
from counterpoise.experiments.runs import Run
from counterpoise.experiments.store import Store
from counterpoise.experiments.surroundings import Surroundings

PLACE = Surroundings("ab", "cpu", "float32", 1, {"torch": "2"})
CLASSES = ("ham", "spam", "other")
TABLES = ("runs", "predictions", "curves")


def make_run(seed: int) -> Run:
    return Run(
        dataset="toy",
        content="00",
        minority="a",
        keep=None,
        method="erm",
        method_settings={},
        backbone=None,
        backbone_settings={},
        estimator={},
        n_folds=5,
        fold=0,
        seed=seed,
    )


def run_of(method: str, fold: int = 0, seed: int = 0, **changed) -> Run:
    return Run.from_fields({**make_run(seed).fields, "method": method, "fold": fold, **changed})


def make_predictions(seed: int, n_rows: int = 50, **changed) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_rows)
    content = {
        "rows": rng.permutation(10 * n_rows)[:n_rows],
        "labels": labels,
        "decided": rng.integers(0, 3, n_rows),
        "probabilities": rng.random((n_rows, 3), dtype=np.float32),
        "rare": labels == 1,
        "hostile": rng.integers(-1, 6, n_rows) if seed % 2 == 0 else None,
        "classes": CLASSES,
    }
    return Predictions(**{**content, **changed})


def make_result(seed: int, n_rows: int = 50, **changed) -> Result:
    """The same for the same seed, timings and memory apart."""
    rng = np.random.default_rng(seed)
    content = {
        "run": make_run(seed),
        "surroundings": PLACE,
        "metrics": {"f1": rng.random(), "mcc": None},
        "predictions": make_predictions(seed, n_rows),
        "curves": {"loss": rng.random(4).tolist()},
        "fit_seconds": time.perf_counter(),
        "predict_seconds": time.perf_counter(),
        "peak_memory": time.perf_counter_ns(),
        "notes": ("one class is never predicted",),
    }
    return Result(**{**content, **changed})


def counts(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES]


def two_rows(path: Path) -> Path:
    """A store of the first two results."""
    with Store(path) as store:
        store.write(make_result(0))
        store.write(make_result(1))
    return path


def check_whole(path: Path, n_rows: int = 2) -> None:
    with Store(path, read_only=True) as store:
        assert len(store.rows(status=None)) == n_rows
        for seed in range(n_rows):
            check_row(store, seed)


def check_row(store: Store, seed: int, n_rows: int = 50) -> None:
    made = make_result(seed, n_rows)
    check_predictions(store.predictions(made.key), made.predictions)
    assert store.curves(made.key) == made.curves


def check_predictions(found: Predictions, made: Predictions) -> None:
    """Equal to the bit."""
    assert found.classes == made.classes
    for name, kind in COLUMNS.items():
        mine, theirs = getattr(found, name), getattr(made, name)
        if theirs is None:
            assert mine is None
            continue
        assert mine.dtype == kind
        assert mine.shape == theirs.shape
        assert mine.tobytes() == theirs.tobytes()
