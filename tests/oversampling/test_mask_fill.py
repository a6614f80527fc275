"""Words filled in by a masked language model: the likely ones, whole ones, other ones, and what cannot be loaded."""

from __future__ import annotations

import json
import pickle
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise import MaskFill, TextClassifier
from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.methods.base import Context
from counterpoise.methods.registry import METHODS
from counterpoise.oversampling.anchors import Anchor, anchors_from
from counterpoise.oversampling.masked_model import MaskedModel, _drawn, whole_words
from counterpoise.text.edited import dressed, undressed
from counterpoise.text.tokenizers import words_and_gaps
from counterpoise.training.settings import TrainingSettings
from tiny_masked_model import WORDS, make_config, make_tokenizer, save_model

transformers = pytest.importorskip("transformers")
CPU = torch.device("cpu")
MAJORITY = ["see you", "at home", "so be it"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder) -> MaskedModel:
    return MaskedModel.load(folder, CPU)


def made(model: str | None, minority: str, copies: int = 2, **options) -> list[Anchor]:
    options |= {} if model is None else {"model": model}
    sampler = MaskFill(random_state=0, sampling_strategy={1: 1 + copies}, **options)
    sampler.fit_resample([minority, *MAJORITY], [1, 0, 0, 0])
    found = anchors_from(sampler.anchors_)
    for anchor in found:
        assert Counter(words_and_gaps(anchor.text)[0]) == Counter(anchor.kept + anchor.injected)
    return found


@cache
def asked_plainly(folder: str):
    return transformers.BertForMaskedLM.from_pretrained(folder).eval(), make_tokenizer()


def by_hand(folder: str, text: str, hidden: list[str], levels: list[float], heat: float, k: int) -> list[str]:
    """The model asked plainly, one text at a time, and numbers drawn by their sums in NumPy."""
    network, tokenizer = asked_plainly(folder)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = network(ids).logits[0].double().numpy()
    words = []
    for place, gone, level in zip(np.flatnonzero(ids[0] == 4), hidden, levels, strict=True):
        scores = {w: logits[place, tokenizer.convert_tokens_to_ids(w)] / heat for w in WORDS}
        scores = {w: score for w, score in scores.items() if w != gone and "#" not in w}
        likely = sorted(scores, key=scores.__getitem__, reverse=True)[:k]
        shares = np.exp([scores[w] - scores[likely[0]] for w in likely])
        words.append(likely[int(np.searchsorted(np.cumsum(shares / shares.sum()), level, side="right"))])
    return words


@pytest.mark.parametrize(("heat", "k"), [(1.0, 10), (0.3, 4), (3.0, 500), (1.0, 1)])
def test_words_are_drawn_as_the_model_says(folder, model, heat, k) -> None:
    texts = ["[MASK] a [MASK]! prize", "see [MASK] now", "今[MASK]免费", "nothing hidden"]
    hidden = [["win", "cash"], ["you"], ["天"], []]
    rng = np.random.default_rng(0)
    for _ in range(20):
        levels = [rng.random(len(words)).tolist() for words in hidden]
        found = model.fill(texts, hidden, levels, temperature=heat, top_k=k)
        assert found == [
            by_hand(folder, *one, heat, k) if one[1] else []
            for one in zip(texts, hidden, levels, strict=True)
        ]


def test_the_ends_of_what_is_drawn(folder, model) -> None:
    for level in (0.0, 1 - 2**-53):
        (found,) = model.fill(["win [MASK] now"], [["cash"]], [[level]], top_k=3)
        assert found == by_hand(folder, "win [MASK] now", ["cash"], [level], 1.0, 3)


def test_draws_at_the_edges_of_shares() -> None:
    """Four alike have a quarter each, its lower end included; shares that add up to a little less than 1 are enough."""
    assert len(set(_drawn(torch.zeros(4, 4), [0.0, 0.25, 0.5, 0.75], 1.0, 4))) == 4
    logits = torch.randn(300, 10, generator=torch.Generator().manual_seed(0))
    assert _drawn(logits, [1 - 2**-53] * 300, 1.0, 10) == logits.argmin(dim=1).tolist()


def test_batches_do_not_matter(model) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join([*["win"] * n, "[MASK]", "now", "[MASK]"]) for n in rng.integers(0, 20, 30)]
    levels = rng.random((30, 2)).tolist()
    hidden = [["cash", "home"]] * 30
    alone, together = (model.fill(texts, hidden, levels, batch_size=size) for size in (1, 16))
    assert alone == together
    assert len({tuple(words) for words in alone}) > 10


