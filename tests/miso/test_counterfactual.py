"""Counterfactual texts: of the largest class, near the others, with words of theirs, and with its own label."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from counterpoise import MISO
from counterpoise.difficulty import difficult_samples
from counterpoise.errors import ModelError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling import balance
from counterpoise.oversampling.anchors import anchors_from
from tiny_miso import QUICK, corpus


@pytest.mark.parametrize("generator", ["edit", "pointer"])
def test_difficult_texts_of_the_largest_class_borrow_from_the_rare_one(generator) -> None:
    texts, labels = corpus()
    settings = {"generator": generator, **QUICK, "precision": "float32", "random_state": 0}
    plain, sampler = MISO(**settings), MISO(**settings, counterfactual=0.5)
    plain.fit_resample(texts, labels)
    _, y = sampler.fit_resample(texts, labels)
    assert Counter(y.tolist()) == {"rare": 60, "plain": 84}
    assert sampler.sampling_strategy_ == {"rare": 48, "plain": 24}
    assert sampler.balance_ == {"rare": 1.0}
    assert sampler.anchors_[:48] == plain.anchors_, "what is written of the others stays as it is"
    fitted = sampler._fitted
    difficult = difficult_samples(texts, labels, minority="plain", embed=fitted.embedding).difficult
    assert 0 < len(difficult) < 60
    assert fitted.prepared["plain"].field.sources.tolist() == difficult.tolist()
    written = anchors_from(sampler.anchors_[48:])
    assert sampler.anchors_["label"].to_pylist()[48:] == ["plain"] * 24
    for anchor in written:
        assert labels[anchor.source_row] == "plain"
        assert labels[anchor.partner_rows[0]] == "rare"
        assert anchor.difficulty > 0
        assert Counter(anchor.kept) <= Counter(texts[anchor.source_row].split())
    assert sampler.remarks_ == (f"MISO: {sampler.prepared_['plain'].roles}",)


def test_of_several_classes_they_are_of_the_largest_alone() -> None:
    texts, labels = corpus(8, 40)
    labels[8:12] = "odd"
    sampler = MisoEdit(counterfactual=0.25, random_state=0)
    sampler.fit_resample(texts, labels)
    assert sampler.sampling_strategy_ == {"odd": 32, "rare": 28, "plain": 15}
    partners = [anchor.partner_rows[0] for anchor in anchors_from(sampler.anchors_[60:])]
    assert set(labels[partners]) == {"rare", "odd"}


def test_they_are_written_after_a_fit_and_beside_any_strategy() -> None:
    sampler = MisoEdit(counterfactual=0.5, sampling_strategy={"rare": 20}, random_state=0)
    _, y = sampler.fit_resample(*corpus())
    assert Counter(y.tolist()) == {"rare": 20, "plain": 64}
    sampler.fit(*corpus())
    assert set(sampler.sample(5, "plain")["label"].to_pylist()) == {"plain"}
    assert set(sampler.sample(5)["label"].to_pylist()) == {"rare"}


def test_their_training_is_not_taken_for_that_of_a_class_that_is_filled_up(tmp_path) -> None:
    settings = {**QUICK, "steps": (1, 1, 1, 1), "checkpoint": tmp_path / "m.safetensors", "random_state": 0}
    MISO(**settings, counterfactual=0.5).fit(*corpus())
    with pytest.raises(ModelError, match="other data or settings"):
        MISO(**settings, sampling_strategy={"plain": 70}).fit(*corpus())


def test_as_a_method_they_count_in_the_prior_and_folds_go_without(monkeypatch) -> None:
    texts, labels = corpus()
    data = Data(texts, (labels == "rare").astype(np.int64), 2, np.ones(72))
    method = make_method("miso_edit", {"counterfactual": 0.5})
    np.testing.assert_allclose(method.resample(data, Context(seed=0)).class_mass(), [84 / 144, 60 / 144])
    monkeypatch.setattr(balance, "_best", lambda scores: 0.5)
    written, make = [], MisoEdit._make
    monkeypatch.setattr(
        MisoEdit, "_make", lambda self, *given: written.append(given[2]) or make(self, *given)
    )
    sampler = MisoEdit(counterfactual=0.5, balance="auto", random_state=0)
    _, y = sampler.fit_resample(texts, labels)
    assert written == ["rare"] * 4 + ["plain"]
    assert Counter(y.tolist()) == {"rare": 36, "plain": 72}
