"""Prior shifts against Bayes' rule by hand, and softmax at its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from counterpoise.errors import SettingsError
from counterpoise.metrics.calibration import shift_prior, softmax

PRIORS = hnp.arrays(np.float64, 3, elements=st.floats(0.01, 1))
LOGITS = hnp.arrays(np.float64, (4, 3), elements=st.floats(-30, 30))


def test_a_balanced_model_returned_to_one_in_ten() -> None:
    """Elkan 2001, theorem 2: p' = b' p (1 - b) / (b (1 - b') - p (b - b')), by hand for p = .8."""
    p = np.array([[0.2, 0.8]])
    shifted = softmax(shift_prior(np.log(p), [0.5, 0.5], [0.9, 0.1]))
    b, to = 0.5, 0.1
    elkan = to * (0.8 - 0.8 * b) / (b - 0.8 * b + to * 0.8 - b * to)
    assert shifted[0, 1] == pytest.approx(elkan, rel=1e-12)
    assert elkan == pytest.approx(0.08 / 0.26)


@given(LOGITS, PRIORS, PRIORS)
def test_shift_is_bayes_rule_with_new_shares(logits, before, after) -> None:
    p = softmax(logits)
    ratio = p * (after / after.sum()) / (before / before.sum())
    expected = ratio / ratio.sum(axis=1, keepdims=True)
    assert softmax(shift_prior(logits, before, after)) == pytest.approx(expected, abs=1e-9)


@given(LOGITS, PRIORS, PRIORS)
def test_there_and_back_is_where_one_was(logits, before, after) -> None:
    assert shift_prior(shift_prior(logits, before, after), after, before) == pytest.approx(logits, abs=1e-9)
    assert np.array_equal(shift_prior(logits, before, before), logits)


def test_counts_serve_as_shares() -> None:
    logits = np.zeros((1, 2))
    assert shift_prior(logits, [10, 10], [90, 10]) == pytest.approx(
        shift_prior(logits, [0.5, 0.5], [0.9, 0.1])
    )


def test_known_shift_of_generated_data_is_undone() -> None:
    """Resample Gaussians with a known posterior to 1:1; the shift gives back the natural posterior."""
    x = np.linspace(-3, 3, 7)
    density = np.column_stack([np.exp(-((x + 1) ** 2) / 2), np.exp(-((x - 1) ** 2) / 2)])
    natural = density * [0.98, 0.02]
    natural /= natural.sum(axis=1, keepdims=True)
    assert softmax(shift_prior(np.log(density), [1, 1], [0.98, 0.02])) == pytest.approx(natural)


@pytest.mark.parametrize(
    ("before", "after"), [([0.5, 0.0], [0.5, 0.5]), ([0.5, 0.5], [1, -1]), ([1.0], [0.5, 0.5])]
)
def test_shares_that_are_none_are_refused(before, after) -> None:
    with pytest.raises(SettingsError, match="prior"):
        shift_prior(np.zeros((1, 2)), before, after)


def test_softmax_of_huge_and_float32_logits() -> None:
    p = softmax(np.array([[1e4, -1e4, 0.0], [-1e30, -1e30, -1e30]], dtype=np.float32))
    assert p.dtype == np.float64
    assert p[0].tolist() == [1.0, 0.0, 0.0]
    assert p[1] == pytest.approx([1 / 3] * 3)
    assert softmax([[0.0, np.log(3.0)]])[0] == pytest.approx([0.25, 0.75], rel=1e-14)