@settings(deadline=None, max_examples=40)
@given(st.text("ab c!你好\n'", min_size=1).filter(str.strip), st.floats(0.01, 0.99))
def test_so_many_words_are_others_and_the_rest_stays(minority, rate) -> None:
    own, gaps = words_and_gaps(minority)
    n = min(max(round(rate * len(own)), int(len(own) > 1)), sum(bool(undressed(word)[1]) for word in own))
    for anchor in made(None, minority, rate=rate):
        now, between = words_and_gaps(anchor.text)
        changed = [place for place, word in enumerate(own) if word != now[place]]
        assert len(now) == len(own)
        assert len(changed) == n == len(anchor.injected)
        assert anchor.injected == tuple(now[place] for place in changed)
        assert {undressed(word)[1] for word in anchor.injected} <= set(WORDS) - {"##ing"}
        assert (between[0], between[-1]) == (gaps[0], gaps[-1])


def test_capitals_and_punctuation_are_shown_to_the_model_and_taken_over(folder, monkeypatch) -> None:
    shown = []
    fill = MaskedModel.fill
    monkeypatch.setattr(
        MaskedModel,
        "fill",
        lambda self, texts, *rest, **more: shown.append(texts) or fill(self, texts, *rest, **more),
    )
    for anchor in made(folder, "(Cash)  WINNER!", rate=0.9, copies=20):
        for word, like in zip(words_and_gaps(anchor.text)[0], ("(Cash)", "WINNER!"), strict=True):
            assert word == dressed(undressed(word)[1], like=like)
    assert shown == [["([MASK])  [MASK]!"] * 20]


def test_the_mark_of_hidden_words_may_stand_in_a_text(folder) -> None:
    """It is read as an unknown word, so that what is filled in comes to its own place."""
    text = "[MASK] win [MASK]cash prize"
    found = made(folder, text, rate=0.5, copies=40)
    for anchor in found:
        own, now = words_and_gaps(text)[0], words_and_gaps(anchor.text)[0]
        assert sum(a != b for a, b in zip(own, now, strict=True)) == 2
    assert any("[MASK]" in anchor.kept for anchor in found)


def test_of_a_long_text_only_the_beginning_is_changed(folder) -> None:
    """The model reads 62 tokens, of which two are its own."""
    text = " ".join(["word1"] * 100)
    for anchor in made(folder, text, rate=0.5, copies=4):
        now = words_and_gaps(anchor.text)[0]
        assert now[60:] == ["word1"] * 40
        changed = sum(word != "word1" for word in now[:60])
        assert changed == len(anchor.injected)
        assert 20 < changed <= 31


def test_texts_of_one_word(folder) -> None:
    assert {anchor.text for anchor in made(folder, "win!")} == {"win!"}
    assert all(anchor.text != "win!" for anchor in made(folder, "win!", rate=0.6))
    assert {anchor.text for anchor in made(folder, "!?", rate=0.9)} == {"!?"}


def test_whole_words_of_word_pieces() -> None:
    words = dict(whole_words(make_tokenizer([*WORDS, "ab你", "don't", "##a"])))
    assert sorted(words.values()) == sorted(set(WORDS) - {"##ing"})
    assert all(make_tokenizer().convert_tokens_to_ids(word) == number for number, word in words.items())


