"""Accuracy and the rarest third, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from counterpoise.metrics.many_classes import NAMES, score_all_classes, score_prior_corrected


@given(st.integers(2, 9), st.integers(1, 60), st.integers(0, 99))
def test_against_scikit_learn(n_classes, n, seed) -> None:
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(n_classes, size=n), rng.dirichlet(np.ones(n_classes), n)
    fitted = rng.permutation(n_classes) + 1
    decided = probabilities.argmax(axis=1)
    found = score_all_classes(labels, probabilities, fitted)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, decided))
    rarest = [c for c in range(n_classes) if fitted[c] <= max(round(n_classes / 3), 1)]
    expected = f1_score(labels, decided, labels=rarest, average="macro", zero_division=0)
    assert found["f1_rarest_third"] == pytest.approx(expected)
    corrected = score_prior_corrected(labels, probabilities, fitted)
    macro_f1 = f1_score(labels, decided, average="macro", zero_division=0)
    assert corrected.pop("macro_f1_prior_corrected") == pytest.approx(macro_f1)
    assert corrected == {f"{name}_prior_corrected": value for name, value in found.items()}
    assert {*found, *corrected, "macro_f1_prior_corrected"} == set(NAMES)


def test_by_what_was_fitted_and_not_by_what_is_tested() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2])
    probabilities = np.eye(3)[[0, 1, 1, 2, 2, 2]]
    assert score_all_classes(labels, probabilities, [90, 9, 50])["f1_rarest_third"] == pytest.approx(2 / 3)
    assert score_all_classes(labels, probabilities, [90, 50, 9])["f1_rarest_third"] == 1.0
    assert score_all_classes(labels, probabilities, [9, 90, 90])["f1_rarest_third"] == pytest.approx(2 / 3)
    assert score_all_classes(labels, probabilities, [7, 7, 9])["f1_rarest_third"] == pytest.approx(2 / 3)
