"""The lines of MISO's design: its cells, what they are held against, what may do better, and what is to be beaten.

    CELLS, PLAIN, ROUTES, BROKEN, TRAINED, RIVALS, PUBLISHED

Settings of MISO that any line changes are spelt out in all of its lines, so that a line stays what it is when a default
changes later. There are two exceptions. The words' own anchors are those of a sampler at its defaults, which
``tfidf_lr`` takes by name, its decoder in the number format that is faster on the machine; and lines as published are
whatever the preset sets.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from counterpoise.experiments.papers.base import Line
from encoder import ENCODER

COMMON: dict[str, Any] = {"threshold": 0.5, "validation_fraction": 0.0, "precision": "float32"}
"""Of all lines: all rows are fitted to and the last epoch is judged; tuning a threshold would take several trainings,
and does not touch the ranking. The number format is one, of decoders too, so that unlike machines share a grid."""

_FORMAT = {"method__precision": "float32"}


@dataclass(frozen=True)
class Contestant(Line):
    """A line, with the company that it is judged in.

    Attributes
    ----------
    league : {"closed", "open", "beside"}
        Open: with a pretrained part. Closed: one network, or TF-IDF with logistic regression, without any. What has no
        pretrained part and is no such model either, blends and runs of characters, is shown beside them, and is
        nobody's rival.
    reference : str, default="class_weight"
        The plain line of its kind: what this one gives with all texts of the class, less what it gives with the few,
        is the gap of this line. Empty where that is not run.
    """

    league: str = "closed"
    reference: str = "class_weight"

    @property
    def identity(self) -> str:
        """What tells its runs from those of other lines."""
        return identity_of(self.method, self.backbone, {**COMMON, **self.settings})


def identity_of(method: str, backbone: str | None, settings: Mapping[str, Any]) -> str:
    """A method, its network and all settings that were given, as one string."""
    return json.dumps([method, backbone, settings], sort_keys=True)


FACTORS: dict[str, tuple[str, Any, Any]] = {
    "sources": ("sources", "all", "difficult"),
    "guided": ("gate_weight", 0.0, 4.0),
    "injected": ("inject", 0.0, 0.5),
    "amount": ("balance", 0.5, 1.0),
    "information": ("mi_weight", 0.0, 1.0),
    "soft": ("soft_labels", False, True),
}
"""The setting of each factor, and its values off and on. The editor has no mutual information to speak of, and whether
its labels are soft is a line of its own, since a fifth factor would hide what the editor's eight cells show."""

BY_DEFAULT = frozenset({"amount", "information"})
"""Factors that are on in MISO as it is."""

_EDITOR: dict[str, Any] = {
    "balance": 1.0,
    "belonging": True,
    "budget": 1 / 3,
    "counterfactual": 0.0,
    "gate_weight": 0.0,
    "inject": 0.0,
    "neighbor_encoder": None,
    "run": 1.0,
    "scope": 50,
    "soft_labels": False,
    "sources": "all",
    "tau": "falling",
    "word_roles": "found",
}
_MISO = {
    "miso_edit": _EDITOR,
    "miso": {
        **_EDITOR,
        "attention": "learnt",
        "generator": "pointer",
        "mi_weight": 1.0,
        "precision": "float32",
    },
}


def _anchors(name: str, method: str, *, over_encoder: bool = False, **changed: Any) -> Contestant:
    """MISO, or its editor, with some settings changed, before TextCNN or a head on the frozen encoder."""
    settings = {f"method__{setting}": value for setting, value in {**_MISO[method], **changed}.items()}
    if not over_encoder:
        league = "closed" if settings["method__neighbor_encoder"] is None else "open"
        return Contestant(name, method, "textcnn", settings, league)
    return Contestant(
        name, method, "encoder", {**settings, "backbone__name": ENCODER}, "open", "frozen encoder"
    )


