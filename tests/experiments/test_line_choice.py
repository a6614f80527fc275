"""Lines of a table by the names that it prints."""

from __future__ import annotations

import pytest

from counterpoise.errors import SettingsError
from counterpoise.experiments.papers import dos, miso, mixup, sharprecl
from counterpoise.experiments.papers.base import Table
from counterpoise.experiments.papers.line_choice import chosen_lines, without

NAMES = ["ERM", "DOS, k = 5", "DOS, k = 5, random groups", "random groups", "SupCon, TextCNN"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("erm", [0]),
        ("SupCon,  textcnn ,ERM", [0, 4]),
        ("DOS, k = 5", [1]),
        ("DOS, k = 5, random groups", [2]),
        ("random groups, DOS, k = 5", [1, 3]),
        ("ERM,,ERM,", [0]),
    ],
)
def test_names_have_commas_and_the_longest_counts(asked, found) -> None:
    assert chosen_lines(NAMES, asked) == [NAMES[i] for i in found]


def test_what_is_no_line_is_told_with_what_is_near() -> None:
    with pytest.raises(SettingsError) as told:
        chosen_lines(NAMES, "SupCn, TextCNN, ERM, nothing")
    assert str(told.value) == (
        "--lines: there is no line 'SupCn, TextCNN' and none 'nothing'; did you mean 'SupCon, TextCNN'? There are: "
        "ERM; DOS, k = 5; DOS, k = 5, random groups; random groups; SupCon, TextCNN"
    )
    with pytest.raises(SettingsError, match="there is no line ' '; choose from"):
        chosen_lines(NAMES, " ")


def test_a_table_without_some_lines() -> None:
    table = Table("T", ("ratio", "method", "x"), (("10", "ERM", "1"), ("10", "Mixup", "ERM")), 2, ("a",))
    assert without(table, []) is table
    left = without(table, ["ERM"])
    assert left.rows == (("10", "Mixup", "ERM"),), "numbers are no names"
    assert left.foot == ("a", "Left out by --lines: ERM.")


@pytest.mark.parametrize("paper", [dos, miso, mixup, sharprecl])
def test_names_of_lines_are_told_apart_in_each_table(paper) -> None:
    named = {table: paper.lines_of(table) for table in paper.TABLES}
    assert any(named.values())
    for names in filter(None, named.values()):
        for name in names:
            assert chosen_lines(names, name.upper()) == [name]
        assert chosen_lines(names, ", ".join(reversed(names))) == list(names)
