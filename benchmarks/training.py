"""Training against skorch and transformers.Trainer, and the evidence for two defaults of ours; on one thread.

    COUNTERPOISE_DATA=... python benchmarks/training.py speed       # examples a second, and equal quality
    COUNTERPOISE_DATA=... python benchmarks/training.py defaults    # do bfloat16 and learnt word vectors harm or help?

``--quick`` tries each in a minute on a few rows, and writes outside ``results``. A run that was stopped goes on
where it was. ``speed`` times the fits by turns, in another order each turn, each turn on a split of its own, so
that a busy neighbour slows all contenders; ratios are taken within a turn, by the wall's clock and by the
processor's. What is timed is said in ``peers.py``.
The same fits are scored, so that no trainer can be fast by learning less: F1 at 0.5 equal within 1 point.
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
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, f1_score

import evidence
import machine
import paired
import peers
from counterpoise.backbones.words import WordEncoder
from counterpoise.training.precision import resolve_precision
from prepared import Task
from rows import Rows
from tasks import TASKS, Side

SPEED_TASKS = ("sms_spam", "ag_news Business")
NETWORKS = ("textcnn", "textrnn")
VECTORS = {"learnt, frozen": ("learnt", True), "random, trained": ("random", False)}
EPOCHS = 5
RATES = {
    "whole": "examples_per_second",
    "steady": "steady_examples_per_second",  # after start-up
    "cpu": "examples_per_cpu_second",  # of the whole fit; differs from "whole" where others took the processor
}
OURS = ("ours_float32", "ours_bfloat16")
QUALITY_PEERS = ("skorch_p99",)


def speed(path: Path, n_seeds: int, quick: bool) -> None:
    """Time what is missing, then print and write rates, ratios and equivalence."""
    epochs = 1 if quick else EPOCHS
    contenders = _contenders()
    rows = Rows(
        path,
        {
            "epochs": epochs,
            "batch_size": peers.BATCH_SIZE,
            "learning_rate": peers.LEARNING_RATE,
            "threads": 1,
            "contenders": contenders,
            "quick": quick,
        },
        "skorch",
        "transformers",
        "accelerate",
    )
    for vectors in VECTORS:
        # The second kind of vectors only checks that speed does not depend on freezing them: one turn, at the end.
        for seed in range(n_seeds if VECTORS[vectors][1] else n_seeds // 5):
            for task in SPEED_TASKS:
                side = TASKS[task].side(seed, 800 if quick else None)
                for network in NETWORKS:
                    cell = {"vectors": vectors, "task": task, "network": network, "seed": seed}
                    _turn(rows, cell, _prepared(side, network, vectors, epochs, seed), contenders)
    summary = {"seeds": list(range(n_seeds)), **_summary(rows, contenders)}
    rows.finish(summary)
    _print(summary)


def _contenders() -> list[str]:
    native = resolve_precision("auto", torch.device("cpu")) == "bfloat16"
    if not native:
        print("bfloat16 is not native on this machine: ours_bfloat16 is left out")
    return [name for name in peers.CONTENDERS if native or name != "ours_bfloat16"]


def _prepared(side: Side, network: str, vectors: str, epochs: int, seed: int) -> Task:
    """Ids and vectors for everybody: our own encoder's, fitted to the training side."""
    kind, frozen = VECTORS[vectors]
    encoder = WordEncoder(vectors=kind).fit(side.texts[side.train], seed)
    values, offsets = encoder.tokenizer.encode(side.texts, encoder.max_length)
    return Task(
        values=values,
        offsets=offsets,
        labels=side.labels,
        train=side.train,
        test=side.test,
        vectors=encoder.vectors_.numpy(),
        frozen=frozen,
        network=network,
        epochs=epochs,
        seed=seed,
    )