def test_whole_words_of_bytes() -> None:
    """Those that stand after a space; what goes on a word has no mark of its own there."""
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(["free prize prizes winning win"] * 50, vocab_size=400, show_progress=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer)
    words = dict(whole_words(tokenizer))
    assert {"prize", "prizes", "win", "winning"} <= set(words.values())
    assert all(tokenizer.convert_ids_to_tokens(number) == f"Ġ{word}" for number, word in words.items())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"model": None}, "model is None; give the name of a masked language model"),
        ({"model": ""}, "model is ''; give the name"),
        ({"model": 3}, "model is 3; give the name"),
        ({"model": "./nowhere"}, "model is './nowhere', and there is no such folder"),
        ({"model": "/no/where"}, "there is no such folder"),
        ({"revision": 5}, "revision is 5; give a commit"),
        ({"rate": 1.0}, "rate is 1.0; give a share"),
        ({"temperature": 0}, "temperature is 0; give a number above 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0; give an int of 1 or more"),
        ({"batch_size": 2.5}, "batch_size is 2.5; give an int"),
        ({"device": "tpu"}, "device 'tpu' is not on this machine"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_sentence(setting, message, monkeypatch) -> None:
    monkeypatch.setattr(MaskedModel, "load", lambda *_: pytest.fail("a model was loaded"))
    with pytest.raises(SettingsError) as error:
        MaskFill(**setting).fit_resample(["a b", *MAJORITY], [1, 0, 0, 0])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_method_without_a_model_is_refused_before_any_work(spam) -> None:
    with pytest.raises(SettingsError, match="model is None; give the name of a masked language model"):
        TextClassifier("mask_fill", method__model=None).fit(*spam)


def test_without_transformers_the_extra_is_named(monkeypatch, folder) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    for refused in (MaskFill(model=folder).check, lambda: MaskedModel.load(folder, CPU)):
        with pytest.raises(MissingExtraError, match=r'pip install "counterpoise\[encoders\]"'):
            refused()


def test_a_runs_key_knows_the_weights(tmp_path) -> None:
    """Of the method, by what is in the folder and not by its name."""
    one, two = (Path(save_model(tmp_path / name)) for name in ("one", "two"))
    identity = {path: METHODS["mask_fill"](model=str(path)).identity() for path in (one, two)}
    assert identity[one] == identity[two] != ""
    save_model(two, hidden_size=32)
    assert METHODS["mask_fill"](model=str(two)).identity() != identity[one]
    for file, key in (("tokenizer.json", "normalizer"), ("config.json", "layer_norm_eps")):
        save_model(two)
        content = json.loads((two / file).read_text())
        (two / file).write_text(json.dumps({**content, key: None}))
        assert METHODS["mask_fill"](model=str(two)).identity() != identity[one]


def no_such_name(path: Path) -> str:
    return "nobody/no-such-model"


def empty(path: Path) -> str:
    return str(path)


def generative(path: Path) -> str:
    make_tokenizer().save_pretrained(path)
    config = transformers.GPT2Config(
        vocab_size=90, n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(path)
    return str(path)


def classifying(path: Path) -> str:
    make_tokenizer().save_pretrained(path)
    transformers.BertForSequenceClassification(make_config(90)).save_pretrained(path)
    return str(path)


def pickled(path: Path) -> str:
    save_model(path)
    (path / "model.safetensors").unlink()
    torch.save(transformers.BertForMaskedLM(make_config(90)).state_dict(), path / "pytorch_model.bin")
    return str(path)


def without_a_tokenizer(path: Path) -> str:
    save_model(path)
    (path / "tokenizer.json").unlink()
    (path / "tokenizer_config.json").unlink()
    return str(path)


def without_words(path: Path) -> str:
    return save_model(path, ["##ing", "win"])


def without_a_mask(path: Path) -> str:
    save_model(path)
    from tokenizers import Tokenizer, models

    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")), pad_token="a"
    )
    tokenizer.save_pretrained(path)
    return str(path)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            no_such_name,
            "masked language model nobody/no-such-model could not be had from the Hugging Face Hub (",
        ),
        (empty, "could not be read ("),
        (generative, "is a model of kind 'gpt2' and fills no words in; choose a masked language model"),
        (classifying, "has no weights to fill words in (cls.predictions"),
        (without_a_tokenizer, "has 0 whole words, and two at least are needed"),
        (pickled, "has no weights in safetensors (model.safetensors), and those of other formats"),
        (without_words, "has 1 whole words, and two at least are needed"),
        (without_a_mask, "has no token for hidden words"),
    ],
)
def test_what_is_no_masked_language_model_is_refused_in_one_sentence(
    broken, message, tmp_path, monkeypatch, capfd
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    name = broken(tmp_path)
    capfd.readouterr()
    sampler = MaskFill(model=name, random_state=0)
    with pytest.raises(SettingsError) as error:
        sampler.fit_resample(["a b", *MAJORITY], [1, 0, 0, 0])
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == "", "what the library prints would hide the sentence"
    assert sampler._model is None


def test_the_model_is_let_go_and_the_library_left_as_it_was(folder, capfd) -> None:
    logging = transformers.utils.logging
    logging.enable_progress_bar()
    level = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    sampler = MaskFill(model=Path(folder), random_state=0)
    sampler.fit_resample(["win cash now", *MAJORITY], [1, 0, 0, 0])
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.INFO, True)
    logging.set_verbosity(level)
    assert sampler._model is None
    assert len(pickle.dumps(sampler)) < 20_000
    assert "Loading" not in capfd.readouterr().err


@pytest.mark.parametrize(("classifier", "sampler"), [("cpu", "cpu"), ("cuda:1", "cuda:1"), ("mps", "cpu")])
def test_as_a_method_it_is_on_the_classifiers_device(classifier, sampler, monkeypatch) -> None:
    monkeypatch.setattr(TrainingSettings, "torch_device", lambda settings: torch.device(settings.device))
    method = METHODS["mask_fill"]()
    assert "device" not in method.get_params()
    assert method._sampler(Context(seed=0, training=TrainingSettings(device=classifier))).device == sampler


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_fills_in_much_the_same_words(folder) -> None:
    text = " ".join(f"word{i}" for i in range(40))
    written = [made(folder, text, copies=20, rate=0.5, device=device) for device in ("cpu", "cuda")]
    same = [one.text == other.text for one, other in zip(*written, strict=True)]
    assert np.mean(same) > 0.8
