"""What ``help`` says of parameters: every one that can be given, with the default that it has."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from ast import literal_eval
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import counterpoise
from counterpoise import crossfit, difficulty, groups
from counterpoise.data import catalog, readers
from counterpoise.docstrings import parameters_of, with_parameters_of
from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.parameters import ClassifierParameters
from counterpoise.experiments.anchor_check import check_anchors
from counterpoise.experiments.compare import compare
from counterpoise.methods.llm_zero_shot import LLMZeroShot
from counterpoise.methods.registry import METHODS
from counterpoise.metrics import scores

PUBLIC: dict[str, Any] = {
    **{name: getattr(counterpoise, name) for name in counterpoise.__all__ if name != "__version__"},
    **{cls.__name__: cls for cls in (RareClassClassifier, ClassifierParameters)},
    # Methods made of samplers have the parameters of these.
    **{name: cls for name, cls in METHODS.items() if not hasattr(cls, "sampler")},
    **{f"{cls.__name__}.fit": cls.fit for cls in (RareClassClassifier,)},
    **{
        f"{name} of files": function
        for name, function in (("read", readers.read), ("stream", readers.stream))
    },
    **{
        function.__name__: function
        for function in (catalog.load, crossfit.make_folds, crossfit.holdout, groups.text_groups)
    },
    **{
        f.__name__: f
        for f in (check_anchors, compare, difficulty.overlap, scores.score, scores.score_thinned)
    },
}


def value_of(written: str) -> Any:
    """A default as docstrings write it, ``1/3`` included."""
    return float(Fraction(written)) if re.fullmatch(r"\d+/\d+", written) else literal_eval(written)


def defaults_of(entry: str) -> dict[str, Any]:
    """The default of each parameter of an entry; several may share one, or have one each."""
    names, _, kind = entry.splitlines()[0].partition(" : ")
    parameters = [name.strip() for name in names.split(",")]
    written = re.search(r"default=(.+)$", kind)
    if written is None:
        return {}
    apart = re.split(r", | and ", written[1]) if len(parameters) > 1 else [written[1]]
    apart = apart * len(parameters) if len(apart) == 1 else apart
    return dict(zip(parameters, map(value_of, apart), strict=True))


def faults_of(function: Any) -> list[str]:
    """What is wrong with what is said of the parameters of a class or function."""
    entries = parameters_of(function.__doc__)
    parameters = {name: one for name, one in inspect.signature(function).parameters.items() if name != "self"}
    faults = [f"{name} is not described" for name in parameters if name not in entries]
    faults += [f"{name} is no parameter" for name in entries if name not in parameters]
    for name in entries.keys() & parameters.keys():
        said, there = defaults_of(entries[name]), parameters[name].default
        if there is not inspect.Parameter.empty and (
            said.get(name, "") != there or not isinstance(said[name], type(there))
        ):
            faults.append(f"{name} has the default {there!r}: {entries[name].splitlines()[0]}")
    return faults


@pytest.fixture(scope="module")
def faults() -> dict[str, list[str]]:
    """Of all, found in a process in which defaults are what they are: those of slow methods are lowered in this one."""
    code = "from test_docstring_parameters import *; print(json.dumps({n: faults_of(f) for n, f in PUBLIC.items()}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_parameter_is_described_with_its_default(faults, name) -> None:
    assert faults[name] == []


def test_faults_are_found() -> None:
    def one(a: int, b: float = 1.0, c: str | None = None) -> None:
        """One.

        Parameters
        ----------
        b : float, default=1
        c : str or None
        d : int
        """

    assert sorted(faults_of(one)) == [
        "a is not described",
        "b has the default 1.0: b : float, default=1",
        "c has the default None: c : str or None",
        "d is no parameter",
    ]


@pytest.mark.parametrize("cls", [RareClassClassifier, counterpoise.TextClassifier])
@pytest.mark.parametrize("name", ["predict", "predict_proba", "decision_function", "embed"])
def test_what_predicts_says_what_it_takes_and_gives(cls, name) -> None:
    assert parameters_of(getattr(cls, name).__doc__).keys() == {"X"}
    assert "Returns\n" in getattr(cls, name).__doc__


def test_samplers_say_what_they_take() -> None:
    writer = counterpoise.LanguageModelWriter.fit_resample
    assert parameters_of(writer.__doc__).keys() == {"X", "y"}


def test_classifiers_of_arrays_and_images_say_what_those_of_texts_do() -> None:
    texts = parameters_of(counterpoise.TextClassifier.__doc__)
    for cls in (counterpoise.ArrayClassifier, counterpoise.ImageClassifier):
        own = parameters_of(cls.__doc__)
        assert {key for key in texts if own[key] != texts[key]} == {"method", "backbone"}


def test_a_docstring_is_completed_in_the_order_of_the_signature() -> None:
    class Whole:
        """Whole.

        Parameters
        ----------
        a, b : int
            Numbers.
        c : str, default="c"
            A letter.

            And more of it.
        **rest
            The rest.
        """

    @with_parameters_of(Whole)
    class Part:
        """Part.

        Parameters
        ----------
        c : str, default="d"
            Another one.

        Notes
        -----
        None.
        """

        def __init__(self, d: int, c: str = "d", b: int = 1, **rest: int) -> None: ...

    @with_parameters_of(Whole)
    class Bare:
        """Bare."""

        def __init__(self, c: str = "c") -> None: ...

    @with_parameters_of(Whole)
    class Undescribed:
        def __init__(self, c: str = "c") -> None: ...

    assert Part.__doc__ == (
        'Part.\n\nParameters\n----------\nc : str, default="d"\n    Another one.\na, b : int\n    Numbers.\n'
        "**rest\n    The rest.\n\nNotes\n-----\nNone.\n"
    )
    assert Bare.__doc__ == (
        'Bare.\n\nParameters\n----------\nc : str, default="c"\n    A letter.\n\n    And more of it.\n'
    )
    assert Undescribed.__doc__ is None
    assert parameters_of(None) == parameters_of("Nothing.") == {}


def test_methods_that_take_sparse_rows_are_named() -> None:
    taking = {name for name, cls in METHODS.items() if cls.takes_sparse}
    assert "smote" in taking
    sentence = counterpoise.ArrayClassifier.__doc__.split("Sparse ones")[1].split(";")[0]
    assert set(re.findall(r'``"(\w+)"``', sentence)) == taking


def test_parameters_that_share_an_entry_have_it_once() -> None:
    said = LLMZeroShot.__doc__ or ""
    assert said.count("price_in, price_out :") == 1
    assert {"price_in", "price_out", "api_key_env"} <= parameters_of(said).keys()
