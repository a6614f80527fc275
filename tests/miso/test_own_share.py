"""Anchors that say which share of them is their own class's, and methods that learn them so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from counterpoise import MISO, TextClassifier
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling.anchors import anchor_schema, anchors_from, file_table
from tiny_miso import QUICK, corpus


def apart(n_rare: int = 12, n_plain: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Texts whose words all tell their class by the first letter."""
    rng = np.random.default_rng(0)
    texts = [
        " ".join(f"{letter}{i}" for i in rng.integers(0, 40, 8)) for letter in "r" * n_rare + "p" * n_plain
    ]
    return np.array(texts, dtype=object), np.array(["rare"] * n_rare + ["plain"] * n_plain, dtype=object)


@pytest.mark.parametrize("inject", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("generator", ["edit", "pointer"])
def test_the_share_is_that_of_the_words_which_no_majority_text_lent(generator, inject) -> None:
    texts, labels = apart()
    settings = {"generator": generator, "inject": inject, "belonging": False, **QUICK, "random_state": 0}
    sampler, plain = MISO(**settings, soft_labels=True), MISO(**settings)
    _, y = sampler.fit_resample(texts, labels)
    assert set(y[len(texts) :].tolist()) == {"rare"}
    for anchor in anchors_from(sampler.anchors_):
        own = [word.startswith("r") for word in anchor.text.split()]
        assert anchor.own_share == pytest.approx(np.mean(own))
        assert inject < 1 or anchor.own_share == 1
    shares = sampler.anchors_["own_share"].to_numpy()
    assert np.mean(shares) == pytest.approx(1 - (1 - inject) / 3, abs=0.05)
    plain.fit_resample(texts, labels)
    assert sampler.anchors_.drop_columns("own_share").equals(plain.anchors_)
    assert plain.anchors_.schema.names == anchor_schema(plain.anchors_["label"].type).names
    assert sampler.sample(2).schema.names[-1] == "own_share"
    rows = np.arange(len(texts))
    assert file_table(sampler.anchors_, texts, rows, "miso", labels)["own_share"].to_pylist() == [
        *[None] * len(texts),
        *shares.tolist(),
    ]


def test_the_free_decoder_lends_what_only_the_partner_has() -> None:
    texts, labels = corpus()
    sampler = MISO(generator="free", soft_labels=True, **{**QUICK, "steps": (30, 5, 1, 1)}, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # it may supply too few
        sampler.fit_resample(texts, labels)
    anchors = anchors_from(sampler.anchors_)
    for anchor in anchors:
        own, lent = (set(texts[row].split()) for row in (anchor.source_row, anchor.partner_rows[0]))
        words = anchor.text.split()
        assert anchor.own_share == pytest.approx(1 - np.mean([word in lent - own for word in words]))
    assert any(anchor.own_share < 1 for anchor in anchors)


def test_as_a_method_the_rest_is_of_the_partners_class() -> None:
    texts, labels = corpus(8, 40)
    labels = (labels == "rare").astype(np.int64)
    labels[8:12] = 2
    data = Data(texts, labels, 3, np.linspace(1, 2, 48))
    method = make_method("miso_edit", {"soft_labels": True, "counterfactual": 0.25})
    made = method.resample(data, Context(seed=0))
    sampler = MisoEdit(soft_labels=True, counterfactual=0.25, random_state=0)
    sampler.fit_resample(texts, labels)
    np.testing.assert_array_equal(made.soft_labels[:48], np.eye(3)[labels])
    for row, anchor in enumerate(anchors_from(sampler.anchors_), start=48):
        expected = np.zeros(3)
        expected[labels[anchor.source_row]] = anchor.own_share
        expected[labels[anchor.partner_rows[0]]] += 1 - anchor.own_share
        np.testing.assert_allclose(made.soft_labels[row], expected)
        assert made.labels[row] == labels[anchor.source_row]
    np.testing.assert_allclose(made.soft_labels.sum(axis=1), 1)
    mass = made.weights @ made.soft_labels
    np.testing.assert_allclose(made.class_mass(), mass / mass.sum())
    assert make_method("miso_edit").resample(data, Context(seed=0)).soft_labels is None


def test_a_network_learns_that_anchors_are_not_wholly_of_their_class() -> None:
    texts, labels = apart(20, 60)
    settings = {"threshold": 0.5, "validation_fraction": 0.0, "max_epochs": 5, "precision": "float32"}
    settings |= {"random_state": 0, "device": "cpu", "prior_correction": False, "method__belonging": False}
    settings["method__budget"] = 0.6
    hard, soft = (
        TextClassifier("miso_edit", method__soft_labels=soft, **settings).fit(texts, labels)
        for soft in (False, True)
    )
    rare = list(hard.classes_).index("rare")
    priors = [model.fitted_.predictor.training_prior[rare] for model in (hard, soft)]
    assert priors == pytest.approx([0.5, 0.5 - 0.6 * 40 / 120], abs=0.02)
    mixed = np.array([f"r{i} r{i + 1} p{i} p{i + 1} p{i + 2}" for i in range(30)], dtype=object)
    found = [model.predict_proba(mixed)[:, rare].mean() for model in (hard, soft)]
    assert found[0] > found[1] + 0.2


def test_folds_that_choose_the_balance_do_not_learn_them() -> None:
    with pytest.raises(SettingsError, match="soft_labels is true, but folds"):
        MisoEdit(soft_labels=True, balance="auto").fit_resample(*corpus())
