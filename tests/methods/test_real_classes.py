"""Every method that needs no model of someone else's, on real texts of eight and of twenty-three classes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from counterpoise import TextClassifier
from counterpoise.data.readers import read
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.metrics.scores import score
from tiny_networks import TINY

PER_CLASS = 6
NAMES = [name for name, cls in METHODS.items() if "text" in cls.inputs and not cls.needs]


@cache
def some_of(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """The first rows of each class; of the first class four times as many."""
    table = read(dataset, split="train")
    texts, labels = np.array(table.texts, dtype=object), np.array(table.labels, dtype=object)
    kinds = np.unique(labels.astype(str))
    rows = [np.flatnonzero(labels == kind)[: PER_CLASS * (4 if kind == kinds[0] else 1)] for kind in kinds]
    chosen = np.concatenate(rows)
    return texts[chosen], labels[chosen].astype(str)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dataset", "n_classes"), [("r8", 8), ("ohsumed_titles", 23)])
def test_a_method_takes_as_many_classes_as_there_are(name, dataset, n_classes) -> None:
    texts, labels = some_of(dataset)
    method = make_method(name)
    epochs = max(4, getattr(method, "rounds", 0) + 1)
    network = TINY["textcnn"] if method.trains_backbone("text") else {}
    classifier = TextClassifier(
        name, max_epochs=epochs, threshold=None, random_state=0, device="cpu", precision="float32", **network
    )
    probabilities = classifier.fit(texts, labels).predict_proba(texts)
    assert probabilities.shape == (len(texts), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    numbers = np.searchsorted(classifier.classes_, labels)
    found = score(numbers, probabilities, None)
    assert found["macro_f1"] is not None
    assert set(classifier.predict(texts)) <= set(labels)
