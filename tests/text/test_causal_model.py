"""Causal models: likelihoods against a plain forward pass, draws against a sum, and replies that know no company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoise.errors import SettingsError
from counterpoise.text import causal_model as module
from counterpoise.text.causal_model import CausalModel
from counterpoise.text.drawing import Drawn
from counterpoise.text.language_models import Choose, ModelSource, Write
from tiny_causal_model import causal_model, save_causal_model
from tiny_encoders import tiny_encoder

CPU = torch.device("cpu")
TEXT = "sign1a word3 sign1b word9 word10"


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return CausalModel(causal_model(), None, CPU)


def replies(model: CausalModel, questions) -> list:
    found = dict(model.answers(questions))
    return [found[i] for i in range(len(questions))]


def likelihood(folder: str, prompt: str, name: str) -> float:
    """By one forward pass over the prompt with the name, no padding, all logits."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder).double().eval()
    before, whole = (
        tokenizer(text, return_tensors="pt")["input_ids"][0] for text in (prompt, f"{prompt} {name}")
    )
    assert whole[: len(before)].equal(before)
    with torch.no_grad():
        chances = network(whole[None]).logits[0].log_softmax(-1)
    return float(sum(chances[t - 1, whole[t]] for t in range(len(before), len(whole))))


@pytest.mark.parametrize(
    "names",
    [("0", "1"), ("0", "1", "2", "3"), ("sign1a", "sign1a word2 sign1b", "word3 word4", "sign1a word2")],
)
def test_classes_have_the_normalised_likelihood_of_their_names(model, names) -> None:
    """Also of names of several tokens, of which one begins another."""
    question = Choose(TEXT, names)
    own = np.array([likelihood(causal_model(), question.prompt, name) for name in names])
    expected = own - np.log(np.exp(own).sum())
    (reply,) = replies(model, [question])
    np.testing.assert_allclose(reply.log_probabilities, expected, atol=1e-5)
    assert np.exp(reply.log_probabilities).sum() == pytest.approx(1, abs=1e-12)


def test_names_of_one_token_share_one_reading_of_the_prompt(model) -> None:
    one, many = replies(model, [Choose(TEXT, ("0",)), Choose(TEXT, tuple(map(str, range(20))))])
    assert many.tokens_in < one.tokens_in + 20 + 20  # of the longer list of names in the prompt
    assert many.log_probabilities[1] == max(many.log_probabilities)


@pytest.mark.parametrize(
    "names", [("word5", "word5 word6"), ("word3", "word5 word6"), ("word5 word6", "word3")]
)
def test_names_are_read_with_the_longest_that_begins_as_they_need(model, names) -> None:
    question = Choose(TEXT, names)
    (reply,) = replies(model, [question])
    assert reply.tokens_in == len(model._ids(question.prompt)) + 1


def test_replies_do_not_hang_on_their_company(model) -> None:
    """To the bit: alone, and among others of all lengths."""
    texts = [
        TEXT,
        "word1",
        " ".join(f"word{i}" for i in range(40)),
        *(f"sign{i}a word{i}" for i in range(11)),
    ]
    choices = [Choose(text, ("0", "1", "word1 word2")) for text in texts]
    writes = [Write(f"Text: {text}\nText:", (), seed, 12) for seed, text in enumerate(texts)]
    together = replies(model, [*choices, *writes])
    for question, reply in zip([*choices, *writes], together, strict=True):
        (alone,) = replies(model, [question])
        assert (alone.log_probabilities, alone.text, alone.tokens_out) == (
            reply.log_probabilities,
            reply.text,
            reply.tokens_out,
        )


def test_the_seed_alone_decides_what_is_written(model) -> None:
    prompt = f"Text: {TEXT}\nText:"
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = [r.text for r in replies(model, [Write(prompt, (), s, 12) for s in range(6)])]
    assert torch.get_rng_state().equal(state)
    torch.manual_seed(2)
    again = [r.text for r in replies(model, [Write(prompt, (), s, 12) for s in range(6)])]
    assert first == again
    assert len(set(first)) == 6


def test_what_is_written_ends_where_it_says_so_or_at_its_most(model) -> None:
    found = replies(model, [Write("Text: word3 word9\nText:", (), s, 5) for s in range(40)])
    assert all(len(reply.text.split()) <= 5 and "<" not in reply.text for reply in found)
    ended = [reply for reply in found if len(reply.text.split()) < 5]
    assert ended
    assert all(reply.tokens_out == len(reply.text.split()) + 1 for reply in ended)
    assert {reply.tokens_out for reply in found if len(reply.text.split()) == 5} == {5}


def test_a_further_text_is_cut_off(model, monkeypatch) -> None:
    monkeypatch.setattr(module, "STOP", " word1")
    monkeypatch.setattr("counterpoise.text.drawing.STOP", " word1")
    found = replies(model, [Write("Text:", (), s, 60, 3.0) for s in range(40)])
    assert not any(" word1" in reply.text for reply in found)
    assert max(len(reply.text.split()) for reply in found) > 3