def fraction(method: str, factors: tuple[str, ...], *words: Set[str]) -> Iterator[Contestant]:
    """The combinations in which as many factors of each word are on, even or odd, as in MISO as it is."""
    for levels in itertools.product((False, True), repeat=len(factors)):
        on = {factor for factor, level in zip(factors, levels, strict=True) if level}
        if any(len((on ^ BY_DEFAULT) & word) % 2 for word in words):
            continue
        settings = {FACTORS[factor][0]: FACTORS[factor][2 if factor in on else 1] for factor in factors}
        said = ", ".join(factor for factor in factors if factor in on) or "none"
        yield _anchors(f"{method}: {said}", method, **settings)


POINTER = tuple(
    fraction(
        "miso",
        tuple(FACTORS),
        {"sources", "amount", "information"},
        {"guided", "injected", "information"},
        {"sources", "guided", "soft"},
    )
)
"""An eighth of all combinations. No main effect hides another, but each hides two products of two factors: sources
hides amount x information and guided x soft, amount hides sources x information and injected x soft, guided hides
injected x information and sources x soft, and injected hides guided x information and amount x soft. Information hides
sources x amount and guided x injected, and soft hides sources x guided and amount x injected: both times the very two
that the editor's cells show together, without information and with whole labels. In no main effect are sources x
injected, guided x amount and information x soft, which cannot be told from each other."""

EDITED = tuple(fraction("miso_edit", tuple(FACTORS)[:4], {"sources", "guided", "injected", "amount"}))
"""Half of all combinations. No main effect hides a product of two factors; these hide each other in pairs."""


def _blend(
    name: str,
    *members: str,
    reference: str = "blend",
    own: Mapping[str, Mapping[str, Any]] | None = None,
) -> Contestant:
    """A blend; the encoder is named where a member has one, the network where one is trained."""
    encoded = any(each.startswith("encoder") for each in members)
    settings: dict[str, Any] = {"method__members": list(members)}
    if encoded:
        settings["method__encoder"] = ENCODER
    own = {"miso_edit": _EDITOR} if own is None and "miso_edit" in members else own
    if own:
        settings["method__settings"] = {member: dict(its) for member, its in own.items()}
    network = "textcnn" if {*members} & {*_NETWORKS, *_MISO} else None
    return Contestant(name, "blend", network, settings, "open" if encoded else "beside", reference)


_NETWORKS = ("class_weight", "random_oversample", "word_swap", "miso_edit")
_THREE = ("encoder_lr", "tfidf_lr", "char_lr")
_FOUR = ("encoder_lr", "encoder_neighbors", "tfidf_lr", "char_lr")
_WORDS = ("tfidf_lr", "char_lr")

ELSEWHERE = (
    _anchors("free decoder", "miso", generator="free"),
    _anchors("a quarter of the gap", "miso_edit", balance=0.25),
    _anchors("as much of the gap as folds say", "miso_edit", balance="auto"),
    *(
        Contestant(
            f"words, {name} anchors", "tfidf_lr", None, {"method__sampler": sampler}, reference="words"
        )
        for name, sampler in (("edited", "miso_edit"), ("pointed", "miso"))
    ),
    _anchors("frozen encoder, edited anchors", "miso_edit", over_encoder=True),
    _anchors("frozen encoder, pointed anchors", "miso", over_encoder=True),
    Contestant(
        "blend, words with anchors",
        "blend",
        None,
        {
            "method__members": list(_THREE),
            "method__encoder": ENCODER,
            "method__settings": {"tfidf_lr": {"sampler": "miso_edit"}},
        },
        "open",
        "blend",
    ),
    _blend("blend, network with anchors", *_THREE, "miso_edit"),
)
CELLS = (*POINTER, *EDITED, *ELSEWHERE)

PUBLISHED = tuple(
    Contestant(f"{name}, as published", method, "textcnn", {**_FORMAT, "method__preset": "paper"})
    for name, method in (("MISO", "miso"), ("CAG", "cag"))
)

