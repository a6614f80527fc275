"""All settings of MISO in one checked place, and the published ones as a preset.

recipe = Recipe(generator="pointer", budget=1/3)
PUBLISHED["batch_size"]                           # of preset="paper"
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from numbers import Integral, Real
from typing import Any

from counterpoise.errors import SettingsError
from counterpoise.miso.decoding import Decoding
from counterpoise.miso.training import AlgorithmSettings
from counterpoise.oversampling.base import check_flag

GENERATORS = ("edit", "pointer", "free")

_OWN = (
    "generator",
    "k",
    "budget",
    "run",
    "inject",
    "gate_weight",
    "word_roles",
    "sources",
    "scope",
    "neighbor_encoder",
    "belonging",
    "soft_labels",
    "dim",
    "heads",
    "reading",
    "sfm",
    "attention",
    "max_length",
)
_OF_TRAINING = (
    "steps",
    "batch_size",
    "learning_rate",
    "mi_weight",
    "adversarial",
    "tau",
    "likelihood_floor",
    "gumbel",
    "precision",
)

PUBLISHED: dict[str, Any] = {
    "generator": "free",
    "sources": "difficult",
    "k": 5,
    "belonging": False,
    "dim": 64,
    "heads": 8,
    "sfm": True,
    "mi_weight": 1.0,
    "adversarial": True,
    "gumbel": None,
    "reading": "samples",
    "batch_size": 64,
    "learning_rate": 1e-4,
    "likelihood_floor": 0.0,
    "decoding": "greedy",
    "steps": (0, 1000, 200, 2000),
    "balance": 1.0,
    "tau": "falling",
}
"""What ``preset="paper"`` sets; numbers of steps are ours, since the paper gives none, but for the phase it lacks.

