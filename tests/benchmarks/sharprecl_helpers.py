"""Rows of SharpReCL's lines, written as an export has them."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

from counterpoise.experiments.papers.sharprecl_lines import BUDGETS, SETS, settings_of

MEDIUM = BUDGETS["medium"]
METRICS = ("macro_f1", "f1_rarest_third", "accuracy")
SCORES = (*METRICS, *(f"{metric}_prior_corrected" for metric in METRICS))
TIMES = {"fit_seconds": 1, "predict_seconds": 1, "machine": "a machine"}
TREC = SETS[0]


def written(
    path: Path,
    line,
    budget,
    *,
    made=TREC,
    seeds=(0,),
    selection="validation",
    score="0.5",
    named=None,
    put_back=None,
    of_metrics=None,
    finished_at="2026-01-01T10:20:30+00:00",
) -> Path:
    """Rows of a line; ``of_metrics`` has other scores than ``score``, by metric and, where there are folds, fold."""
    settings = settings_of(line, budget, selection) | (named or {})
    parts = {"estimator": {}, "method_settings": {}, "backbone_settings": {}}
    for name, value in settings.items():
        kind, _, own = name.rpartition("__")
        parts[f"{kind}_settings" if kind else "estimator"][own] = value
    fresh = not path.exists()
    path.parent.mkdir(exist_ok=True)
    with open(path, "a", encoding="utf-8", newline="") as file:
        columns = [
            "dataset",
            "keep",
            "method",
            "backbone",
            *parts,
            "n_folds",
            "seed",
            "fold",
            "status",
            *SCORES,
            *TIMES,
            "finished_at",
        ]
        writer = csv.DictWriter(file, columns)
        if fresh:
            writer.writeheader()
        n_folds = 1 if made.given else budget.folds
        cells = {key: json.dumps(value) for key, value in parts.items()}
        cells |= {"dataset": made.dataset, "keep": made.keep or "", "method": line.method}
        cells |= {"backbone": line.backbone or "", "n_folds": n_folds, "status": "done", **TIMES}
        for seed, fold in product(seeds, range(n_folds)):
            scores = {name: put_back if "prior" in name and put_back else score for name in SCORES}
            scores |= {name: each[fold] if n_folds > 1 else each for name, each in (of_metrics or {}).items()}
            writer.writerow(cells | {"seed": seed, "fold": fold, "finished_at": finished_at} | scores)
    return path
