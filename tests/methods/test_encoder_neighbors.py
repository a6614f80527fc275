"""Neighbours in a frozen encoder: repeats count as one, many rows are thinned, and saved models know them."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise import TextClassifier
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.methods.base import Context, Data
from counterpoise.methods.encoder_neighbors import EncoderNeighbors
from counterpoise.methods.neighbor_contrast import NeighborContrast
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts


def texts(counts: tuple[int, ...], seed: int = 4) -> Data:
    made, labels = make_texts(counts, seed)
    return Data(made, labels, len(counts), np.ones(len(labels)))


def repeated(data: Data, times: int) -> Data:
    return data.take(np.tile(np.arange(len(data)), times))


def test_it_is_the_contrast_of_the_encoders_vectors() -> None:
    data = texts((60, 25, 7))
    found = EncoderNeighbors(k=3).fit(data, Context(0))
    vectors = pretrained_features(Checkpoint.open(tiny_encoder()), list(data.inputs), cache=False)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = NeighborContrast.fitted(vectors, data.labels, data.balanced().weights, 3)
    np.testing.assert_allclose(found.logits(data.inputs), expected.logits(vectors), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.training_prior, 1 / 3)
    assert found.contrast.slope > 0


def test_texts_that_repeat_each_other_count_as_one() -> None:
    data = texts((40, 12))
    one, three = (EncoderNeighbors().fit(repeated(data, times), Context(0)) for times in (1, 3))
    assert len(three.contrast.labels) == len(one.contrast.labels) == 52
    np.testing.assert_allclose(three.logits(data.inputs), one.logits(data.inputs), rtol=1e-4, atol=1e-4)
    apart = repeated(data, 3)
    apart.weights[:52] = 0.5
    with pytest.raises(DataError, match="rows of a class that weigh differently"):
        EncoderNeighbors().fit(apart, Context(0))


def test_a_text_under_two_labels_stays_with_both() -> None:
    data = texts((40, 12))
    labels = data.labels.copy()
    both = Data(np.append(data.inputs, data.inputs[:1]), np.append(labels, 1 - labels[0]), 2, np.ones(53))
    assert np.bincount(EncoderNeighbors().fit(both, Context(0)).contrast.labels).tolist() == [
        40 + (labels[0] == 1),
        12 + (labels[0] == 0),
    ]


def test_of_many_rows_some_are_compared_with_and_all_rare_ones() -> None:
    data = texts((180, 20))
    found = EncoderNeighbors(max_rows=100).fit(data, Context(0))
    assert np.bincount(found.contrast.labels).tolist() == [80, 20]
    again = EncoderNeighbors(max_rows=100).fit(data, Context(0))
    np.testing.assert_array_equal(again.contrast.rows, found.contrast.rows)


@pytest.mark.parametrize("counts", [(30, 1), (1, 2), (1, 1, 1)], ids=len)
def test_a_class_of_one_row(counts) -> None:
    data = texts(counts)
    alone = np.flatnonzero(np.array(counts)[data.labels] == 1)
    logits = EncoderNeighbors().fit(data, Context(0)).logits(data.inputs)
    np.testing.assert_array_equal(logits.argmax(axis=1)[alone], data.labels[alone], "it is nearest to itself")


def test_copies_of_one_text_make_a_class_that_is_found(texts_of) -> None:
    made, _ = texts_of((80,))
    rare = np.array(["sign1a sign1b sign1c"] * 12, dtype=object)
    data = Data(np.append(made, rare), np.repeat([0, 1], [80, 12]), 2, np.ones(92))
    logits = EncoderNeighbors().fit(data, Context(0)).logits(data.inputs)
    assert (logits.argmax(axis=1)[80:] == 1).all()


def test_saved_and_loaded(spam, tmp_path) -> None:
    made, labels = spam
    fitted = TextClassifier("encoder_neighbors", random_state=0).fit(made, labels)
    fitted.save(tmp_path / "m")
    np.testing.assert_array_equal(load_model(tmp_path / "m").predict_proba(made), fitted.predict_proba(made))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"max_rows": 99}, "max_rows is 99"),
        ({"encoder": "./none"}, "there is no encoder folder"),
        ({"balanced": "yes"}, "balanced is 'yes'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        EncoderNeighbors(**settings).check()
