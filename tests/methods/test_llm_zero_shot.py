"""A language model asked for the class: closed form, names, prior, consent, and what a saved model holds."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from counterpoise import TextClassifier, load_model
from counterpoise.errors import ModelError, SettingsError
from counterpoise.estimators.saving import CONSENT
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.text import endpoint
from stub_endpoint import completion, stub
from tiny_causal_model import causal_model, save_causal_model
from tiny_texts import make_texts

KEY = "sk-secret-123"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(endpoint, "FIRST_WAIT", 0.001)


@pytest.fixture(scope="module")
def data():
    texts, numbers = make_texts((40, 12), seed=1)
    return texts, np.array(["ham", "spam"], dtype=object)[numbers]


def letters(body):
    """An answer of a server: B where a word of the second class is read."""
    text = body["messages"][0]["content"].partition("Text: ")[2]
    return 200, completion("B" if "sign1" in text else "A"), {}


def test_logits_are_the_normalised_likelihoods_of_the_names() -> None:
    """One word of a class among n read: the closed form of a network whose weights are set by hand."""
    method = make_method("llm_zero_shot", {"model": causal_model()})
    texts = np.array(["sign1a word1", "sign1a sign1b sign1c word1", "word1 word2"], dtype=object)
    predictor = method.fit(Data(texts, np.array([0, 1, 0]), 2, np.ones(3)), Context(0))
    found = predictor.logits(texts)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-12)
    # Mean of the normalised words read, ten times; the last word's own; a norm; a row of weights.
    for text, row in zip(texts, found, strict=True):
        prompt = f"Each text is of one of these classes: 0, 1.\n\nText: {text}\nClass:"
        n = len(prompt.replace(",", " , ").replace(":", " : ").replace(".", " . ").split())
        own = sum(word.startswith("sign1") for word in text.split())
        size = 32
        state = np.zeros(size)
        state[0] = 1 + 10 * ((n - own) * np.sqrt(size) + own * np.sqrt(size / 2)) / n
        state[2] = 10 * own * np.sqrt(size / 2) / n
        normed = state / np.sqrt((state**2).mean())
        assert row[1] - row[0] == pytest.approx(10 * normed[2], abs=1e-3)


def test_its_prior_is_uniform_and_correction_brings_in_that_of_the_data(data) -> None:
    texts, labels = data
    plain, corrected = (
        TextClassifier("llm_zero_shot", prior_correction=on, threshold=0.5, random_state=0).fit(texts, labels)
        for on in (False, True)
    )
    odds = [
        np.log(each.predict_proba(texts)[:, 1] / each.predict_proba(texts)[:, 0])
        for each in (plain, corrected)
    ]
    np.testing.assert_allclose(odds[1] - odds[0], np.log(12 / 40))
    np.testing.assert_array_equal(plain.fitted_.predictor.training_prior, [0.5, 0.5])


def test_class_weights_are_class_shares_and_are_saved(data, tmp_path) -> None:
    texts, labels = data
    plain, weighted = (
        TextClassifier("llm_zero_shot", class_weight=weights, prior_correction=False, threshold=0.5)
        for weights in (None, {"spam": 20.0})
    )
    before, after = (each.fit(texts, labels).predict_proba(texts) for each in (plain, weighted))
    np.testing.assert_allclose(
        np.log(after[:, 1] / after[:, 0]) - np.log(before[:, 1] / before[:, 0]), np.log(20)
    )
    weighted.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict_proba(texts), after)


@pytest.mark.parametrize(("names", "shown"), [(None, "ham, spam"), ({"spam": "junk mail"}, "ham, junk mail")])
def test_it_asks_by_the_names_of_the_classes(data, names, shown, monkeypatch) -> None:
    asked = []
    classifier = TextClassifier("llm_zero_shot", threshold=0.5, method__class_names=names).fit(*data)
    correspondent = classifier.fitted_.predictor._correspondent
    monkeypatch.setattr(
        correspondent, "_answered", lambda missing: asked.extend(missing.values()) or pytest.skip.Exception
    )
    with pytest.raises(TypeError):
        classifier.predict_proba(["win cash"])
    assert asked[0].prompt.startswith(f"Each text is of one of these classes: {shown}.")


def test_each_text_is_asked_about_once_over_all_folds(data) -> None:
    texts, labels = data
    with stub(letters) as server:
        settings = {"method__model": "tiny", "method__base_url": server.url, "method__allow_sending": True}
        classifier = TextClassifier("llm_zero_shot", random_state=0, **settings).fit(texts, labels)
        assert (classifier.predict(texts) == labels).all()
        assert len(server.bodies) == len(texts)
        assert sorted(server.prompts) == sorted(set(server.prompts))


def test_it_tells_what_its_answers_have_cost_each_text_once(data) -> None:
    texts, labels = data
    with stub(letters) as server:
        place = {"method__model": "m", "method__base_url": server.url, "method__allow_sending": True}
        prices = {"method__price_in": 2.0, "method__price_out": 1.0}
        classifier = TextClassifier("llm_zero_shot", threshold=None, random_state=0, **place, **prices)
        classifier.fit(texts, labels)
        assert classifier.fitted_.predictor.notes == {}
        for _ in range(2):
            classifier.predict_proba([texts[0], texts[1], texts[0]])
    said = "llm_zero_shot: 2 prompts, 200 tokens read and 20 written, price 0.00042"
    assert classifier.fitted_.predictor.notes == {"remarks": [said]}


def test_nothing_is_sent_without_consent(data) -> None:
    texts, labels = data
    with stub(letters) as server:
        classifier = TextClassifier(
            "llm_zero_shot", method__model="tiny", method__base_url=server.url, random_state=0
        )
        with pytest.raises(SettingsError, match=r"llm_zero_shot would send \d+ texts in \d+ prompts"):
            classifier.fit(texts, labels)
        classifier.set_params(threshold=0.5).fit(texts, labels)  # which asks nothing
        with pytest.raises(SettingsError, match="would send 52 texts in 52 prompts"):
            classifier.predict(texts)
        assert not server.bodies


@pytest.mark.parametrize("blended", [False, True])
def test_a_saved_model_holds_neither_key_nor_consent(data, blended, tmp_path, monkeypatch) -> None:
    texts, labels = data
    monkeypatch.setenv("COUNTERPOISE_API_KEY", KEY)
    with stub(letters) as server:
        own = {"model": "tiny", "base_url": server.url}
        if blended:
            settings = {"members": ["llm_zero_shot", "tfidf_lr"], "settings": {"llm_zero_shot": own}}
        else:
            settings = own
        nested = {f"method__{name}": value for name, value in settings.items()} | {CONSENT: True}
        method = "blend" if blended else "llm_zero_shot"
        classifier = TextClassifier(method, random_state=0, threshold=0.5, **nested).fit(texts, labels)
        expected = classifier.predict_proba(texts)
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        classifier.save(tmp_path / "model")
        for path in (tmp_path / "model").iterdir():
            assert KEY not in path.read_bytes().decode(errors="replace")
            assert "allow_sending" not in path.read_bytes().decode(errors="replace") or blended
        # What is known is known without consent; another text is not sent.
        sent = len(server.bodies)
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(texts), expected)
        with pytest.raises(SettingsError, match="would send 1 text in 1 prompt"):
            loaded.predict_proba(["sign1a and more"])
        assert len(server.bodies) == sent
        allowed = TextClassifier.load(tmp_path / "model", allow_sending=True)
        assert allowed.predict_proba(["sign1a and more"]).shape == (1, 2)
        assert len(server.bodies) == sent + 1


def test_a_saved_model_asks_for_the_weights_it_had(data, tmp_path) -> None:
    folder = save_causal_model(tmp_path / "language")
    classifier = TextClassifier("llm_zero_shot", threshold=0.5, method__model=folder).fit(*data)
    classifier.save(tmp_path / "model")
    save_causal_model(folder, classes={"x": ("y",)})
    with pytest.raises(ModelError, match="is not the one that this model was saved with"):
        load_model(tmp_path / "model").predict_proba(["sign1a"])


def test_it_can_be_pickled_after_use(data) -> None:
    texts, labels = data
    classifier = TextClassifier("llm_zero_shot", threshold=0.5).fit(texts, labels)
    expected = classifier.predict_proba(texts)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(texts), expected)


def test_a_blend_alone_gives_consent_to_its_members() -> None:
    method = make_method(
        "blend",
        {"members": "llm_zero_shot,tfidf_lr", "settings": {"llm_zero_shot": {"allow_sending": True}}},
    )
    with pytest.raises(SettingsError, match="give it to the blend"):
        method.check()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "model is None"),
        ({"max_chars": 0}, "max_chars is 0"),
        ({"price_out": "x"}, "price_out is 'x'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        make_method("llm_zero_shot", settings).check()