def _turn(rows: Rows, cell: dict[str, Any], task: Task, contenders: list[str]) -> None:
    """One fit of every contender, side by side in time; a turn that was broken off is made again whole."""
    if len(rows.find(**cell)) == len(contenders):
        return
    rows.drop(**cell)
    first = cell["seed"] % len(contenders)
    order = contenders[first:] + contenders[:first]
    small = replace(task, train=_few(task), epochs=1)
    for name in order:
        peers.CONTENDERS[name](small)  # first uses load and compile things
    for name in order:
        outcome = peers.CONTENDERS[name](task)
        examples = len(task.train) * task.epochs
        truth = task.labels[task.test]
        row = {
            "contender": name,
            "examples": examples,
            "seconds": round(outcome.seconds, 4),
            "cpu_seconds": round(outcome.cpu_seconds, 4),
            "start_up_seconds": round(outcome.start_up, 4),
            "examples_per_second": round(examples / outcome.seconds, 1),
            "steady_examples_per_second": round(examples / (outcome.seconds - outcome.start_up), 1),
            "examples_per_cpu_second": round(examples / outcome.cpu_seconds, 1),
            "f1": round(float(f1_score(truth, outcome.probabilities > 0.5)), 5),
            "average_precision": round(float(average_precision_score(truth, outcome.probabilities)), 5),
            "length": task.length(99) if name == "skorch_p99" else None,
        }
        rows.add(**cell, **row)
        print(cell, row, flush=True)


def _few(task: Task) -> np.ndarray:
    """Two batches of training rows with both classes among them."""
    half = peers.BATCH_SIZE
    labels = task.labels[task.train]
    return np.concatenate([task.train[labels == label][:half] for label in (0, 1)])


def _summary(rows: Rows, contenders: list[str]) -> dict[str, Any]:
    turn = ("vectors", "task", "network", "seed")
    done = Counter(tuple(row[name] for name in turn) for row in rows.rows)
    # A turn that was broken off compares nothing; it is run again when the benchmark goes on.
    rows.rows = [row for row in rows.rows if done[tuple(row[name] for name in turn)] == len(contenders)]
    seen = [vectors for vectors in VECTORS if rows.find(vectors=vectors)]
    cells = [(v, t, n) for v in seen for t in SPEED_TASKS for n in NETWORKS]
    present = [name for name in OURS if name in contenders]
    peer_names = [name for name in contenders if name not in OURS]
    rates, ratios, quality = [], [], []
    for vectors, task, network in cells:
        cell = {"vectors": vectors, "task": task, "network": network}
        found = {name: rows.find(**cell, contender=name) for name in contenders}
        rates += [{**cell, "contender": name, **_medians(own)} for name, own in found.items()]
        ratios += [
            {**cell, "ours": ours, "peer": peer, **_ratio(found[ours], found[peer])}
            for ours in present
            for peer in peer_names
        ]
    for vectors in seen:
        for ours in present:
            others = QUALITY_PEERS if ours == "ours_float32" else (*QUALITY_PEERS, "ours_float32")
            for other in others:
                quality += _quality(rows, vectors, ours, other)
    return {"rates": rates, "ratios": ratios, "equivalence": quality}


