"""What MISO costs: seconds for difficulty, training, writing and the classifier apart, and memory; one thread.

    COUNTERPOISE_DATA=... python benchmarks/miso.py            # writes benchmarks/results/miso.json; an hour
    python benchmarks/miso.py memory                           # the peak at 300,000 majority texts; minutes

Whole fits at equal epochs, without early stopping, by turns: class weights, ``miso_edit``, ``miso``, and ``miso`` with
the paper's free decoder. Ratios to class weights are taken within a turn. A run that was stopped goes on where it was.
Only seconds count here: what the classifiers are worth is in ``miso_evidence.py``.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

import machine
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.miso import assembly, oversampler
from counterpoise.training.settings import TrainingSettings
from rows import Rows
from tasks import TASKS, RareClass
from watch import Watch

EPOCHS = 10
SETS = {"sms_spam 10%": TASKS["sms_spam 10%"], "imdb 1%": RareClass("imdb", "pos", 0.01, official=True)}
TURNS = {"sms_spam 10%": 5, "imdb 1%": 1}
CONTENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "class_weight": ("class_weight", {}),
    "miso_edit": ("miso_edit", {}),
    "miso": ("miso", {}),
    "miso, free": ("miso", {"generator": "free"}),
}
BARS = {"miso_edit": 3.0, "miso": 8.0}
LEFT_OUT = ("imdb 1%", "miso, free")  # spelling 12,000 reviews out takes an hour
PARTS = ("difficulty", "training", "writing")
MAJORITY, MEMORY_BAR = 300_000, 3.0


def speed(path: Path) -> None:
    """Time what is missing, then write the ratios."""
    watch = Watch()
    for name in ("label_free_embedding", "text_groups"):
        watch.on(oversampler, name, "difficulty")
    watch.on(assembly, "difficult_samples", "difficulty")
    watch.on(assembly, "run", "training")
    watch.on(oversampler, "harvest", "writing")
    rows = Rows(path, {"epochs": EPOCHS, "contenders": CONTENDERS, "threads": 1})
    _fit("class_weight", {}, _data("sms_spam 10%", 0), 0, 1)  # imports, probes and caches are nobody's
    for task, turns in TURNS.items():
        for turn in range(turns):
            names = list(CONTENDERS)
            np.random.default_rng(turn).shuffle(names)
            for name in names:
                if rows.find(task=task, turn=turn, contender=name) or (task, name) == LEFT_OUT:
                    continue
                data = _data(task, turn)
                watch.clear()
                start, cpu = time.perf_counter(), time.process_time()
                _fit(*CONTENDERS[name], data, turn, EPOCHS)
                whole = time.perf_counter() - start
                parts = {part: round(watch.seconds[part], 2) for part in PARTS}
                rest = round(whole - sum(watch.seconds.values()), 2)
                rows.add(
                    task=task,
                    turn=turn,
                    contender=name,
                    texts=len(data),
                    minority=int(data.labels.sum()),
                    whole=round(whole, 2),
                    cpu=round(time.process_time() - cpu, 2),
                    **parts,
                    classifier=rest,
                )
                print(rows.rows[-1], flush=True)
    rows.finish({"seeds": sorted({row["turn"] for row in rows.rows}), "ratios": _ratios(rows)})


def _data(task: str, seed: int) -> Data:
    side = SETS[task].side(seed)
    labels = side.labels[side.train].astype(np.int64)
    return Data(side.texts[side.train], labels, 2, np.ones(len(labels)))


def _fit(method: str, settings: dict[str, Any], data: Data, seed: int, epochs: int) -> None:
    training = TrainingSettings(max_epochs=epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_method(method, settings).fit(data, Context(seed=seed, minority=1, training=training))


def _ratios(rows: Rows) -> list[dict[str, Any]]:
    """Seconds of each contender over those of class weights in the same turn."""
    found = []
    for task in TURNS:
        base = {row["turn"]: row["whole"] for row in rows.find(task=task, contender="class_weight")}
        for name in CONTENDERS:
            own = rows.find(task=task, contender=name)
            if not own:
                continue
            ratios = [row["whole"] / base[row["turn"]] for row in own]
            bar = BARS.get(name)
            found.append(
                {
                    "task": task,
                    "contender": name,
                    "seconds": round(statistics.median(row["whole"] for row in own), 1),
                    **{
                        part: round(statistics.median(row[part] for row in own), 1)
                        for part in (*PARTS, "classifier")
                    },
                    "times_class_weight": round(statistics.median(ratios), 2),
                    "least": round(min(ratios), 2),
                    "most": round(max(ratios), 2),
                    "bar": bar,
                    "met": None if bar is None else statistics.median(ratios) <= bar,
                }
            )
    return found


_MEMORY = """
import json, resource, sys, time
from counterpoise.data.demo import make_corpus
from counterpoise import MISO
import numpy as np
texts, labels = make_corpus({n} * 11 // 10, 0)
rare = np.unique(labels)[np.unique(labels, return_counts=True)[1].argmin()]
few = np.flatnonzero(labels == rare)[:1000]
many = np.flatnonzero(labels != rare)[:{n}]
rows = np.sort(np.concatenate([few, many]))
texts, labels = texts[rows], labels[rows]
def peak(): return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3)
found = dict(majority=len(many), minority=len(few), before_gib=peak())
start = time.perf_counter()
sampler = MISO(random_state=0, balance={balance})
new, _ = sampler.fit_resample(texts, labels)
found.update(anchors=len(new) - len(texts), seconds=round(time.perf_counter() - start, 1), peak_gib=peak())
print(json.dumps(found))
"""


def memory(path: Path) -> None:
    """Peak of one process that reads the texts, trains and writes."""
    script = _MEMORY.format(n=MAJORITY, balance=0.05)
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    result = {**machine.describe(), **found, "bar_gib": MEMORY_BAR, "met": found["peak_gib"] < MEMORY_BAR}
    machine.write(path, result)
    print(json.dumps(result, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("speed", "memory"), default="speed")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.what == "speed":
        speed(arguments.output or machine.RESULTS / "miso.json")
    else:
        memory(arguments.output or machine.RESULTS / "miso_memory.json")


if __name__ == "__main__":
    main()
