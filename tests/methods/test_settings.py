"""Settings of the wrong type and numbers that are none, over all methods: refused by ``check`` in one sentence."""

from __future__ import annotations

import inspect
import math
from typing import Any, get_args

import pytest

from counterpoise.errors import SettingsError
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.sampled import SampledMethod

NO_NUMBERS = ["two", None, math.nan, math.inf, -math.inf]
NO_BOOLEANS = ["no", None, 1]


def kinds_of(name: str) -> dict[str, set[Any]]:
    """What each setting of a method may be, by its annotation."""
    cls: Any = METHODS[name]
    signature = inspect.signature(cls.sampler if issubclass(cls, SampledMethod) else cls, eval_str=True)
    annotations = {key: parameter.annotation for key, parameter in signature.parameters.items()}
    return {
        key: set(get_args(annotations[key]) or [annotations[key]]) for key in make_method(name).get_params()
    }


def wrong_values() -> list[tuple[str, str, Any]]:
    found = []
    for name in METHODS:
        for key, kinds in kinds_of(name).items():
            values = NO_NUMBERS if kinds & {int, float} else NO_BOOLEANS if bool in kinds else []
            found += [(name, key, value) for value in values if value is not None or type(None) not in kinds]
    return found


@pytest.mark.parametrize(("name", "key", "value"), wrong_values(), ids=str)
def test_what_is_no_number_or_no_truth_value_is_refused(name, key, value) -> None:
    method = make_method(name, {key: value})
    with pytest.raises(SettingsError, match=f"^{key} is ") as error:
        method.check()
    assert repr(value) in str(error.value)
    assert "\n" not in str(error.value)


OUT_OF_RANGE = [
    ("class_weight", "power", -0.1),
    ("class_balanced", "beta", 1.0),
    ("class_balanced", "beta", -0.1),
    ("focal", "gamma", -0.1),
    ("dice", "alpha", -0.1),
    ("dice", "smoothing", 0.0),
    ("dice", "denominator", "cubic"),
    ("ldam", "max_margin", -0.1),
    ("ldam", "scale", 0),
    ("logit_adjustment", "tau", -3),
    ("mixup", "depth", 1.1),
    ("mixup", "depth", -0.1),
    ("soft_smote", "depth", 1.1),
    ("remix", "ratio", 0.9),
    ("remix", "threshold", 1.1),
    ("mixtext", "word_dropout", 1.0),
    ("crt", "head_epochs", 0),
    ("lws", "scale_learning_rate", 0.0),
    ("two_stage", "head_epochs", True),
    ("sharprecl", "beta", 1.0),
    ("tfidf_lr", "sampler", ["miso"]),
    ("encoder_lr", "encoder", 5),
    ("miso", "gumbel", 0.0),
    ("miso", "likelihood_floor", -0.1),
    ("miso", "mi_weight", -0.1),
    ("miso", "learning_rate", 0.0),
    ("miso", "run", 0.9),
    ("miso", "inject", 1.1),
    ("miso", "budget", (0.1, "most")),
    ("miso", "budget", (0.1, 0.2, 0.3)),
    ("miso", "budget", (0.5, 0.2)),
    ("miso", "steps", (1, 2, 3)),
    ("miso", "steps", (1, 2, 3, -1)),
    ("miso", "steps", (1, 2, 3, True)),
]
"""Just beyond the last value that is taken."""
ENDS = [
    ("class_weight", "power", 0),
    ("class_balanced", "beta", 0),
    ("focal", "gamma", 0),
    ("dice", "alpha", 0),
    ("ldam", "max_margin", 0),
    ("logit_adjustment", "tau", 0),
    ("mixup", "depth", 1),
    ("soft_smote", "depth", 0),
    ("remix", "ratio", 1),
    ("remix", "threshold", 0),
    ("remix", "threshold", 1),
    ("mixtext", "word_dropout", 0),
    ("tau_norm", "tau", None),
    ("sharprecl", "scale", None),
    ("drw", "drw", True),
    ("llm_zero_shot", "price_in", None),
    ("miso", "gumbel", None),
    ("miso", "gate_weight", -1.0),
    ("miso", "likelihood_floor", 0),
    ("miso", "mi_weight", 0),
    ("miso", "run", 1),
    ("miso", "inject", 1),
    ("miso", "budget", [0.2, 0.2]),
    ("miso", "steps", [0, 0, 0, 0]),
]
"""Values at the end of their range, those that mean none, and lists, as JSON has them."""


@pytest.mark.parametrize(("name", "key", "value"), OUT_OF_RANGE, ids=str)
def test_what_is_out_of_range_is_refused(name, key, value) -> None:
    with pytest.raises(SettingsError, match=f"^{key} is ") as error:
        make_method(name, {key: value}).check()
    assert repr(value) in str(error.value)


@pytest.mark.parametrize(("name", "key", "value"), ENDS, ids=str)
def test_what_is_at_the_end_of_its_range_is_taken(name, key, value) -> None:
    make_method(name, {key: value}).check()


@pytest.mark.parametrize("name", METHODS)
def test_the_defaults_are_taken(name) -> None:
    make_method(name).check()
