"""Pretrained encoders: opened, refused, taken apart and put together; their vectors, kept on the disk."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.pretrained.pooling import POOLINGS, pooled
from counterpoise.text import features
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import COLUMNS, ROWS, pretrained_features
from counterpoise.text.tokenizer_checks import check_tokenizer
from tiny_encoders import tiny_encoder
from tiny_masked_model import save_model

TEXTS = [
    "word1 sign1a",
    "word2",
    "word3 " * 7,
    "WORD1 sign1a",
    "nowhere",
    " ".join(f"word{i}" for i in range(37)),
]


@pytest.fixture(scope="module")
def bert() -> Checkpoint:
    return Checkpoint.open(tiny_encoder())


@pytest.fixture
def copied(tmp_path):
    """A copy of the encoder's folder, to be spoilt."""
    return shutil.copytree(tiny_encoder(), tmp_path / "encoder")


class TestOpen:
    def test_what_is_known_of_it(self, bert) -> None:
        assert (bert.pooling, bert.normalized, bert.revision, bert.longest) == ("mean", False, None, 40)
        assert Checkpoint.open(tiny_encoder("xlnet")).pooling == "last"
        assert Checkpoint.open(tiny_encoder("xlnet")).longest > 10_000, "positions are relative"
        assert Checkpoint.open(tiny_encoder("roberta")).longest == 40, "two of 42 positions are padding's"

    def test_a_text_of_all_positions_of_mpnet(self, copied) -> None:
        """Two of them are padding's there too."""
        import transformers

        config = json.loads((copied / "config.json").read_text())
        sizes = {
            key: config[key]
            for key in ("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size")
        }
        made = transformers.MPNetConfig(
            **sizes, num_attention_heads=2, max_position_embeddings=42, pad_token_id=0
        )
        transformers.MPNetModel(made).save_pretrained(copied)
        opened = Checkpoint.open(copied)
        assert opened.longest == 40
        assert np.isfinite(pretrained_features(opened, ["word1 " * 60], cache=False)).all()

    @pytest.mark.parametrize(
        ("key", "kind"), [("cls_token", "first"), ("mean_tokens", "mean"), ("max_tokens", "max")]
    )
    def test_a_sentence_encoder_says_how_it_pools(self, key, kind, copied) -> None:
        (copied / "1_Pooling").mkdir()
        modes = {f"pooling_mode_{name}": name == key for name in ("cls_token", "mean_tokens", "max_tokens")}
        (copied / "1_Pooling" / "config.json").write_text(json.dumps(modes))
        modules = [{"idx": 0, "type": "x.models.Transformer"}, {"idx": 2, "type": "x.models.Normalize"}]
        (copied / "modules.json").write_text(json.dumps(modules))
        opened = Checkpoint.open(str(copied))
        assert (opened.pooling, opened.normalized) == (kind, True)

    def test_ids_are_cut_and_never_none(self, bert) -> None:
        values, offsets = bert.encode(["word1 word2 word3", "", "word5"], max_length=4)
        assert np.diff(offsets).tolist() == [4, 2, 3]
        words = bert.tokenizer.convert_ids_to_tokens(values.tolist())
        assert words == "[CLS] word1 word2 [SEP] [CLS] [SEP] [CLS] word5 [SEP]".split()  # noqa: SIM905
        (_, offsets) = bert.encode(["word1 " * 90], max_length=256)
        assert offsets[-1] == 40, "its positions end there"

    @pytest.mark.parametrize("kind", ["bert", "roberta", "xlnet"])
    def test_taken_apart_and_put_together(self, kind) -> None:
        whole = Checkpoint.open(tiny_encoder(kind))
        again = Checkpoint.restored(json.loads(json.dumps(whole.state)), whole.tokenizer_file)
        for mine, theirs in zip(again.encode(TEXTS, 20), whole.encode(TEXTS, 20), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        empty, full = again.model(weights=False), whole.model()
        empty.load_state_dict(full.state_dict())
        ids = torch.from_numpy(whole.encode(TEXTS[:1], 20)[0].astype(np.int64))[None]
        torch.testing.assert_close(
            empty(input_ids=ids).last_hidden_state, full(input_ids=ids).last_hidden_state, rtol=0, atol=0
        )

    def test_other_weights_have_another_digest(self, bert, copied) -> None:
        assert Checkpoint.open(str(copied)).digest == bert.digest
        content = bytearray((copied / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (copied / "model.safetensors").write_bytes(bytes(content))
        assert Checkpoint.open(str(copied)).digest != bert.digest


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def turn_words(content: dict[str, Any]) -> None:
    """Give the words of a tokenizer each other's numbers; the special ones keep theirs."""
    numbers = content["model"]["vocab"]
    words = [word for word, number in numbers.items() if number >= 5]
    numbers.update(zip(words, [numbers[word] for word in reversed(words)], strict=True))


class TestDigest:
    @pytest.mark.parametrize(
        ("file", "change"),
        [
            ("tokenizer.json", turn_words),
            ("tokenizer_config.json", lambda content: content.update(unk_token="word1")),
            ("config.json", lambda content: content.update(layer_norm_eps=0.1)),
        ],
        ids=["tokenizer", "special words", "configuration"],
    )
    def test_all_that_decides_vectors_is_in_it(self, file, change, bert, copied) -> None:
        assert Checkpoint.open(copied).digest == bert.digest
        rewritten(copied / file, change)
        assert Checkpoint.open(copied).digest != bert.digest

    def test_so_are_pooling_and_length(self, bert, copied) -> None:
        found = {bert.digest}
        (copied / "1_Pooling").mkdir()
        (copied / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
        found.add(Checkpoint.open(copied).digest)
        (copied / "modules.json").write_text(json.dumps([{"type": "x.models.Normalize"}]))
        found.add(Checkpoint.open(copied).digest)
        assert len(found) == 3

    def test_who_wrote_a_configuration_is_not(self, bert, copied) -> None:
        rewritten(copied / "config.json", lambda c: c.update(transformers_version="5.0.0", _name_or_path="x"))
        assert Checkpoint.open(copied).digest == bert.digest

    def test_vocabularies_where_there_is_no_tokenizer_json(self, tmp_path) -> None:
        folder = Path(save_model(tmp_path))
        words = Checkpoint.open(folder).tokenizer.get_vocab()
        ordered = sorted(words, key=words.__getitem__)
        (folder / "vocab.txt").write_text("\n".join(ordered))
        whole = Checkpoint.open(folder).digest
        (folder / "vocab.txt").write_text("\n".join([*ordered[:5], *ordered[:4:-1]]))
        assert Checkpoint.open(folder).digest == whole, "it is not read"
        (folder / "tokenizer.json").unlink()
        turned = Checkpoint.open(folder)
        assert turned.tokenizer.get_vocab() != words
        before = turned.digest
        (folder / "vocab.txt").write_text("\n".join(ordered))
        assert Checkpoint.open(folder).tokenizer.get_vocab() == words
        assert Checkpoint.open(folder).digest != before

    def test_vectors_of_another_tokenizer_are_not_found(self, copied, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        first = pretrained_features(Checkpoint.open(copied), TEXTS)
        rewritten(copied / "tokenizer.json", turn_words)
        opened = Checkpoint.open(copied)
        second = pretrained_features(opened, TEXTS)
        np.testing.assert_array_equal(second, pretrained_features(opened, TEXTS, cache=False))
        assert not np.array_equal(second, first)


class TestRefused:
    def test_a_folder_that_is_not_there(self, tmp_path) -> None:
        for name in (str(tmp_path / "none"), "./none", "a/b/c"):
            with pytest.raises(SettingsError, match=r"there is no encoder folder .*none|a/b/c"):
                Checkpoint.open(name)

    def test_a_name_without_network(self) -> None:
        with pytest.raises(
            SettingsError, match=r"could not be had from the Hugging Face Hub .*--encoder FOLDER"
        ):
            Checkpoint.open("nobody/no-such-encoder")

    def test_what_cannot_be_read(self, tmp_path, copied) -> None:
        with pytest.raises(SettingsError, match="could not be read"):
            Checkpoint.open(str(tmp_path))
        (copied / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": "wide"}))
        with pytest.raises(SettingsError, match="could not be read"):
            Checkpoint.open(str(copied))

    @pytest.mark.parametrize(
        "config",
        [
            {"model_type": "gpt2"},
            {"model_type": "llama"},
            {"model_type": "bert", "is_decoder": True},
            {"model_type": "t5"},
            {"model_type": "vit"},
            {"model_type": "clip"},
            {"model_type": "wav2vec2"},
        ],
        ids=lambda config: "-".join(map(str, config.values())),
    )
    def test_what_is_no_encoder(self, config, copied) -> None:
        (copied / "config.json").write_text(json.dumps(config))
        with pytest.raises(SettingsError, match="no encoder of texts") as error:
            Checkpoint.open(str(copied))
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("words", "fits"),
        [(50, False), (136, False), (137, True), (137 + 128, True), (274, True), (275, False)],
    )
    def test_a_tokenizer_of_another_size(self, words, fits, copied) -> None:
        """Of 137 tokens: a network has room for them, and not for more than twice as many."""
        rewritten(copied / "config.json", lambda config: config.update(vocab_size=words))
        if fits:
            assert len(Checkpoint.open(copied).tokenizer) == 137
            return
        with pytest.raises(
            SettingsError, match=rf"knows 137 tokens and its network {words}; they do not belong"
        ):
            Checkpoint.open(copied)

    @pytest.mark.parametrize(
        ("kind", "token", "told"),
        [
            ("bert", "pad", 3),
            ("bert", "cls", 0),
            ("bert", "sep", 0),
            ("bert", "bos", 0),
            ("bert", "eos", [0, 1]),
            ("roberta", "pad", 1),
        ],
    )
    def test_special_tokens_of_other_numbers(self, kind, token, told, tmp_path) -> None:
        folder = shutil.copytree(tiny_encoder(kind), tmp_path / "encoder")
        rewritten(folder / "tokenizer_config.json", lambda c: c.update(bos_token="[CLS]", eos_token="[SEP]"))
        own = {"pad": 0, "cls": 2, "sep": 3, "bos": 2, "eos": 3}[token]
        rewritten(
            folder / "config.json", lambda c: c.update(bos_token_id=2, eos_token_id=[3, 7], cls_token_id=2)
        )
        Checkpoint.open(folder)
        rewritten(folder / "config.json", lambda config: config.update({f"{token}_token_id": told}))
        with pytest.raises(SettingsError, match=rf"has the number {own} for {token}_token and .* ") as error:
            Checkpoint.open(folder)
        assert f" {told}; they do not belong together" in str(error.value)

    def test_a_slow_tokenizer(self) -> None:
        with pytest.raises(SettingsError, match=r"encoder x has no fast tokenizer \(tokenizer\.json\)"):
            check_tokenizer("x", SimpleNamespace(is_fast=False), None)

    def test_numbers_that_a_kind_has_by_default_tell_nothing(self, copied) -> None:
        """As those of encoders that are BERT but for their tokenizer."""
        rewritten(copied / "tokenizer_config.json", lambda content: content.update(pad_token="[MASK]"))
        opened = Checkpoint.open(copied)
        assert (opened.config["pad_token_id"], opened.tokenizer.pad_token_id) == (0, 4)

    @pytest.mark.parametrize("kind", ["bert", "roberta", "xlnet"])
    def test_a_folder_without_a_tokenizer(self, kind, tmp_path) -> None:
        """One would be made up, to which all words are the same."""
        folder = shutil.copytree(tiny_encoder(kind), tmp_path / "encoder")
        for file in folder.glob("tokenizer*"):
            file.unlink()
        with pytest.raises(
            SettingsError, match=r"a tokenizer without words; give a folder .*tokenizer\.json"
        ):
            Checkpoint.open(str(folder))

    def test_weights_that_are_no_numbers(self, copied, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        weights = load_file(copied / "model.safetensors")
        weights["embeddings.word_embeddings.weight"][7] = float("nan")
        save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
        opened = Checkpoint.open(str(copied))
        broken = opened.tokenizer.convert_ids_to_tokens(7)
        for _ in range(2):
            with pytest.raises(SettingsError, match="gives vectors with NaN or infinite numbers"):
                pretrained_features(opened, [broken])
        assert np.isfinite(pretrained_features(opened, [opened.tokenizer.convert_ids_to_tokens(8)])).all()

    def test_weights_of_another_network(self, copied, monkeypatch, tmp_path) -> None:
        """Random ones would take the place of those that are missing."""
        import transformers

        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        sizes = {"vocab_size": 137, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 40}
        transformers.GPT2Model(transformers.GPT2Config(**sizes)).save_pretrained(tmp_path / "other")
        shutil.copy(tmp_path / "other" / "model.safetensors", copied)
        opened = Checkpoint.open(copied)
        with pytest.raises(SettingsError, match=r"37 of the 39 weights that config.json of encoder") as error:
            pretrained_features(opened, TEXTS)
        assert "(embeddings.LayerNorm.bias is one)" in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("kind", ["bert", "roberta"])
    def test_weights_that_are_missing_but_for_those_of_the_pooler(self, kind, tmp_path) -> None:
        folder = shutil.copytree(tiny_encoder(kind), tmp_path / "encoder")
        weights = load_file(folder / "model.safetensors")
        whole = {name: value for name, value in weights.items() if not name.startswith("pooler")}
        assert len(whole) == len(weights) - 2
        save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
        Checkpoint.open(folder).model()
        del whole["encoder.layer.1.output.dense.bias"]
        save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(SettingsError, match=r"1 of .*\(encoder\.layer\.1\.output\.dense\.bias is one\)"):
            Checkpoint.open(folder).model()

    def test_weights_that_may_hold_code(self, copied) -> None:
        (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
        opened = Checkpoint.open(str(copied))
        for ask in (opened.model, lambda: opened.digest):
            with pytest.raises(SettingsError, match="no weights in safetensors"):
                ask()

    def test_without_transformers(self, monkeypatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "transformers", None)
        with pytest.raises(MissingExtraError, match=r"counterpoise\[encoders\]"):
            Checkpoint.open(tiny_encoder())


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_by_hand(pooling) -> None:
    tokens = torch.tensor([[[1.0, 5.0], [3.0, 2.0], [9.0, 9.0]], [[4.0, 0.0], [0.0, 4.0], [2.0, 2.0]]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    expected = {
        "mean": [[2.0, 3.5], [2.0, 2.0]],
        "first": [[1.0, 5.0], [4.0, 0.0]],
        "last": [[3.0, 2.0], [2.0, 2.0]],
        "max": [[3.0, 5.0], [4.0, 4.0]],
    }[pooling]
    assert pooled(tokens, mask, pooling).tolist() == expected
    torch.testing.assert_close(pooled(tokens[1:], None, pooling), pooled(tokens, mask, pooling)[1:])


class TestFeatures:
    @pytest.mark.parametrize("kind", ["bert", "roberta", "xlnet"])
    def test_they_are_pooled_last_layers(self, kind) -> None:
        checkpoint = Checkpoint.open(tiny_encoder(kind))
        found = pretrained_features(checkpoint, TEXTS, cache=False)
        model = checkpoint.model()
        for text, vector in zip(TEXTS, found, strict=True):
            ids = torch.from_numpy(checkpoint.encode([text], 256)[0].astype(np.int64))[None]
            with torch.no_grad():
                tokens = model(input_ids=ids).last_hidden_state[0]
            expected = tokens[-1] if kind == "xlnet" else tokens.mean(dim=0)
            np.testing.assert_allclose(vector, expected, atol=1e-5)
        np.testing.assert_array_equal(found[0], found[3], "upper case is nothing to it")

    def test_company_changes_no_bit(self, bert) -> None:
        many = [f"word{i % 60} sign{i % 24}b" for i in range(3 * ROWS)] + TEXTS
        whole = pretrained_features(bert, many, cache=False)
        np.testing.assert_array_equal(pretrained_features(bert, many[::-1], cache=False)[::-1], whole)
        for i in (0, ROWS + 1, len(many) - 1):
            np.testing.assert_array_equal(
                pretrained_features(bert, many[i : i + 1], cache=False)[0], whole[i]
            )
        assert COLUMNS > 1

    def test_a_second_time_nothing_is_computed(self, bert, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        first = pretrained_features(bert, TEXTS[:4])
        monkeypatch.setattr(features, "_computed", lambda *_: pytest.fail("it was known"))
        np.testing.assert_array_equal(pretrained_features(bert, [TEXTS[2], TEXTS[0]]), first[[2, 0]])

    @pytest.mark.parametrize("changed", [{"max_length": 4}, {"pooling": "max"}])
    def test_other_settings_are_other_vectors(self, changed, bert, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        first = pretrained_features(bert, TEXTS)
        assert not np.array_equal(pretrained_features(bert, TEXTS, **changed), first)
        np.testing.assert_array_equal(pretrained_features(bert, TEXTS), first)

    def test_a_broken_or_closed_cache_is_done_without(self, bert, monkeypatch, tmp_path) -> None:
        expected = pretrained_features(bert, TEXTS, cache=False)
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        np.testing.assert_array_equal(pretrained_features(bert, TEXTS), expected)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        path = tmp_path / "counterpoise" / "features" / f"{bert.digest}.sqlite"
        path.parent.mkdir(parents=True)
        path.write_text("no database at all, and long enough to be looked at")
        np.testing.assert_array_equal(pretrained_features(bert, TEXTS), expected)
        path.unlink()
        pretrained_features(bert, TEXTS)
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT count(*) FROM features").fetchone() == (len(TEXTS),)

    def test_vectors_of_length_1_where_it_says_so(self, copied) -> None:
        (copied / "modules.json").write_text(json.dumps([{"idx": 2, "type": "x.models.Normalize"}]))
        found = pretrained_features(Checkpoint.open(str(copied)), TEXTS, cache=False)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
