"""Pretrained encoders as a backbone: frozen and trained, saved with and without their weights, layer by layer."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoise import TextClassifier
from counterpoise.backbones import pretrained
from counterpoise.backbones.base import HEAD_RATE, Batch, Network
from counterpoise.backbones.pretrained import PretrainedTexts, pretrained_network
from counterpoise.backbones.registry import BACKBONES
from counterpoise.errors import ModelError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.text import features
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.training import loop
from counterpoise.training.schedule import Schedule
from tiny_encoders import tiny_encoder

TRAINING = {"max_epochs": 2, "batch_size": 16, "precision": "float32", "device": "cpu", "random_state": 0}
NOTHING = torch.empty(0)


def classifier(method: str = "erm", name: str | None = None, **settings):
    return TextClassifier(
        method, "encoder", backbone__name=name or tiny_encoder(), threshold=0.5, **{**TRAINING, **settings}
    )


def network(**settings) -> Network:
    texts = PretrainedTexts(name=tiny_encoder(), frozen=False).fit(np.array(["word1"], dtype=object))
    return Network(pretrained_network(texts.input_spec, **settings), 2)


class TestFrozen:
    def test_texts_are_read_once_and_only_a_head_is_trained(self, spam, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        texts, labels = spam
        fitted = classifier().fit(texts, labels)
        names = {name for name, _ in fitted.fitted_.predictor.model.named_parameters()}
        assert names == {"head.weight", "head.bias"}
        monkeypatch.setattr(features, "_computed", lambda *_: pytest.fail("it was known"))
        again = classifier("class_weight").fit(texts, labels)
        assert not np.array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
        scale = fitted.embed(texts)
        np.testing.assert_allclose(scale.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(scale.std(axis=0), 1, atol=1e-3)

    def test_saved_without_the_encoder(self, spam, tmp_path) -> None:
        texts, labels = spam
        mine = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
        fitted = classifier(name=str(mine)).fit(texts, labels)
        fitted.save(tmp_path / "model")
        assert (tmp_path / "model" / "model.safetensors").stat().st_size < 4_000
        np.testing.assert_array_equal(
            load_model(tmp_path / "model").predict_proba(texts), fitted.predict_proba(texts)
        )
        content = bytearray((mine / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (mine / "model.safetensors").write_bytes(bytes(content))
        loaded = load_model(tmp_path / "model")
        with pytest.raises(ModelError, match="are not those that this model was fitted with"):
            loaded.predict_proba(texts)
        shutil.rmtree(mine)
        with pytest.raises(ModelError, match=r"there is no folder .*encoder, where the pretrained model is"):
            load_model(tmp_path / "model")

    @pytest.mark.parametrize(
        ("file", "key"), [("tokenizer.json", "normalizer"), ("config.json", "layer_norm_eps")]
    )
    @pytest.mark.parametrize("method", ["erm", "encoder_lr"])
    def test_saved_it_knows_its_tokenizer_and_configuration(self, method, file, key, spam, tmp_path) -> None:
        texts, labels = spam
        mine = Path(shutil.copytree(tiny_encoder(), tmp_path / "encoder"))
        fitted = (
            TextClassifier(method, method__encoder=str(mine), threshold=0.5, **TRAINING)
            if method == "encoder_lr"
            else classifier(method, name=str(mine))
        )
        fitted.fit(texts, labels).save(tmp_path / "model")
        load_model(tmp_path / "model").predict_proba(texts)
        content = json.loads((mine / file).read_text())
        content[key] = None if key == "normalizer" else 0.1
        (mine / file).write_text(json.dumps(content))
        with pytest.raises(
            ModelError, match=r"the configuration or the tokenizer of encoder .* are not those"
        ):
            load_model(tmp_path / "model").predict_proba(texts)

    def test_saved_when_the_weights_alone_were_known(self, spam, tmp_path, monkeypatch) -> None:
        texts, labels = spam
        mine = Path(shutil.copytree(tiny_encoder(), tmp_path / "encoder"))
        fitted = classifier(name=str(mine)).fit(texts, labels)
        weights = hashlib.sha256((mine / "model.safetensors").read_bytes()).hexdigest()[:20]
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "digest", weights)
            fitted.save(tmp_path / "model")
        expected = fitted.predict_proba(texts)
        np.testing.assert_array_equal(load_model(tmp_path / "model").predict_proba(texts), expected)
        content = bytearray((mine / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (mine / "model.safetensors").write_bytes(bytes(content))
        with pytest.raises(ModelError, match="are not those that this model was fitted with"):
            load_model(tmp_path / "model").predict_proba(texts)


class TestTrained:
    def test_saved_whole(self, spam, tmp_path) -> None:
        texts, labels = spam
        mine = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
        fitted = classifier(name=str(mine), backbone__frozen=False).fit(texts, labels)
        expected = fitted.predict_proba(texts)
        fitted.save(tmp_path / "model")
        shutil.rmtree(mine)
        np.testing.assert_array_equal(load_model(tmp_path / "model").predict_proba(texts), expected)

    def test_weights_that_are_missing_are_not_drawn(self, spam, tmp_path, monkeypatch) -> None:
        folder = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
        weights = load_file(folder / "model.safetensors")
        rest = {name: value for name, value in weights.items() if "layer.1" not in name}
        save_file(rest, folder / "model.safetensors", metadata={"format": "pt"})
        monkeypatch.setattr(loop, "save_checkpoint", lambda *_: pytest.fail("it was trained"))
        asked = {"backbone__frozen": False, "checkpoint": tmp_path / "c"}
        with pytest.raises(SettingsError, match=r"16 of the 39 weights .*encoder\.layer\.1\."):
            classifier(name=str(folder), **asked).fit(*spam)

    def test_every_weight_of_the_encoder_moves(self, spam) -> None:
        texts, labels = spam
        fitted = classifier(backbone__frozen=False).fit(texts, labels)
        before = network().backbone.model.state_dict()
        after = fitted.fitted_.predictor.model.backbone.model.state_dict()
        still = {name for name in before if torch.equal(before[name], after[name])}
        assert still <= {"embeddings.position_ids", "embeddings.token_type_ids"}

    def test_additions_of_low_rank_are_all_that_moves(self, spam, tmp_path) -> None:
        pytest.importorskip("peft")
        texts, labels = spam
        fitted = classifier(backbone__frozen=False, backbone__lora=2).fit(texts, labels)
        model = fitted.fitted_.predictor.model
        trained = [name for name, p in model.backbone.named_parameters() if p.requires_grad]
        assert trained
        assert all("lora_" in name for name in trained)
        before = network().backbone.model.state_dict()
        after = model.backbone.model.state_dict()
        kept = {
            name.replace(".base_layer", ""): value for name, value in after.items() if "lora_" not in name
        }
        assert all(torch.equal(kept[name], before[name]) for name in before)
        fitted.save(tmp_path / "model")
        np.testing.assert_array_equal(
            load_model(tmp_path / "model").predict_proba(texts), fitted.predict_proba(texts)
        )

    @pytest.mark.parametrize(("kind", "pooling"), [("bert", "mean"), ("bert", "first"), ("xlnet", "last")])
    def test_pieces_change_nothing(self, kind, pooling, monkeypatch) -> None:
        texts = PretrainedTexts(name=tiny_encoder(kind), frozen=False, pooling=pooling)
        made = Network(pretrained_network(texts.fit(np.array(["word1"], dtype=object)).input_spec), 2).eval()
        lengths = torch.tensor([7, 3, 9, 4, 9, 5])
        mask = torch.arange(9) < lengths[:, None]
        inputs = torch.randint(5, 60, (6, 9), dtype=torch.int32) * mask
        sizes, found = [], []
        tokens = type(made.backbone).tokens

        def spy(backbone, batch):
            sizes.append(tuple(batch.inputs.shape))
            return tokens(backbone, batch)

        monkeypatch.setattr(type(made.backbone), "tokens", spy)
        # No loss of lengths alone: where the last layer is a layer norm they are all one, and gradients are rounding.
        weights = torch.arange(1.0, 7.0)[:, None] * torch.linspace(-1, 2, made.backbone.dim).square()
        for piece in (1_000, 18):
            monkeypatch.setattr(pretrained, "_PIECE", piece)
            made.zero_grad()
            out = made.embed(Batch(inputs, mask, NOTHING, NOTHING, NOTHING))
            (out * weights).sum().backward()
            found.append([out, *(p.grad for p in made.backbone.parameters() if p.grad is not None)])
        assert sizes == [(6, 9), (3, 5), (2, 9), (1, 9)]
        for whole, cut in zip(*found, strict=True):
            torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)

    def test_gradient_checkpointing_changes_no_gradient(self) -> None:
        inputs = torch.tensor([[2, 7, 8, 3]], dtype=torch.int32)
        batch = Batch(inputs, None, torch.tensor([1]), torch.ones(1), torch.tensor([0]))
        gradients = []
        for on in (False, True):
            torch.manual_seed(0)
            made = network(gradient_checkpointing=on).train()
            made.backbone.model.config.hidden_dropout_prob = 0.0
            for module in made.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            made(batch).sum().backward()
            gradients.append({n: p.grad for n, p in made.backbone.named_parameters() if p.grad is not None})
        assert gradients[0].keys() == gradients[1].keys() != set()
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient)


class TestRates:
    def test_lower_layers_learn_more_slowly(self) -> None:
        made = network(layer_decay=0.5)
        named = {id(p): name for name, p in made.named_parameters()}
        rates = {named[id(p)]: g["lr"] for g in made.parameter_groups(1e-4) for p in g["params"]}
        assert len(rates) == len(named), "each once"
        for name, rate in rates.items():
            level = 2e-3 / 1e-4 if name.startswith("head") else 0.5
            if "encoder.layer.1" in name:
                level = 0.5
            elif "encoder.layer.0" in name:
                level = 0.25
            elif "embeddings" in name:
                level = 0.125 if "_embeddings" in name else 1.0
            assert rate == pytest.approx(1e-4 * level), name

    def test_rates_without_decay_are_two(self) -> None:
        assert [group["lr"] for group in network().parameter_groups(None)] == [5e-5, pytest.approx(HEAD_RATE)]

    def test_other_backbones_have_one_group_in_their_own_order(self) -> None:
        entry = BACKBONES["mlp"]
        encoder = entry.make_encoder({}).fit(np.eye(4, dtype=np.float32))
        made = Network(entry.make_network(encoder, {}), 3)
        (group,) = made.parameter_groups(None)
        assert group["lr"] == 1e-3
        assert all(one is other for one, other in zip(group["params"], made.parameters(), strict=True))

    def test_rates_rise_and_fall(self, spam, monkeypatch) -> None:
        schedule = Schedule("linear", 0.1)
        factors = [schedule.factor(begun, begun + 0.05) for begun in (0, 0.05, 0.1, 0.55, 0.95)]
        assert factors == pytest.approx([0.5, 1, 1, 0.5, 1 / 18])
        seen: list[float] = []
        adamw = torch.optim.AdamW.step

        def step(optimizer, *rest, **more):
            seen.append(optimizer.param_groups[0]["lr"])
            return adamw(optimizer, *rest, **more)

        monkeypatch.setattr(torch.optim.AdamW, "step", step)
        texts, labels = spam
        classifier(backbone__frozen=False, batch_size=13, validation_fraction=0.0).fit(texts, labels)
        assert len(seen) == 20
        np.testing.assert_allclose(seen, [5e-5 * schedule.factor(i / 20, (i + 1) / 20) for i in range(20)])

    def test_a_training_goes_on_where_it_was(self, spam, tmp_path, monkeypatch) -> None:
        texts, labels = spam
        asked = {"backbone__frozen": False, "backbone__layer_decay": 0.8, "max_epochs": 3}
        whole = classifier(**asked).fit(texts, labels).predict_proba(texts)
        saved, count = loop.save_checkpoint, [0]

        def interrupt(*args):
            saved(*args)
            count[0] += 1
            if count[0] == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", interrupt)
            with pytest.raises(KeyboardInterrupt):
                classifier(checkpoint=tmp_path / "c", **asked).fit(texts, labels)
        resumed = classifier(checkpoint=tmp_path / "c", **asked).fit(texts, labels)
        np.testing.assert_array_equal(resumed.predict_proba(texts), whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone__layer_decay": 0.9}, "layer_decay is for an encoder that is trained"),
        ({"backbone__lora": 4}, "lora is for an encoder that is trained"),
        ({"backbone__lora": 0, "backbone__frozen": False}, "lora is 0"),
        ({"backbone__layer_decay": 1.5, "backbone__frozen": False}, "layer_decay is 1.5"),
        ({"backbone__lora": True, "backbone__frozen": False}, "lora is True; give its rank"),
        ({"backbone__lora": "8", "backbone__frozen": False}, "lora is '8'; give its rank"),
        (
            {"backbone__layer_decay": "x", "backbone__frozen": False},
            "layer_decay is 'x'; give a number above 0",
        ),
        (
            {"backbone__layer_decay": True, "backbone__frozen": False},
            "layer_decay is True; give a number above",
        ),
        ({"backbone__frozen": "no"}, "frozen is 'no'; give true or false"),
        ({"backbone__cache": 1}, "cache is 1; give true or false"),
        (
            {"backbone__gradient_checkpointing": "yes", "backbone__frozen": False},
            "gradient_checkpointing is 'yes'; give true or false",
        ),
        ({"backbone__pooling": "sum"}, "pooling is 'sum'"),
        (
            {"backbone__revision": 5},
            "revision is 5; give a commit, branch or tag of the Hub as a str, or None",
        ),
        ({"backbone__revision": ""}, "revision is ''"),
        ({"name": 7}, "encoder is 7; give the name of one on the Hugging Face Hub, or a folder"),
        ({"name": "./none"}, "there is no encoder folder"),
    ],
)
def test_refused_before_any_work(settings, message, spam, monkeypatch) -> None:
    monkeypatch.setattr("counterpoise.estimators.base.fit_model", lambda *_, **__: pytest.fail("work began"))
    with pytest.raises(SettingsError, match=message):
        classifier(**settings).fit(*spam)
