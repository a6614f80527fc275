"""Verdicts: the sentences word for word, and that words, intervals and p values never contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.verdicts import judge

BASE = np.array([0.50, 0.55, 0.60, 0.52, 0.58])
NOISE = np.array([-0.002, 0.001, 0.002, -0.001, 0.0])  # s = sqrt(10 / 4) / 1000; its mean is 0
SE = 0.001 * np.sqrt(2.5 * (1 / 5 + 1 / 4))


def against(**methods):
    """Judgement of methods given as differences from the reference."""
    scores = {"class_weight": BASE, **{name: BASE + np.asarray(d) for name, d in methods.items()}}
    return judge(scores, "class_weight", 1 / 4)


def only(differences):
    return against(miso=differences).verdicts[0]


def test_better_and_worse_by_hand():
    # 2.776445 is Student's 97.5% point of four degrees of freedom: .021 +- .0029.
    better, worse = only(0.021 + NOISE), only(-0.021 + NOISE)
    assert (better.kind, better.sentence) == ("better", "better by .021 [.018, .024]")
    assert (worse.kind, worse.sentence) == ("worse", "worse by .021 [.018, .024]")
    assert better.practical.better == pytest.approx(worse.practical.worse)
    assert better.practical.better > 0.99
    assert (better.test.high - better.test.mean) == pytest.approx(2.776445 * SE)


def test_no_difference_says_what_would_have_been_seen():
    found = only(10 * NOISE + 0.004)
    assert found.kind == "no difference"
    # 3.761060 is the noncentrality of four degrees of freedom at 80%: .0399, rounded up.
    assert found.test.detectable == pytest.approx(3.761060 * 10 * SE)
    assert found.sentence == "no difference seen; one of .040 or more would probably have been"


def test_sizes_are_rounded_up():
    found = only(10 * NOISE + 0.004).test.detectable
    scale = 0.0301 / found
    assert ".031 or more" in only(scale * 10 * NOISE).sentence
    assert ".030 or more" in only(scale * 0.03 / 0.0301 * 10 * NOISE).sentence


def test_a_small_difference_is_called_practically_the_same():
    assert only(0.1 * NOISE + 0.002).sentence == (
        "better by .0020 [.0017, .0023]; practically the same (within .010)"
    )
    assert only(0.5 * NOISE).sentence.endswith("; practically the same (within .010)")


def test_an_end_that_is_not_0_does_not_read_so():
    found = only(NOISE + 2.776445 * SE + 0.0002)  # .00294 + .0002, and as much again less .0002
    assert found.sentence == "better by .0031 [.0002, .0061]; practically the same (within .010)"


@pytest.mark.parametrize(
    ("differences", "sentence"),
    [
        ([0, 0, 0, 0, 0], "no difference at all in 5 runs"),
        ([0.1] * 5, "not tested: higher by the same .100 in all 5 runs, which leaves no spread to judge by"),
        (
            [np.nan, np.nan, -0.2, np.nan, np.nan],
            "not tested: one run only, lower by .200 (undefined in 4 of 5 runs)",
        ),
        ([np.nan] * 5, "not tested: no run in which both are defined (undefined in 5 of 5 runs)"),
        ([-0.9, 0.9, -0.4, 0.4, 0], "no difference seen; too few runs, or too unlike, to see one"),
    ],
)
def test_what_cannot_be_told(differences, sentence):
    found = only(differences)
    assert found.sentence == sentence
    assert found.kind == ("not tested" if sentence.startswith("not tested") else "no difference")
    assert (found.p_adjusted is None) == (found.kind == "not tested")


def test_what_is_no_share_may_differ_by_any_size():
    scores = {"class_weight": 50 * BASE, "a": 50 * (BASE + 10 * NOISE)}
    found = judge(scores, "class_weight", 1 / 4, shares=False)
    assert found.verdicts[0].sentence == "no difference seen; one of 1.995 or more would probably have been"
    assert "(one of 1.995 or more would probably have been)" in found.sentence
    small = judge({"class_weight": BASE, "a": BASE + NOISE / 100}, "class_weight", 1 / 4, shares=False)
    assert "practically" not in small.verdicts[0].sentence


def test_undefined_runs_are_told():
    assert only([*(0.021 + NOISE[:4]), np.nan]).sentence.endswith("] (undefined in 1 of 5 runs)")


def test_being_many_counts():
    """A difference that alone would be shown is not among ten, and its interval says so too."""
    just = NOISE + 3.2 * SE  # t = 3.2: p = .033
    assert only(just).kind == "better"
    many = against(miso=just, **{f"other{i}": NOISE for i in range(9)})
    found = many.verdicts[0]
    assert found.test.p == pytest.approx(only(just).test.p)
    assert found.p_adjusted == pytest.approx(10 * found.test.p)
    assert found.kind == "no difference"
    assert found.test.low < 0 < found.test.high
    assert found.test.level == pytest.approx(0.005)
    # What could not be tested is not counted.
    assert against(miso=just, **{f"other{i}": [0.1] * 5 for i in range(9)}).verdicts[0].kind == "better"


def test_overall_sentences():
    good, bad, same, untested = NOISE + 0.02, NOISE - 0.02, 10 * NOISE, [np.nan] * 5
    assert against(miso=good, erm=same).sentence == "miso beats class_weight here."
    assert against(miso=good, swap=2 * good, erm=bad).sentence == (
        "swap and miso (largest difference first) beat class_weight here."
    )
    assert against(erm=bad, swap=bad).sentence == "Nothing beats class_weight here: erm and swap are worse."
    assert against(erm=same).sentence == (
        "Nothing beats class_weight here: no difference seen for erm (one of .040 or more would probably have been)."
    )
    # Of several sizes the one that holds for all; none where one of them is beyond any difference of shares.
    wide, hopeless = 20 * NOISE, 1000 * NOISE
    # Holm's level for two that stand is .025: Student's point 3.4954, and the noncentrality 4.584.
    assert "seen for a and b (one of .098 or more" in against(a=same, b=wide).sentence
    assert (
        against(a=same, b=hopeless).sentence
        == "Nothing beats class_weight here: no difference seen for a and b."
    )
    assert against(a=[0] * 5, b=bad, c=untested).sentence == (
        "Nothing beats class_weight here: no difference seen for a; b is worse; c could not be tested."
    )
    assert against(erm=untested).sentence == "Nothing could be tested against class_weight."
    assert against().sentence == "There is nothing to compare class_weight with."


tables = arrays(np.float64, st.tuples(st.integers(2, 5), st.integers(2, 6)), elements=st.floats(0, 1))


@given(tables)
@settings(max_examples=60)
def test_words_intervals_and_p_values_agree(table):
    scores = {f"m{i}": row for i, row in enumerate(table)}
    found = judge(scores, "m0", 1 / 4)
    assert [v.method for v in found.verdicts] == list(scores)[1:]
    for verdict in found.verdicts:
        test = verdict.test
        if verdict.kind == "not tested":
            assert test.p is None
            continue
        assert verdict.p_adjusted >= test.p
        shown = verdict.kind in ("better", "worse")
        if abs(test.p - test.level) > 1e-9:
            assert shown == (test.low > 0 or test.high < 0)
            assert shown == (verdict.p_adjusted < 0.05)
        assert not shown or (verdict.kind == "better") == (test.mean > 0)
        if not shown and test.detectable is not None:
            assert abs(test.mean) < test.detectable
    assert found.sentence.startswith("Nothing") != any(v.kind == "better" for v in found.verdicts)


@given(tables)
@settings(max_examples=30)
def test_two_methods_swapped_say_the_opposite(table):
    one = judge({"a": table[0], "b": table[1]}, "a", 1 / 4).verdicts[0]
    other = judge({"a": table[0], "b": table[1]}, "b", 1 / 4).verdicts[0]
    opposite = {"better": "worse", "worse": "better"}
    assert other.kind == opposite.get(one.kind, one.kind)
    assert other.sentence.split()[2:] == [
        {"higher": "lower", "lower": "higher"}.get(w, w) for w in one.sentence.split()[2:]
    ]


def test_refusals():
    with pytest.raises(SettingsError, match=r"'miso' has no scores; choose from erm"):
        judge({"erm": [0.1, 0.2]}, "miso", 1 / 4)
    with pytest.raises(DataError, match="same folds"):
        judge({"erm": [0.1, 0.2], "miso": [0.1]}, "erm", 1 / 4)