What no setting says is as published too: nothing is held out to stop a phase by, a text may come again, SFM adds
nothing to its formula, and the mutual-information loss is that of Q-bar alone.
"""

PUBLISHED_CAG: dict[str, Any] = {**PUBLISHED, "sfm": False, "mi_weight": 0.0, "steps": (0, 1000, 0, 2000)}
"""The same for the ablation without SFM and mutual information (section 6)."""


@dataclass(frozen=True)
class Recipe:
    """What MISO is made of.

    Attributes
    ----------
    generator : {"edit", "pointer", "free"}
        What writes: the editor without a decoder, the pointer decoder, or the paper's free decoder.
    sources : {"difficult", "easy", "all"}
        Which minority samples anchors are written from.
    k : int
        Neighbours by which a sample is difficult.
    budget : float or (float, float)
        Share of a difficult sample's words that is given up, on average; of two, each anchor draws its own.
    run : float
        Mean length of a stretch of words given up together.
    inject : float
        Share of these that comes from other minority texts instead of the majority partner.
    gate_weight : float
        Whether words shared with the majority are given up more (above 0) or less often; 0 is blind.
    word_roles : {"found", "shuffled"}
        Whether the gate is told which words are shared, or as much of words drawn at random.
    scope : int
        Nearest majority samples that a difficult sample is paired with where the classes balance.
    neighbor_encoder : str or None
        In whose vectors neighbours are looked for; None in label-free ones.
    dim, heads : int
        Of the encoder and SFM.
    reading : {"samples", "tokens"}
        Of SFM's formula.
    belonging : bool
        Whether texts that read as of another class are refused.
    soft_labels : bool
        Whether anchors say which share of their words is their own class's.
    sfm : bool
        Whether there is a fusion module.
    attention : {"learnt", "random"}
        Of the fusion module.
    residual : bool
        Whether SFM adds Q to the formula's result; the published form does not, and says little about Q.
    max_length : int
        Words read of a text.
    stops_early : bool
        Whether a tenth of the class is held out to stop a phase by.
    distinct : bool
        Whether a text that stands there already is refused.
    algorithm : AlgorithmSettings
    decoding : Decoding
    """

    generator: str = "pointer"
    sources: str = "all"
    k: int = 5
    budget: float | tuple[float, float] = 1 / 3
    run: float = 1.0
    inject: float = 0.0
    gate_weight: float = 0.0
    word_roles: str = "found"
    scope: int = 50
    neighbor_encoder: str | None = None
    belonging: bool = True
    soft_labels: bool = False
    dim: int = 64
    heads: int = 8
    reading: str = "samples"
    sfm: bool = True
    attention: str = "learnt"
    residual: bool = True
    max_length: int = 256
    stops_early: bool = True
    distinct: bool = True
    algorithm: AlgorithmSettings = field(default_factory=AlgorithmSettings)
    decoding: Decoding = field(default_factory=Decoding)

    def __post_init__(self) -> None:
        _one_of("generator", self.generator, GENERATORS)
        _one_of("sources", self.sources, ("difficult", "easy", "all"))
        _one_of("word_roles", self.word_roles, ("found", "shuffled"))
        _one_of("reading", self.reading, ("samples", "tokens"))
        _one_of("attention", self.attention, ("learnt", "random"))
        _one_of("tau", self.algorithm.tau, ("falling", "fixed"))
        _one_of("precision", self.algorithm.precision, ("auto", "float32", "bfloat16"))
        for name in ("k", "scope", "dim", "heads", "max_length"):
            _at_least(name, getattr(self, name), 1)
        _at_least("batch_size", self.algorithm.batch_size, 2)
        check_flag("belonging", self.belonging)
        check_flag("soft_labels", self.soft_labels)
        check_flag("sfm", self.sfm)
        check_flag("adversarial", self.algorithm.adversarial)
        steps = self.algorithm.steps
        if not (isinstance(steps, tuple) and len(steps) == 4 and all(map(_is_count, steps))):
            raise SettingsError(f"steps is {steps!r}; give four ints of 0 or more, one a phase")
        if self.dim % self.heads or self.dim < 2 * self.heads:
            raise SettingsError(
                f"dim is {self.dim} and heads is {self.heads}; dim must be a multiple of heads, at least twice it"
            )
        ends = self.budget if isinstance(self.budget, tuple) else (self.budget, self.budget)
        if not (len(ends) == 2 and all(map(is_number, ends)) and 0 < ends[0] <= ends[1] < 1):
            raise SettingsError(
                f"budget is {self.budget!r}; give a share above 0 and below 1, or two, the lesser first"
            )
        if not (is_number(self.inject) and 0 <= self.inject <= 1):
            raise SettingsError(f"inject is {self.inject!r}; give a share from 0 to 1")
        if not (is_number(self.run) and self.run >= 1):
            raise SettingsError(f"run is {self.run!r}; give a mean length of 1 or more words")
        if not is_number(self.gate_weight):
            raise SettingsError(f"gate_weight is {self.gate_weight!r}; give a number, 0 for a blind gate")
        if self.word_roles == "shuffled" and not self.gate_weight:
            raise SettingsError(
                "word_roles is 'shuffled', but a gate of weight 0 asks for none; give a gate_weight, or leave it out"
            )
        if self.attention == "random" and not (self.sfm and self.generator != "edit"):
            raise SettingsError(
                "attention is 'random', but there is no fusion module that attends; leave it out"
            )
        for name in ("mi_weight", "likelihood_floor"):
            value = getattr(self.algorithm, name)
            if not (is_number(value) and value >= 0):
                raise SettingsError(f"{name} is {value!r}; give a number of 0 or more")
        rate, gumbel = self.algorithm.learning_rate, self.algorithm.gumbel
        if not (is_number(rate) and rate > 0):
            raise SettingsError(f"learning_rate is {rate!r}; give a number above 0")
        if gumbel is not None and not (is_number(gumbel) and gumbel > 0):
            raise SettingsError(f"gumbel is {gumbel!r}; give a number above 0, or leave it out")


def recipe_of(setting: Callable[[str], Any], *, as_published: bool) -> Recipe:
    """The recipe of settings.

    Parameters
    ----------
    setting : callable
        From the name of a setting to its value.
    as_published : bool
        Whether what no setting says is as published too.

    Raises
    ------
    SettingsError
        For a setting out of range.
    """

    def chosen(*names: str) -> dict[str, Any]:
        return {name: as_tuple(setting(name)) for name in names}

    return Recipe(
        **chosen(*_OWN),
        residual=not as_published,
        stops_early=not as_published,
        distinct=not as_published,
        algorithm=AlgorithmSettings(**chosen(*_OF_TRAINING), anchor_information=not as_published),
        decoding=Decoding(strategy=setting("decoding"), **chosen("temperature", "top_k", "top_p", "beams")),
    )


def check_preset(sampler: Any) -> None:
    """Refuse an unknown preset, and settings beside one that sets them, with a SettingsError."""
    if sampler.preset not in (None, "paper"):
        raise SettingsError(f"preset is {sampler.preset!r}; choose 'paper' or leave it out")
    if sampler.preset == "paper":
        own = signature(type(sampler)).parameters
        names = [name for name in sampler.published if name in own]
        given = [name for name in names if as_tuple(getattr(sampler, name)) != own[name].default]
        if given:
            raise SettingsError(
                f"preset='paper' sets {', '.join(given)} as published; leave the preset out to set it otherwise"
            )


def check_amounts(balance: Any, counterfactual: Any) -> None:
    """Refuse settings of how much is written that are out of range, with a SettingsError."""
    if balance != "auto" and not (isinstance(balance, Real) and 0 < float(balance) <= 1):
        raise SettingsError(f"balance is {balance!r}; give a share above 0, at most 1, or 'auto'")
    if not (is_number(counterfactual) and counterfactual >= 0):
        raise SettingsError(f"counterfactual is {counterfactual!r}; give a share of 0 or more")


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}")


def _at_least(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{name} is {value!r}; give an int of {least} or more")


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0


def as_tuple(value: Any) -> Any:
    """A list, which is what JSON makes of several numbers, as a tuple; whatever else as it is."""
    return tuple(value) if isinstance(value, list) else value
