"""Settings that take several kinds of values: what their signatures say is what ``--set`` takes, and no more."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from counterpoise.cli.kinds import fits, in_words, kinds_of
from counterpoise.cli.settings import training_settings
from counterpoise.errors import SettingsError
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.samplers import SAMPLERS

EVERY = {**METHODS, **SAMPLERS}


def settings_of(methods: str, *sets: str) -> dict[str, Any]:
    return training_settings(methods.split(","), {}, sets=list(sets), backbone=None)


@pytest.mark.parametrize("name", ["mixup", "remix", "mamix", "ldam", "ldam_drw", "drw"])
@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("0.7", 0.7)])
def test_drw_is_true_false_or_a_share(name, text, value) -> None:
    found = settings_of(name, f"method__drw={text}")["method__drw"]
    assert (found, type(found)) == (value, type(value))
    make_method(name, {"drw": found}).check()


@pytest.mark.parametrize("text", ["late", "NaN", "[1]", "null"])
def test_drw_is_nothing_else(text) -> None:
    with pytest.raises(SettingsError, match=r"drw=.*: give true or false or a number$"):
        settings_of("mixup", f"method__drw={text}")


def test_groups_are_found_drawn_or_left_away() -> None:
    for text, value in (("true", True), ("false", False), ("random", "random"), ('"random"', "random")):
        assert settings_of("dos", f"method__abstract_labels={text}") == {"method__abstract_labels": value}
    for text in ("yes", "1", "0.5"):
        with pytest.raises(SettingsError, match=r"abstract_labels=.*: give true or false or random$"):
            settings_of("dos", f"method__abstract_labels={text}")


def test_prototypes_are_there_or_not_or_means() -> None:
    for text, value in (("true", True), ("false", False), ("mean", "mean")):
        assert settings_of("sharprecl", f"method__prototypes={text}") == {"method__prototypes": value}
    with pytest.raises(SettingsError, match=r"prototypes=.*: give true or false or mean$"):
        settings_of("sharprecl", "method__prototypes=median")


def test_of_several_methods_each_may_take_its_own_kind() -> None:
    for text in ("true", "0.7"):
        assert settings_of("ldam_drw,mixup", f"method__drw={text}")
    assert settings_of("erm,miso", "method__balance=auto") == {"method__balance": "auto"}


def test_the_command_line_passes_them_on(labelled, run, tmp_path) -> None:
    common = ("--set", "max_epochs=1", "--set", "backbone__n_filters=4", "--quiet")
    run("fit", labelled, "--method", "mixup", "--set", "method__drw=0.7", "-o", tmp_path / "m", *common)
    error = run("fit", labelled, "--method", "mixup", "--set", "method__drw=1", "-o", tmp_path / "n", code=2)
    assert "drw is 1, which may mean true or false or a share of the epochs" in error.stderr


class Owner:
    def __init__(
        self,
        *,
        share: bool | float = False,
        word: float | Literal["auto"] = 1.0,
        count: int = 3,
        path: str | None = None,
    ) -> None: ...


def test_kinds_are_those_of_the_signature() -> None:
    assert kinds_of(Owner()) == {
        "share": [bool, float],
        "word": [float, "auto"],
        "count": [int],
        "path": [],
        "return": [],
    }


@pytest.mark.parametrize("name", sorted(EVERY))
def test_signatures_can_be_read(name) -> None:
    """A setting takes the kind of its default, whatever else its signature names."""
    made = EVERY[name]()
    kinds = kinds_of(made)
    for key, value in made.get_params(deep=False).items():
        if isinstance(value, bool | int | float) and kinds.get(key):
            assert fits(value, kinds[key]), f"{name}: {key}"


@pytest.mark.parametrize(
    ("value", "kinds", "right"),
    [
        (True, [int, float], False),
        (1, [bool], False),
        (1, [int], True),
        (1, [float], True),
        (1.5, [int], False),
        (float("inf"), [float], False),
        (10**400, [float], False),
        (10**400, [int], False),
        (10**30, [int], False),
        (10**30, [float], True),
        ("auto", [float, "auto"], True),
        ("a number", [float, "auto"], False),
        (["auto"], [float, "auto"], False),
    ],
)
def test_fits(value, kinds, right) -> None:
    assert fits(value, kinds) == right


def test_in_words() -> None:
    assert in_words([float]) == "a number"
    assert in_words([bool, int, "auto"]) == "true or false, a whole number or auto"
