"""scikit-learn's own checks, with a reason for each that is expected to fail."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import check_class_weight_classifiers, parametrize_with_checks

from counterpoise import ArrayClassifier, TextClassifier

SETTINGS = {
    "max_epochs": 25,
    "batch_size": 16,
    "learning_rate": 0.02,
    "threshold_folds": 2,
    "precision": "float32",
    "device": "cpu",
    "random_state": 0,
}
TUNED = "predict decides by the tuned threshold, which need not be the most probable class"
EXPECTED = {
    "check_do_not_raise_errors_in_init_or_set_params": "takes **settings for method__x and backbone__x, and the "
    "check passes a parameter that is called settings",
    "check_sample_weight_equivalence_on_dense_data": "a row given twice may stand in two batches, a row of weight "
    "two stands in one; full batches are compared in the tests of the training loop",
    "check_classifiers_train": TUNED,
    "check_class_weight_classifiers": "prior correction takes the weights back out of the probabilities; passes "
    "without it, see below",
    "check_methods_subset_invariance": "asks for seven digits, the network computes in float32",
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [ArrayClassifier(**SETTINGS), TextClassifier(random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED if isinstance(estimator, ArrayClassifier) else {},
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check) -> None:
    check(estimator)


def test_class_weights_without_prior_correction() -> None:
    classifier = ArrayClassifier("erm", prior_correction=False, **SETTINGS)
    check_class_weight_classifiers("ArrayClassifier", classifier)