_FROZEN = Contestant(
    "frozen encoder", "class_weight", "encoder", {"backbone__name": ENCODER}, "open", "frozen encoder"
)
_WORD_SWAP = Contestant("word_swap", "word_swap", "textcnn")
CEILING = (
    Contestant("class_weight", "class_weight", "textcnn"),
    _WORD_SWAP,
    _FROZEN,
    Contestant("words", "tfidf_lr", reference="words"),
    Contestant("characters", "char_lr", league="beside", reference="words"),
    Contestant("blend", "blend", None, {"method__encoder": ENCODER}, "open", "blend"),
)
"""What is given all texts of the class too: the references, and two that may gain more by them."""

PLAIN = (
    *CEILING,
    Contestant("erm", "erm", "textcnn"),
    Contestant("class_weight, twice as long", "class_weight", "textcnn", {"max_epochs": 20}),
    Contestant("random_oversample", "random_oversample", "textcnn"),
    Contestant("auto", "auto", None, {"method__encoder": ENCODER}, "open", "blend"),
)
"""What the cells are held against. Balanced sets have about twice the rows, and so twice the steps in as many epochs;
class weights take as many in 20 epochs in place of 10."""

MISO = _anchors("MISO", "miso")
EDITOR = _anchors("MISO, edited", "miso_edit")
FOUR = _blend("blend of four", *_FOUR)


def four_with(line: Contestant) -> Contestant:
    """The blend of four with one more member, a line's method with its settings."""
    own = {
        name.removeprefix("method__"): value
        for name, value in line.settings.items()
        if name.startswith("method__")
    }
    return _blend(f"blend of four, {line.name}", *_FOUR, line.method, own={line.method: own} if own else {})


PAIR = _blend("words, characters", *_WORDS, reference="words")
ROUTES = (
    MISO,
    EDITOR,
    _anchors("soft labels", "miso_edit", soft_labels=True),
    *(_anchors(f"from {kind} texts only", "miso_edit", sources=kind) for kind in ("difficult", "easy")),
    _anchors(
        "from texts difficult in the encoder", "miso_edit", sources="difficult", neighbor_encoder=ENCODER
    ),
    _anchors("partners near in the encoder", "miso_edit", neighbor_encoder=ENCODER),
    _anchors("MISO, from difficult texts only", "miso", sources="difficult"),
    _anchors(
        "MISO, from texts difficult in the encoder", "miso", sources="difficult", neighbor_encoder=ENCODER
    ),
    _anchors("shared words kept", "miso_edit", gate_weight=-4.0),
    *(
        _anchors(f"{before}{name}", method, gate_weight=4.0, word_roles=roles)
        for before, method in (("", "miso_edit"), ("MISO, ", "miso"))
        for name, roles in (("shared words given up", "found"), ("shuffled words given up", "shuffled"))
    ),
    _anchors("MISO, attention at random", "miso", attention="random"),
    _anchors("counterfactuals, half as many", "miso_edit", counterfactual=0.5),
    _anchors("nearest partners", "miso_edit", scope=5),
    _anchors("any partner", "miso_edit", scope=1_000_000, tau="fixed"),
    _anchors("three words at a time", "miso_edit", run=3.0),
    _anchors("fewer words", "miso_edit", budget=0.15),
    _anchors("minority words only", "miso_edit", inject=1.0),
    _anchors("none refused", "miso_edit", belonging=False),
    *(
        Contestant(
            f"{line.name}, {name}",
            line.method,
            "textcnn",
            {**line.settings, "backbone__vectors": "random", "backbone__train_vectors": trained},
        )
        for line in (CEILING[0], EDITOR)
        for name, trained in (("vectors that mean nothing", False), ("vectors from the labels alone", True))
    ),
    PAIR,
    *(
        _blend(f"words, characters, {name}", *_WORDS, name, reference="words")
        for name in ("class_weight", "word_swap", "miso_edit")
    ),
    _blend("words, characters and their neighbours", *_WORDS, "char_neighbors", reference="words"),
    _blend(
        "words, characters, neighbours, miso_edit", *_WORDS, "char_neighbors", "miso_edit", reference="words"
    ),
    Contestant(
        "points in the encoder",
        "adasyn",
        "encoder",
        {"method__space": "embedding", "backbone__name": ENCODER},
        "open",
        "frozen encoder",
    ),
    FOUR,
    *(_blend(f"blend of four, {name}", *_FOUR, name) for name in _NETWORKS),
)
"""What may do better, and what breaks a mechanism, each beside the same without its new part."""

