"""Texts by a language model: which are shown, which pass, what is recorded, and what stops it."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from counterpoise import LanguageModelWriter
from counterpoise.difficulty import difficult_samples
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.oversampling import llm_oversample
from counterpoise.text.embedding import label_free_embedding
from stub_endpoint import completion, stub
from tiny_causal_model import causal_model
from tiny_texts import make_texts

WORDS = [f"new{i}" for i in range(500)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def data():
    texts, numbers = make_texts((50, 20), seed=1, n_words=3)
    # Two of the rare class say what the others do: they are difficult.
    for row in np.flatnonzero(numbers == 1)[:2]:
        texts[row] = texts[row].replace("sign1", "sign0")
    return texts, np.array(["ham", "spam"], dtype=object)[numbers]


def own_words():
    """An answer of a server: a new text of spam each time."""
    count = itertools.count()

    def answer(body):
        i = next(count)
        return 200, completion(f" sign1a sign1b {WORDS[i]} {WORDS[i + 100]}"), {}

    return answer


def writer(url: str | None = None, **settings) -> LanguageModelWriter:
    place = {} if url is None else {"model": "tiny", "base_url": url, "allow_sending": True}
    return LanguageModelWriter(**{"random_state": 0, **place, **settings})


def test_prompts_show_difficult_samples_of_the_class_alone(data) -> None:
    texts, labels = data
    with stub(own_words()) as server:
        sampler = writer(server.url, examples=3, price_in=1.0, price_out=2.0)
        names = sampler.fit_resample(texts, labels)[1]
    assert (names == "spam").sum() == (names == "ham").sum() == 50
    found = difficult_samples(texts, labels, minority="spam", k=5, embed=label_free_embedding(texts, 0))
    rare = {" ".join(text.split()) for text in texts[labels == "spam"]}
    difficult = {texts[row] for row in found.difficult}
    assert 0 < len(difficult) < len(rare)
    for prompt in server.prompts:
        quoted = [line.removeprefix("Text: ") for line in prompt.splitlines() if line.startswith("Text: ")]
        assert len(quoted) == len(set(quoted)) == 3
        assert set(quoted) <= rare
        assert quoted[-1] in difficult
        assert 'the class "spam"' in prompt
    calls = sampler.calls_.to_pydict()
    for shown, source in zip(calls["shown_rows"], calls["source_row"], strict=True):
        assert shown[-1] == source
    assert set(calls["outcome"]) == {"kept"}
    assert set(calls["price"]) == {(100 * 1.0 + 10 * 2.0) / 1e6}


def test_anchors_say_where_they_come_from_and_what_they_cost(data) -> None:
    texts, labels = data
    with stub(own_words()) as server:
        sampler = writer(server.url, balance=0.2, price_in=1.0)
        new, _ = sampler.fit_resample(texts, labels)
    anchors = sampler.anchors_.to_pylist()
    assert len(anchors) == 6
    calls = sampler.calls_.to_pylist()
    for anchor, text, call in zip(anchors, new[70:], calls, strict=True):
        assert anchor["text"] == text == call["text"]
        assert (anchor["source_row"], *anchor["partner_rows"]) == (
            call["shown_rows"][-1],
            *call["shown_rows"][:-1],
        )
        source = texts[anchor["source_row"]].split()
        assert anchor["kept"] == [word for word in text.split() if word in source]
        assert anchor["injected"] == [word for word in text.split() if word not in source]
        assert (anchor["tokens_in"], anchor["tokens_out"], anchor["price"]) == (100, 10, 1e-4)
        assert anchor["prompt_hash"] == call["prompt_hash"]
        assert 0 < anchor["difficulty"] <= 1
        assert anchor["seconds"] > 0


def test_a_second_run_sends_nothing_and_is_the_same_to_the_byte(data) -> None:
    texts, labels = data
    with stub(own_words()) as server:
        first = writer(server.url)
        first.fit_resample(texts, labels)
        sent = len(server.bodies)
        again = writer(server.url, allow_sending=False)  # nothing to send, so nothing to allow
        again.fit_resample(texts, labels)
        assert len(server.bodies) == sent
        assert again.anchors_.equals(first.anchors_)
        assert again.calls_.drop_columns(["cached"]).equals(first.calls_.drop_columns(["cached"]))
        assert all(again.calls_["cached"].to_pylist())
        assert not any(first.calls_["cached"].to_pylist())
        other = writer(server.url, random_state=1)
        other.fit_resample(texts, labels)
        assert len(server.bodies) > sent


def test_nothing_is_sent_without_consent(data) -> None:
    with stub(own_words()) as server:
        sampler = writer(server.url, allow_sending=False)
        with pytest.raises(
            SettingsError, match=r"would send 19 texts in 30 prompts, about \d+,\d+ tokens"
        ) as error:
            sampler.fit_resample(*data)
        assert not server.bodies
    assert server.url in str(error.value)


def test_the_refusal_counts_the_texts_of_all_classes() -> None:
    texts, labels = make_texts((12, 6, 4), seed=2)
    with stub(own_words()) as server, pytest.raises(SettingsError, match="would send 10 texts in 14 prompts"):
        writer(server.url, allow_sending=False).fit_resample(texts, labels)


def test_a_local_model_writes_the_same_texts_from_the_same_seed(data, tmp_path, monkeypatch) -> None:
    found = []
    for seed, cache in ((0, "a"), (0, "b"), (1, "c")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        np.random.seed(seed)
        sampler = writer(model=causal_model(), random_state=seed, balance=0.5)
        found.append(sampler.fit_resample(*data)[0].tolist())
        assert np.mean(["sign1" in text for text in sampler.anchors_["text"].to_pylist()]) > 0.5
    assert found[0] == found[1] != found[2]


def test_what_does_not_pass_is_recorded_and_another_is_asked_for(data) -> None:
    texts, labels = data
    count = itertools.count()
    bad = ["", texts[labels == "spam"][0], "sign0a sign0b sign0c word1"]
    fine = own_words()

    def answer(body):
        i = next(count)
        return fine(body) if i % 4 == 3 or i > 60 else (200, completion(bad[i % 4]), {})

    with stub(answer) as server:
        sampler = writer(server.url, balance=0.5)
        new, _ = sampler.fit_resample(texts, labels)
    outcomes = sampler.calls_["outcome"].to_pylist()
    assert {"kept", "empty", "repeat", "other_class"} == set(outcomes)
    assert outcomes.count("kept") == len(new) - 70 == len(sampler.anchors_)
    assert len(outcomes) == len(server.bodies) <= llm_oversample.TRIES * 15


def test_too_few_texts_are_a_warning(data) -> None:
    count, fine = itertools.count(), own_words()

    def answer(body):
        return fine(body) if next(count) % 4 == 0 else (200, completion(""), {})

    said = r"only \d+ texts of class 'spam' came of 60 prompts, 20 were wanted; of the others \d+ were empty"
    with stub(answer) as server:
        sampler = writer(server.url, sampling_strategy={"spam": 40})
        with pytest.warns(CounterpoiseWarning, match=said):
            sampler.fit_resample(*data)
    assert sampler.sampling_strategy_ == {"spam": 15}
    assert len(server.bodies) == 60


def test_a_model_that_is_not_up_to_it_is_stopped_after_a_trial(data) -> None:
    def answer(body):
        return 200, completion(None, message={"refusal": "I will not"}), {}

    with stub(answer) as server, pytest.raises(DataError) as error:
        writer(server.url).fit_resample(*data)
    assert len(server.bodies) == llm_oversample.TRIAL
    assert str(error.value) == (
        "of 20 texts that tiny wrote for class 'spam' only 0 passed, and no more are asked for: 20 the model would not "
        "write; take a larger model, or give class_names that say what the classes are"
    )


def test_texts_of_another_class_pass_when_they_are_asked_to(data) -> None:
    count = itertools.count()

    def answer(body):
        return 200, completion(f"sign0a sign0b sign0c {WORDS[next(count)]}"), {}

    with stub(answer) as server:
        sampler = writer(server.url, balance=0.2, belonging=False)
        sampler.fit_resample(*data)
        assert sampler.sampling_strategy_ == {"spam": 6}


def test_long_texts_are_cut_and_classes_have_the_names_they_are_given(data) -> None:
    texts, labels = data
    with stub(own_words()) as server:
        writer(
            server.url, max_chars=12, balance=0.1, class_names={"spam": "unwanted advertising"}
        ).fit_resample(texts, labels)
    for prompt in server.prompts:
        assert 'the class "unwanted advertising"' in prompt
        quoted = [line.removeprefix("Text: ") for line in prompt.splitlines() if line.startswith("Text: ")]
        assert max(map(len, quoted)) <= 12


def test_names_may_be_given_by_what_stands_for_a_number(data) -> None:
    texts, labels = data
    with stub(own_words()) as server:
        sampler = writer(server.url, balance=0.1, class_names={"1": "unwanted advertising"})
        sampler.fit_resample(texts, (labels == "spam").astype(int))
    assert all('the class "unwanted advertising"' in prompt for prompt in server.prompts)


def test_as_a_method_it_knows_the_names_of_the_classes(data) -> None:
    texts, labels = data
    numbers = (labels == "spam").astype(np.int64)
    for given, shown in ((None, "junk"), ({"junk": "unwanted advertising"}, "unwanted advertising")):
        with stub(own_words()) as server:
            settings = {"model": "tiny", "base_url": server.url, "allow_sending": True, "balance": 0.1}
            method = make_method("llm_oversample", {**settings, "class_names": given})
            context = Context(0, class_names=("mail", "junk"))
            resampled = method.resample(Data(texts, numbers, 2, np.ones(70)), context)
        assert len(resampled) == 73
        assert all(f'the class "{shown}"' in prompt for prompt in server.prompts)


def test_the_model_is_part_of_a_runs_key(tmp_path) -> None:
    from tiny_causal_model import save_causal_model

    local = [save_causal_model(tmp_path / "a"), save_causal_model(tmp_path / "b", classes={"x": ("y",)})]
    found = [make_method("llm_oversample", {"model": folder}).identity() for folder in local]
    far = {"model": "big", "base_url": "https://example.org/v1"}
    found += [
        make_method("llm_oversample", far).identity(),
        make_method("llm_oversample", {**far, "model": "x"}).identity(),
    ]
    assert len(set(found)) == 4
    assert "https://example.org/v1" in found[2]
    assert "big" in found[2]


def test_it_can_be_copied_and_pickled_after_use(data) -> None:
    sampler = writer(model=causal_model(), balance=0.1)
    sampler.fit_resample(*data)
    assert pickle.loads(pickle.dumps(sampler)).anchors_.equals(sampler.anchors_)
    assert clone(sampler).get_params() == sampler.get_params()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "model is None"),
        ({"examples": 0}, "examples is 0"),
        ({"max_tokens": True}, "max_tokens is True"),
        ({"max_chars": 1.5}, "max_chars is 1.5"),
        ({"temperature": 0}, "temperature is 0; give a number above 0"),
        ({"temperature": np.inf}, "temperature is inf"),
        ({"top_p": 1.1}, "top_p is 1.1; give a number above 0, at most 1"),
        ({"balance": 0.0}, "balance is 0.0"),
        ({"price_in": -1}, "price_in is -1"),
        ({"allow_sending": "yes"}, "allow_sending is 'yes'; give True or False"),
        ({"class_names": {"spam": ""}}, "class_names is"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message, data) -> None:
    with pytest.raises(SettingsError, match=message):
        LanguageModelWriter(**settings).fit_resample(*data)
