"""Sparse arrays: taken as they are by what trains no network, and refused in one sentence by what does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.utils.estimator_checks import check_estimator_sparse_array, check_estimator_sparse_tag

from counterpoise import ArrayClassifier, load_model
from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.registry import METHODS
from counterpoise.methods.sparse_linear import common_scale

POINTS = ["smote", "borderline_smote", "adasyn"]
ENSEMBLES = ["balanced_forest", "easy_ensemble"]
TAKING = [name for name, method in METHODS.items() if method.takes_sparse]
SETTINGS = {"random_state": 0, "threshold_folds": 2, "max_epochs": 2, "device": "cpu", "precision": "float32"}
CONTAINERS = pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_matrix])


def counted(arrays_of) -> tuple[np.ndarray, np.ndarray]:
    """Rows of whole numbers, most of them 0."""
    values, labels = arrays_of((60, 20))
    return np.where(np.abs(values) > 0.8, np.round(values, 1), 0.0), labels


def test_which_methods_take_them() -> None:
    assert [*POINTS, *ENSEMBLES] == TAKING


@CONTAINERS
@pytest.mark.parametrize("name", POINTS)
def test_points_between_them_are_learnt_from_by_a_linear_model(name, container, arrays_of, tmp_path) -> None:
    values, labels = counted(arrays_of)
    values = values * np.array([1, 1000])[np.arange(values.shape[1]) % 2]  # a unit must not count
    classifier = ArrayClassifier(name, **SETTINGS).fit(container(values), labels)
    found = classifier.predict_proba(container(values))
    assert average_precision_score(labels, found[:, 1]) > 0.9
    assert classifier.fitted_.scored_on == "out-of-fold", "no rows are held out where no network stops early"
    np.testing.assert_allclose(classifier.predict_proba(values), found, atol=1e-12)
    classifier.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(container(values)), found)
    units = ArrayClassifier(name, **SETTINGS).fit(container(values / 16), labels)
    np.testing.assert_allclose(units.predict_proba(container(values / 16)), found, atol=1e-6)
    with pytest.raises(SettingsError, match="trains no network on sparse data"):
        ArrayClassifier(name, label_smoothing=0.1, **SETTINGS).fit(container(values), labels)


def test_a_feature_that_is_never_there_and_a_row_of_zeros_do_no_harm() -> None:
    rows = sp.csr_matrix(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, -4.0, 1.0]]))
    scale = common_scale(rows)
    scaled = rows.toarray() * scale
    np.testing.assert_allclose(scale[1:] / scale[0], [0.25, 1.0])
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1).mean(), 1)


@CONTAINERS
@pytest.mark.parametrize("name", ENSEMBLES)
def test_they_are_learnt_from_as_dense_ones_are(name, container, arrays_of) -> None:
    values, labels = counted(arrays_of)
    dense = ArrayClassifier(name, **SETTINGS).fit(values, labels)
    sparse = clone(dense).fit(container(values), labels)
    assert sparse.n_features_in_ == values.shape[1]
    expected = dense.predict_proba(values)
    np.testing.assert_allclose(sparse.predict_proba(container(values)), expected, atol=1e-12)
    np.testing.assert_allclose(sparse.predict_proba(values), expected, atol=1e-12)
    assert sp.issparse(sparse.embed(container(values)))


def test_weights_groups_and_rows_to_choose_by_go_with_them(arrays_of) -> None:
    values, labels = counted(arrays_of)
    weights, groups = np.arange(80) % 4, np.arange(80) // 2
    held_out = (sp.csr_array(values[:20]), labels[:20])
    classifier = ArrayClassifier("easy_ensemble", **SETTINGS)
    classifier.fit(sp.csr_array(values), labels, sample_weight=weights, groups=groups)
    expected = clone(classifier).fit(values, labels, sample_weight=weights, groups=groups)
    np.testing.assert_allclose(classifier.predict_proba(values), expected.predict_proba(values), atol=1e-12)
    classifier.fit(sp.csr_array(values[20:]), labels[20:], validation=held_out)
    assert classifier.fitted_.scored_on == "validation"
    with pytest.raises(DataError, match="there are 80 rows and 79 labels"):
        classifier.fit(sp.csr_array(values), labels[:-1])
    with pytest.raises(DataError, match="validation has 20 rows and 19 labels"):
        classifier.fit(sp.csr_array(values), labels, validation=(held_out[0], labels[:19]))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_are_found_in_them(value) -> None:
    values = np.eye(20)
    values[7, 3] = value
    with pytest.raises(DataError, match=r"row 7, column 3 is (NaN|inf)"):
        ArrayClassifier("balanced_forest").fit(sp.csr_array(values), [0] * 10 + [1] * 10)


@CONTAINERS
@pytest.mark.parametrize("name", [None, "erm"])
def test_a_network_refuses_them_in_one_sentence(name, container, arrays_of) -> None:
    values, labels = counted(arrays_of)
    said = (
        f"X is sparse, but method {name or 'class_weight'!r} trains a network, which needs dense rows; give "
        "X.toarray(), texts to a TextClassifier, or one of the methods that take it: smote, borderline_smote, adasyn, "
        "balanced_forest, easy_ensemble"
    )
    with pytest.raises(DataError) as error:
        ArrayClassifier(name, **SETTINGS).fit(container(values), labels)
    assert str(error.value) == said
    if name == "erm":
        with pytest.raises(DataError, match="X is sparse"):
            ArrayClassifier(name, **SETTINGS).fit(values, labels).predict(container(values))


@pytest.mark.parametrize("name", ["erm", "balanced_forest", "nosuch"])
def test_scikit_learn_is_told(name) -> None:
    classifier = ArrayClassifier(name, **SETTINGS)
    assert classifier.__sklearn_tags__().input_tags.sparse == (name == "balanced_forest")
    if name != "nosuch":
        check_estimator_sparse_tag("ArrayClassifier", classifier)
        check_estimator_sparse_array("ArrayClassifier", classifier)