def _medians(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("start_up_seconds", *RATES.values())
    medians = {name: round(statistics.median(row[name] for row in rows), 3) for name in names}
    means = {
        name: round(statistics.mean(row[name] for row in rows), 4) for name in ("f1", "average_precision")
    }
    return {**medians, **{f"mean_{name}": value for name, value in means.items()}, "turns": len(rows)}


def _ratio(ours: list[dict[str, Any]], peer: list[dict[str, Any]]) -> dict[str, Any]:
    """Median, least and greatest ratio of rates within turns."""
    out: dict[str, Any] = {}
    for name, rate in RATES.items():
        by_seed = {row["seed"]: row[rate] for row in peer}
        values = [row[rate] / by_seed[row["seed"]] for row in ours]
        spread = [statistics.median(values), min(values), max(values)]
        out[name] = dict(zip(("median", "min", "max"), [round(v, 2) for v in spread], strict=True))
    return out


def _quality(rows: Rows, vectors: str, ours: str, other: str) -> list[dict[str, Any]]:
    """Paired differences by task and network, and of each seed's mean over these, with tests of equality."""
    out: list[dict[str, Any]] = []
    for metric in ("f1", "average_precision"):
        head = {"vectors": vectors, "metric": metric, "contrast": f"{ours} - {other}"}
        by_seed: dict[int, list[float]] = {}
        for task in SPEED_TASKS:
            for network in NETWORKS:
                cell = {"vectors": vectors, "task": task, "network": network}
                theirs = {row["seed"]: row[metric] for row in rows.find(**cell, contender=other)}
                own = rows.find(**cell, contender=ours)
                values = [row[metric] - theirs[row["seed"]] for row in own]
                for row, value in zip(own, values, strict=True):
                    by_seed.setdefault(row["seed"], []).append(value)
                where = {"task": task, "network": network}
                out.append({**head, **where, **paired.equivalence(values)})
        complete = len(SPEED_TASKS) * len(NETWORKS)
        means = [float(np.mean(values)) for values in by_seed.values() if len(values) == complete]
        out.append({**head, "task": "mean", "network": "of all", **paired.equivalence(means)})
    return out


def _print(summary: dict[str, Any]) -> None:
    print(
        "\nTraining examples a second (whole fit), seconds before the first step, rate after it, F1 at 0.5, AP"
    )
    for row in summary["rates"]:
        where = f"{row['vectors']:16} {row['task']:17} {row['network']}"
        print(
            f"{where} {row['contender']:31} {row['examples_per_second']:9.0f} {row['start_up_seconds']:7.3f}"
            f" {row['steady_examples_per_second']:9.0f} {row['mean_f1']:7.4f} {row['mean_average_precision']:7.4f}"
        )
    print(
        "\nTimes as fast: median [least, greatest turn]: whole fit, after start-up, whole by processor time"
    )
    for row in summary["ratios"]:
        where = f"{row['vectors']:16} {row['task']:17} {row['network']}"
        spreads = [
            f"{row[name]['median']:.2f} [{row[name]['min']:.2f}, {row[name]['max']:.2f}]" for name in RATES
        ]
        print(
            f"{where} {row['ours']:14} over {row['peer']:31} "
            + " ".join(f"{spread:22}" for spread in spreads)
        )
    print("\nPaired differences [90% interval]; equal within 0.01?")
    for row in summary["equivalence"]:
        where = (
            f"{row['vectors']:16} {row['metric']:18} {row['contrast']:32} {row['task']:17} {row['network']:8}"
        )
        verdict = {True: "yes", False: "not shown", None: "too few seeds"}[row["equivalent"]]
        print(f"{where} {paired.in_words(row):28} {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["speed", "defaults"])
    parser.add_argument("--seeds", type=int, help="default 5; 2 with --quick")
    parser.add_argument("--quick", action="store_true", help="few rows, one epoch; figures mean nothing")
    parser.add_argument("--jobs", type=int, default=1, help="processes for defaults; speed takes one")
    parser.add_argument("--output", type=Path, help="default benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    if not os.environ.get("COUNTERPOISE_DATA"):
        sys.exit(
            "COUNTERPOISE_DATA is unset; set it to the folder that holds sms_spam/train.parquet and others"
        )
    torch.set_num_threads(1)
    name = "training" if arguments.what == "speed" else arguments.what
    path = arguments.output or machine.RESULTS / f"{name}.json"
    if arguments.quick and not arguments.output:
        path = Path(tempfile.mkdtemp(prefix="counterpoise-")) / f"{name}.json"
    n_seeds = arguments.seeds or (2 if arguments.quick else 5)
    if arguments.what == "speed":
        speed(path, n_seeds, arguments.quick)
    else:
        evidence.gather(path, n_seeds, arguments.jobs, arguments.quick)
    print(f"Written to {path}")


if __name__ == "__main__":
    main()