def test_tokens_are_drawn_by_the_inverse_of_the_distribution() -> None:
    """Likeliest first: .5, .3, .15, .05, of which the first three reach top_p."""
    chances = torch.tensor([0.15, 0.5, 0.05, 0.3])
    levels = torch.tensor([[0.0], [0.52], [0.53], [0.83], [0.85], [0.999]])
    drawn = Drawn(levels, width=2, temperature=1.0, top_p=0.9)
    found = drawn(torch.zeros(6, 2, dtype=torch.int64), chances.log().repeat(6, 1))
    # Of the three, .5 has .526 of the mass and the first two .842.
    assert found.argmax(-1).tolist() == [1, 1, 3, 3, 0, 0]
    assert (found.isfinite().sum(-1) == 1).all()


def test_a_number_on_the_edge_draws_the_next_token() -> None:
    drawn = Drawn(torch.tensor([[0.5]]), width=1, temperature=1.0, top_p=1.0)
    assert drawn(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 2)).argmax().item() == 1


@pytest.mark.parametrize(("temperature", "first"), [(0.5, 0.9), (1.0, 0.75), (2.0, 0.634)])
def test_temperature_divides_the_logits(temperature, first) -> None:
    levels = torch.linspace(0, 1, 2001)[:-1, None]
    drawn = Drawn(levels, width=1, temperature=temperature, top_p=1.0)
    found = drawn(torch.zeros(2000, 1, dtype=torch.int64), torch.tensor([0.75, 0.25]).log().repeat(2000, 1))
    assert float((found.argmax(-1) == 0).float().mean()) == pytest.approx(first, abs=2e-3)


def test_a_model_of_dialogues_is_asked_in_its_template(tmp_path) -> None:
    template = "{% for m in messages %}class {{ m['content'] }} of {% endfor %}"
    folder = save_causal_model(tmp_path, chat_template=template)
    question = Choose(TEXT, ("0", "1"))
    own = np.array([likelihood(folder, f"class {question.prompt} of", name) for name in ("0", "1")])
    (reply,) = replies(CausalModel(folder, None, CPU), [question])
    np.testing.assert_allclose(reply.log_probabilities, own - np.log(np.exp(own).sum()), atol=1e-5)


def test_its_identity_is_that_of_weights_tokenizer_and_template(tmp_path) -> None:
    folders = [tmp_path / name for name in "abcd"]
    save_causal_model(folders[0])
    save_causal_model(folders[1])
    save_causal_model(folders[2], chat_template="{{ messages[0]['content'] }}")
    save_causal_model(folders[3], classes={"x": ("sign1a",)})
    found = [CausalModel(str(folder), None, CPU).identity for folder in folders]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_prompt_longer_than_the_model_reads_is_refused(tmp_path) -> None:
    model = CausalModel(save_causal_model(tmp_path, positions=32), None, CPU)
    with pytest.raises(SettingsError, match=r"have 41 tokens, and .* reads 32; lower max_chars"):
        list(model.answers([Write("word1 " * 33, (), 0, 8)]))
    with pytest.raises(SettingsError, match="reads 32"):
        list(model.answers([Choose("word1 " * 33, ("0", "1"))]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: tiny_encoder(), "writes no texts; choose a causal language model"),
        (lambda path: tiny_encoder("xlnet"), "writes no texts; choose a causal language model"),
        (lambda path: str(path / "none"), "there is no language model folder"),
        (lambda path: str(path), "could not be read"),
        (lambda path: "nobody/nothing-of-that-name", "could not be had from the Hugging Face Hub"),
    ],
    ids=["encoder", "xlnet", "no folder", "empty folder", "unknown"],
)
def test_what_is_no_causal_model_is_refused_when_it_is_opened(make, message, tmp_path) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        ModelSource(make(tmp_path)).open(CPU)
    assert "\n" not in str(error.value)


def test_weights_that_are_pickled_or_missing_are_refused(tmp_path) -> None:
    folder = save_causal_model(tmp_path / "a")
    weights = tmp_path / "a" / "model.safetensors"
    weights.rename(tmp_path / "a" / "pytorch_model.bin")
    model = CausalModel(folder, None, CPU)
    for ask in (lambda: model.identity, lambda: list(model.answers([Write("word1", (), 0, 2)]))):
        with pytest.raises(SettingsError, match=r"no weights in safetensors .* may hold code"):
            ask()


def test_a_network_without_a_head_to_write_with_is_refused(tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_causal_model(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(SettingsError, match=r"no weights to write with \(lm_head.weight is missing\)"):
        list(CausalModel(folder, None, CPU).answers([Write("word1", (), 0, 2)]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": None}, "model is None; give a causal language model"),
        ({"model": ""}, "model is ''"),
        ({"model": "x", "timeout": 0}, "timeout is 0; give seconds above 0"),
        ({"model": "x", "request": {"a": 1}}, "give base_url too"),
        ({"model": "x", "base_url": "http://localhost/v1", "revision": "main"}, "revision is for"),
        ({"model": "x", "base_url": "http://localhost/v1", "request": 3}, "give a dict"),
        ({"model": "x", "revision": 5}, "revision is 5; give a commit"),
    ],
)
def test_impossible_sources_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        ModelSource(**settings).open(CPU)