TRAINED = tuple(
    Contestant(
        f"trained encoder, {name}",
        name,
        "encoder",
        {"max_epochs": 2, **settings, "backbone__name": ENCODER, "backbone__frozen": False},
        "open",
        "",
    )
    for name, settings in (
        ("erm", {}),
        ("class_weight", {}),
        ("word_swap", {}),
        ("miso_edit", EDITOR.settings),
        ("setfit", {"max_epochs": 1}),
    )
)
"""Anchors for an encoder that is trained itself, beside what they are held against: hours on a processor. SetFit has
one epoch, as its paper does."""

_BLENDED = {f"blend of four, {name}" for name in _NETWORKS}

BROKEN = (
    ("words given up at random, editor", "shuffled words given up", "shared words given up"),
    ("words given up at random", "MISO, shuffled words given up", "MISO, shared words given up"),
    ("partners by random attention", "MISO, attention at random", "MISO"),
    ("from easy texts in place of difficult ones", "from easy texts only", "from difficult texts only"),
    ("anchors that may be the majority's", "none refused", "MISO, edited"),
    ("any partner in place of near ones", "any partner", "MISO, edited"),
    (
        "word vectors without meaning",
        "MISO, edited, vectors that mean nothing",
        "MISO, edited",
    ),
)
"""A part of MISO, broken, the line that has it broken, and the same line with it whole. What the part is for is shown
where the broken line is worse."""

CONTROLS = frozenset(
    {broken for _, broken, _ in BROKEN[:3]}
    | {line.name for line in ROUTES if "backbone__vectors" in line.settings}
)
"""Lines that nobody would use: they are there to be held against, and are not chosen."""

SOURCES = tuple(
    line for line in ROUTES if line.name.endswith((" texts only", "in the encoder")) and line.method in _MISO
)
"""From which texts anchors are written."""

TWICE = (
    MISO,
    EDITOR,
    *(
        line
        for line in ROUTES
        if line.method == "blend" and line.settings["method__members"][-1] != "word_swap"
    ),
)
"""Routes that the goal is about: MISO, its editor, and blends with and without it."""

RIVALS = (
    *(
        Contestant(
            name,
            name,
            None if name == "adasyn" else "textcnn",
            reference="words" if name == "adasyn" else "class_weight",
        )
        for name in (
            *("balanced_batches", "word_dropout", "logit_adjustment", "focal", "dice", "mixtext", "adasyn"),
            *("crt", "tau_norm", "sharprecl", "supcon", "mamix", "two_stage", "markov"),
        )
    ),
    Contestant("cag", "cag", "textcnn", _FORMAT),
    *(
        Contestant(
            f"TextRNN, {name}",
            name,
            "textrnn",
            _anchors("", name).settings if name in _MISO else {},
            reference="",
        )
        for name in ("class_weight", "random_oversample", "word_swap", "miso_edit")
    ),
    Contestant("encoder_lr", "encoder_lr", None, {"method__encoder": ENCODER}, "open", "frozen encoder"),
)
"""One of each family, the other network, and the plainest model over the encoder."""

RANKED = (*PLAIN, *RIVALS, MISO, EDITOR, PAIR, FOUR, *(line for line in ROUTES if line.name in _BLENDED))
"""What is run on all sets: of these the rival of each league is chosen, MISO's own lines apart."""
