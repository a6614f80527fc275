"""What a comparison says, in words: each method against a reference, corrected for being many.

>>> found = judge({"class_weight": folds_a, "miso": folds_b}, "class_weight", test_to_train=1 / 4)  # doctest: +SKIP
>>> found.verdicts[0].sentence                                                                      # doctest: +SKIP
'better by .021 [.008, .034]'
>>> found.sentence                                                                                  # doctest: +SKIP
'miso beats class_weight here.'

Words follow the tests of :mod:`counterpoise.experiments.paired_tests` after Holm's correction, and never the means
alone. Where no difference is seen the sentence says how large it would have had to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from counterpoise.data.near import enumerated
from counterpoise.errors import SettingsError
from counterpoise.experiments.paired_tests import (
    ROPE,
    CorrectedTTest,
    Regions,
    Scores,
    corrected_t_test,
    correlated_t_test,
    paired_differences,
)
from counterpoise.experiments.rank_tests import holm

Kind: TypeAlias = Literal["better", "worse", "no difference", "not tested"]

SURE = 0.95
"""Probability from which on methods are called practically the same."""


@dataclass(frozen=True)
class Verdict:
    """One method against the reference.

    Attributes
    ----------
    method : str
    kind : {"better", "worse", "no difference", "not tested"}
        "No difference" means that none was seen, not that there is none.
    test : CorrectedTTest
        Its ``p`` is the method's own. Its interval and detectable size are at the level at which Holm's procedure
        tested this method, so that the interval excludes 0 exactly when the verdict is better or worse; the
        intervals of all methods do not hold together with 95%.
    p_adjusted : float or None
        After Holm's correction over the methods that could be tested.
    practical : Regions or None
        Probabilities that the difference matters, of this method alone; None where scores are no shares.
    sentence : str
    """

    method: str
    kind: Kind
    test: CorrectedTTest
    p_adjusted: float | None
    practical: Regions | None
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """All methods against the reference.

    Attributes
    ----------
    reference : str
    verdicts : tuple of Verdict
        In the order of the scores, without the reference.
    sentence : str
        Whether anything beats the reference.
    """

    reference: str
    verdicts: tuple[Verdict, ...]
    sentence: str


def judge(
    scores: Mapping[str, Scores],
    reference: str,
    test_to_train: float,
    *,
    level: float = 0.05,
    rope: float = ROPE,
    shares: bool = True,
) -> Judgement:
    """Compare each method with the reference on one data set.

    Parameters
    ----------
    scores : mapping of str to sequence of float or None, or ndarray
        Of every method one score a fold and seed, in the same order; larger is better (hand in the negative of a
        loss), None where undefined.
    reference : str
        The method to beat.
    test_to_train : float
        See :func:`counterpoise.experiments.paired_tests.corrected_t_test`.
    level : float, default=0.05
        Chance of any false "better" or "worse" among all methods.
    rope : float, default=0.01
        Differences up to this size do not matter in practice.
    shares : bool, default=True
        Whether scores are shares, in [0, 1] (Matthews' correlation in [-1, 1]). Of others, such as seconds and margins,
        no size is hopeless to see and none is too small to matter: ``rope`` has no use.

    Returns
    -------
    Judgement

    Raises
    ------
    DataError
        When the methods have not the same folds and seeds.
    SettingsError
        When the reference is not among the methods, or a setting is out of range.
    """
    if reference not in scores:
        raise SettingsError(f"the reference {reference!r} has no scores; choose from {', '.join(scores)}")
    differences = {
        method: paired_differences(values, scores[reference])
        for method, values in scores.items()
        if method != reference
    }
    alone = {m: corrected_t_test(values, test_to_train, level=level).p for m, values in differences.items()}
    p_values = {method: p for method, p in alone.items() if p is not None}
    corrected = holm(list(p_values.values()), level)
    step = dict(
        zip(p_values, zip(corrected.adjusted, corrected.rejected, corrected.levels, strict=True), strict=True)
    )
    verdicts = []
    for method, values in differences.items():
        adjusted, rejected, own_level = step.get(method, (None, False, level))
        test = corrected_t_test(values, test_to_train, level=own_level)
        practical = correlated_t_test(values, test_to_train, rope=rope) if shares else None
        kind = _kind(test, rejected)
        verdicts.append(
            Verdict(method, kind, test, adjusted, practical, _sentence(kind, test, practical, rope, shares))
        )
    return Judgement(reference, tuple(verdicts), _overall(reference, verdicts, shares))


def _kind(test: CorrectedTTest, rejected: bool) -> Kind:
    if test.p is None or test.mean is None:
        return "not tested"
    if not rejected:
        return "no difference"
    return "better" if test.mean > 0 else "worse"


def _sentence(kind: Kind, test: CorrectedTTest, practical: Regions | None, rope: float, shares: bool) -> str:
    words = _untested(test) if kind == "not tested" else _tested(kind, test, shares)
    if practical is not None and practical.equal >= SURE and test.detectable is not None:
        words += f"; practically the same (within {_short(rope, _digits(rope))})"
    if test.undefined:
        words += f" (undefined in {test.undefined} of {test.undefined + test.pairs} runs)"
    return words


def _tested(kind: Kind, test: CorrectedTTest, shares: bool) -> str:
    if kind in ("better", "worse"):
        # The interval excludes 0, so that by size the mean lies between its ends on either side.
        sizes = sorted(abs(value or 0.0) for value in (test.low, test.mean, test.high))
        digits = _digits(min(sizes[0], sizes[2] - sizes[1]))
        low, size, high = (_short(value, digits) for value in sizes)
        return f"{kind} by {size} [{low}, {high}]"
    if test.detectable is None:
        return f"no difference at all in {test.pairs} runs"
    if shares and test.detectable >= 1:
        return "no difference seen; too few runs, or too unlike, to see one"
    return f"no difference seen; one of {_rounded_up(test.detectable)} or more would probably have been"


def _untested(test: CorrectedTTest) -> str:
    if test.mean is None:
        return "not tested: no run in which both are defined"
    side = "higher" if test.mean > 0 else "lower"
    size = _short(abs(test.mean), _digits(abs(test.mean)))
    if test.pairs == 1:
        return "not tested: one run only" + (f", {side} by {size}" if test.mean else ", the same")
    return (
        f"not tested: {side} by the same {size} in all {test.pairs} runs, which leaves no spread to judge by"
    )


def _overall(reference: str, verdicts: Sequence[Verdict], shares: bool) -> str:
    """Whether anything beats the reference, and what became of the others."""
    if not verdicts:
        return f"There is nothing to compare {reference} with."
    of: dict[Kind, list[Verdict]] = {"better": [], "worse": [], "no difference": [], "not tested": []}
    for verdict in verdicts:
        of[verdict.kind].append(verdict)
    if len(of["not tested"]) == len(verdicts):
        return f"Nothing could be tested against {reference}."
    better = sorted(of["better"], key=lambda verdict: -(verdict.test.mean or 0.0))
    if better:
        order = " (largest difference first)" if len(better) > 1 else ""
        return f"{_names(better)}{order} {'beat' if order else 'beats'} {reference} here."
    rest = []
    if same := of["no difference"]:
        rest.append(f"no difference seen for {_names(same)}{_widest(same, shares)}")
    if worse := of["worse"]:
        rest.append(f"{_names(worse)} {'is' if len(worse) == 1 else 'are'} worse")
    if untested := of["not tested"]:
        rest.append(f"{_names(untested)} could not be tested")
    return f"Nothing beats {reference} here: {'; '.join(rest)}."


def _names(verdicts: Sequence[Verdict]) -> str:
    return enumerated(verdict.method for verdict in verdicts)


def _widest(verdicts: Sequence[Verdict], shares: bool) -> str:
    """The size that would have been seen for each of them."""
    sizes = [verdict.test.detectable for verdict in verdicts if verdict.test.detectable is not None]
    if not sizes or (shares and max(sizes) >= 1):
        return ""
    return f" (one of {_rounded_up(max(sizes))} or more would probably have been)"


def _digits(smallest: float) -> int:
    """Three, or as many as it takes for a size that is not 0 not to read as 0; at most six."""
    if smallest <= 0:
        return 3
    return min(6, max(3, math.ceil(-math.log10(smallest))))


def _short(value: float, digits: int) -> str:
    """``.021``; ``1.000``."""
    return f"{value:.{digits}f}".removeprefix("0")


def _rounded_up(value: float) -> str:
    """Never smaller than the size itself: a smaller one would not have been seen as often."""
    digits = _digits(value)
    # A size that is .03 but for rounding is .030, not .031.
    return _short(math.ceil(value * 10**digits - 1e-6) / 10**digits, digits)
