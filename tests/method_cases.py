"""Which cases of the common checks there are, and which of them `make test` takes; `make test-all` takes all."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any, NamedTuple

import pytest

from counterpoise.backbones.registry import BACKBONES
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.registry import METHODS
from turns import later

SETTINGS = {
    "textcnn": {"dim": 8, "vectors": "random", "n_filters": 4},
    "textrnn": {"dim": 8, "vectors": "random", "hidden": 4},
    "mlp": {"hidden": (16, 16)},
    "resnet": {"depth": 8},
    "convnet": {"channels": (4,), "hidden": (16,), "kernel": 3},
}
PRETRAINED = ("encoder", "vision")
ON_VISION = ("erm", "mixup")
"""Methods that `make test` has on a pretrained vision model too, which is to all others another network of images."""
WRITERS = ("miso", "cag", "miso_edit", "llm_oversample")
"""Methods that train or ask a model for each class they fill up: of many classes in `make test-all` only."""


def settings_of(backbone: str) -> dict[str, Any]:
    """Settings that make a backbone a toy; trained where it may be frozen."""
    if backbone in PRETRAINED:
        return {"frozen": False}
    return SETTINGS[backbone]


class Case(NamedTuple):
    kind: str
    backbone: str | None
    n_classes: int
    class_weight: str | None
    sample_weight: bool
    precision: str
    prior_correction: bool
    threshold: float | str


def possible_cases(method: type[Any]) -> list[Case]:
    """Every combination of the switches that makes sense for a method."""
    trained = [kind for kind in sorted(method.inputs) if method().trains_backbone(kind)]
    reads = [(entry.inputs, name) for name, entry in BACKBONES.items() if entry.inputs in trained]
    reads += [(kind, None) for kind in sorted(method.inputs) if kind not in trained]
    switches = product(
        reads,
        (2, 23),
        (None, "balanced"),
        (False, True),
        ("float32", "bfloat16"),
        (True, False),
        ("tune", 0.5),
    )
    return [
        Case(*read, *rest)
        for read, *rest in switches
        if not (rest[0] > 2 and rest[-1] != "tune")
        and (read[1] or rest[3] == "float32")
        and (method.takes_sample_weight or not rest[2])
    ]


def pairs(case: Case) -> set[tuple[int, Any, int, Any]]:
    return {(i, case[i], j, case[j]) for i, j in combinations(range(len(case)), 2)}


def pairwise_cover(cases: list[Case]) -> list[Case]:
    """Few of the cases, in which every pair of values that occurs in any of them still occurs (greedy)."""
    covered = {case: pairs(case) for case in cases}
    missing = set().union(*covered.values())
    chosen = []
    while missing:
        best = max(cases, key=lambda case: len(covered[case] & missing))
        chosen.append(best)
        missing -= covered[best]
    return chosen


def due(turn: int, name: str, cover: list[Case]) -> list[Case]:
    """Every seventh of a method's cases that are not too slow, these and those by turns."""
    quick = [
        case
        for case in cover
        if (case.backbone != "vision" or name in ON_VISION)
        and (case.n_classes == 2 or name not in WRITERS)
        and (case.backbone != "resnet" or case.precision == "float32")
    ]
    return quick[turn % min(7, len(quick)) :: 7]


COVERS = {name: pairwise_cover(possible_cases(method)) for name, method in METHODS.items()}
# `make test` takes those that are due, `make test-all` all.
COVER = [
    pytest.param(name, case, marks=[] if case in due(turn, name, cover) else pytest.mark.slow)
    for turn, (name, cover) in enumerate(COVERS.items())
    for case in cover
]
NETWORKS = [
    (name, backbone)
    for name, method in METHODS.items()
    if issubclass(method, GradientMethod)
    for backbone, entry in BACKBONES.items()
    if entry.inputs in method.inputs
]
READERS = [name for name, entry in BACKBONES.items() if entry.inputs == "text"]


def in_turn(name: str, backbone: str | None) -> bool:
    """Whether a method's turn is at this network of texts; `make test-all` has every method on every one."""
    if backbone == "vision":
        return name in ON_VISION
    return backbone not in READERS or READERS[list(METHODS).index(name) % len(READERS)] == backbone


KINDS = [(name, kind) for name, method in METHODS.items() for kind in sorted(method.inputs)]
SMALLEST = {"text": "textcnn", "array": "mlp", "image": "convnet"}
# Smallest networks of each kind apart, networks are in `make test-all` only.
LARGER = [
    pytest.param(name, BACKBONES[backbone].inputs, backbone, marks=pytest.mark.slow)
    for name, backbone in NETWORKS
    if backbone not in SMALLEST.values()
]


def its_turn(name: str, kind: str, backbone: str | None) -> bool:
    """Whether a method's turn is at this kind of data."""
    kinds = sorted(METHODS[name].inputs)
    return kinds[list(METHODS).index(name) % len(kinds)] == kind


# `make test` has one kind of data a method, by turns; `make test-all` has all, on every network.
BY_TURNS = [*later([(name, kind, None) for name, kind in KINDS], its_turn), *LARGER]
