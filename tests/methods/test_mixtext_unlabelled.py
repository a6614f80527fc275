"""MixText with unlabelled texts: views, guesses, the loss of the whole pool, and where the texts do not go."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from mixtext_helpers import (
    EXTRA,
    SETTINGS,
    context_of,
    data_of,
    model_and_batch,
    next_row,
    pool_of,
    state_of,
)
from torch.nn.functional import log_softmax, one_hot

from counterpoise import ArrayClassifier, TextClassifier
from counterpoise.backbones.base import Batch
from counterpoise.errors import DataError, ModelError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.methods import mixtext
from counterpoise.methods.base import Data
from counterpoise.methods.erm import ERM
from counterpoise.methods.mixtext import MixText
from counterpoise.methods.registry import make_method
from counterpoise.methods.unlabelled import joined, read_unlabelled
from tiny_arrays import make_arrays
from tiny_texts import make_texts


@pytest.fixture
def fixed_pairs(monkeypatch) -> None:
    monkeypatch.setattr(mixtext, "mixup", next_row)


class TestUnlabelled:
    def test_unlabelled_texts_that_count_for_nothing_leave_the_loss_of_plain_training(self) -> None:
        data = data_of("textcnn")
        model, batch, encoder = model_and_batch("textcnn", data, 9)
        method = MixText(alpha=0.0, unlabelled=list(EXTRA), unlabelled_weight=0.0, margin_weight=0.0)
        method._pool = pool_of(encoder)
        model.eval()
        found = method.loss(model, batch, state_of()) @ batch.weights
        expected = ERM().loss(model, batch, state_of()) @ batch.weights
        torch.testing.assert_close(found, expected)

    def test_views_miss_words_and_texts_are_drawn_with_them(self) -> None:
        _, _, encoder = model_and_batch("textcnn", data_of("textcnn"), 4)
        pool = pool_of(encoder)
        lengths = [encoded.lengths for encoded in pool._versions]
        assert len(pool) == len(EXTRA)
        assert [len(each) for each in lengths] == [len(EXTRA)] * 3
        assert (lengths[1] <= lengths[0]).all()
        share = 1 - lengths[1].sum() / lengths[0].sum()
        assert 0.15 < share < 0.45
        assert (lengths[1] != lengths[2]).any()
        versions = pool.draw(5, np.random.default_rng(0))
        rows = np.random.default_rng(0).choice(len(EXTRA), 5, replace=False)
        assert len(set(rows.tolist())) == 5
        for encoded, (inputs, _) in zip(pool._versions, versions, strict=True):
            assert torch.equal(inputs, encoded.batch(rows)[0])
        assert len(pool.draw(1000, np.random.default_rng(0))[0][0]) == len(EXTRA)

    def test_joined_rows_keep_their_tokens_and_masks(self) -> None:
        short = (torch.tensor([[4, 5]], dtype=torch.int32), None)
        long = (
            torch.tensor([[6, 7, 8], [9, 0, 0]], dtype=torch.int32),
            torch.tensor([[True] * 3, [True, False, False]]),
        )
        inputs, mask = joined([short, long])
        assert inputs.tolist() == [[4, 5, 0], [6, 7, 8], [9, 0, 0]]
        assert mask is not None
        assert mask.tolist() == [[True, True, False], [True] * 3, [True, False, False]]
        assert joined([short, short])[1] is None
        unequal = joined([short, (long[0][:1], None)])[1]
        assert unequal is not None
        assert unequal.tolist() == [[True, True, False], [True] * 3]
        features = torch.randn(2, 3)
        assert torch.equal(joined([(features, None), (features, None)])[0], torch.cat([features, features]))

    def test_guesses_are_sharpened_means(self) -> None:
        model, _, encoder = model_and_batch("textcnn", data_of("textcnn", (9, 8, 7)), 4)
        model.eval()
        versions = pool_of(encoder).draw(6, np.random.default_rng(0))
        method = MixText(temperature=0.5, view_weight=0.25)
        nothing = torch.empty(0)
        p = [torch.softmax(model(Batch(*version, nothing, nothing, nothing)), dim=1) for version in versions]
        mean = (p[0] + 0.25 * p[1] + 0.25 * p[2]) / 1.5
        expected = mean**2 / (mean**2).sum(dim=1, keepdim=True)
        found = method.guess(model, versions)
        torch.testing.assert_close(found, expected)
        assert not found.requires_grad
        torch.testing.assert_close(method.set_params(temperature=1.0).guess(model, versions), mean)

    @pytest.mark.parametrize("margin_weight", [0.0, 0.2])
    def test_the_loss_by_hand(self, margin_weight, fixed_pairs) -> None:
        """One pool of rows, texts and views; its labelled part, and the rest by the weight of its epoch."""
        data = data_of("frozen")
        model, batch, encoder = model_and_batch("frozen", data, 5)
        model.eval()
        pool = pool_of(encoder)
        method = MixText(
            unlabelled=list(EXTRA),
            unlabelled_per_row=2,
            unlabelled_weight=0.6,
            margin=0.9,
            margin_weight=margin_weight,
        )
        method._pool = pool
        drawn: list[Any] = []
        draw = pool.draw
        pool.draw = lambda count, rng: drawn.append(draw(count, rng)) or drawn[-1]  # type: ignore[method-assign,func-returns-value]
        found = method.loss(model, batch, state_of(epoch=1))
        (versions,) = drawn
        texts = [inputs for inputs, _ in versions]
        assert [len(each) for each in texts] == [10] * 3

        guess = method.guess(model, versions)
        inputs = torch.cat([batch.inputs, *texts])
        labels = torch.cat([one_hot(batch.labels, 2).float(), guess, guess, guess])
        weights = torch.cat([batch.weights, torch.ones(30)])
        after = torch.arange(1, 36) % 35
        head = model.head
        log_p = log_softmax(head(0.75 * inputs + 0.25 * inputs[after]), dim=1)
        costs = torch.zeros(35)
        for row in range(35):
            other = int(after[row])
            costs[row] -= 0.75 * weights[row] * (labels[row] @ log_p[row])
            costs[row] -= 0.25 * weights[other] * (labels[other] @ log_p[row])
        norms = torch.softmax(head(texts[0]), dim=1).square().sum(dim=1)
        margin = torch.clamp(0.9 - norms, min=0).mean()
        assert margin > 0
        total = costs[:5].mean() + 2 / 4 * (0.6 * costs[5:].mean() + margin_weight * margin)
        # As the training loop sums it: row weights times losses, over the number of rows.
        torch.testing.assert_close((found @ batch.weights) / 5, total)

    @pytest.mark.parametrize("name", ["textcnn", "textrnn", "encoder", "frozen"])
    def test_trains_on_every_reader_of_texts(self, name) -> None:
        data = data_of(name)
        method = MixText(unlabelled=list(EXTRA))
        predictor = method.fit(data, context_of(name))
        logits = predictor.logits(data.inputs)
        assert np.isfinite(logits).all()
        assert method._pool is None
        assert not np.array_equal(logits, MixText().fit(data, context_of(name)).logits(data.inputs))
        np.testing.assert_array_equal(
            MixText(unlabelled=EXTRA).fit(data, context_of(name)).logits(data.inputs), logits
        )

    def test_in_bfloat16_the_guess_does_not_cut_the_gradient_off(self) -> None:
        model, batch, encoder = model_and_batch("textcnn", data_of("textcnn"), 6)
        method = MixText(unlabelled=list(EXTRA))
        method._pool = pool_of(encoder)
        with torch.autocast("cpu", torch.bfloat16):
            loss = method.loss(model, batch, state_of())
        loss.sum().backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None, name
                assert parameter.grad.abs().sum() > 0, name

    def test_it_learns_from_them(self) -> None:
        """Labelled texts of a class have one sign of it; unlabelled ones tell which other sign stands beside that."""
        rng = np.random.default_rng(0)

        def texts_of(count: int, signs: str) -> np.ndarray:
            """Of both classes in turn."""
            filler = rng.choice([f"word{i}" for i in range(12)], (count, 3))
            words = [[*(f"sign{i % 2}{sign}" for sign in signs), *filler[i]] for i in range(count)]
            return np.array([" ".join(rng.permutation(each)) for each in words], dtype=object)

        class OfSome(MixText):
            """Trains on the first 24 texts; of all of them it knows the words, as a pretrained encoder would."""

            soft_targets = True

            def resample(self, data, context):
                return data.take(np.arange(24))

        inputs = np.concatenate([texts_of(24, "a"), texts_of(40, "b")])
        data = Data(inputs, np.arange(64) % 2, 2, np.ones(64))
        test, extra = texts_of(100, "b"), texts_of(160, "ab")
        scores = []
        for unlabelled in (None, extra):
            context = context_of("textcnn", max_epochs=30, learning_rate=0.02)
            logits = OfSome(unlabelled=unlabelled, unlabelled_per_row=4).fit(data, context).logits(test)
            scores.append(((logits[:, 1] > logits[:, 0]) == np.arange(100) % 2).mean())
        assert scores[1] > 0.85, scores
        assert scores[1] > scores[0] + 0.2, scores


class TestWhereTheyComeFrom:
    def test_a_checkpoint_knows_what_is_in_the_file(self, tmp_path) -> None:
        file, data = tmp_path / "extra.csv", data_of("textcnn")
        context = context_of("textcnn", checkpoint=tmp_path / "checkpoint")
        for i, texts in enumerate((EXTRA, EXTRA[:-1])):
            file.write_text("text\n" + "\n".join(texts), encoding="utf-8")
            method = MixText(unlabelled=str(file))
            if i:
                with pytest.raises(ModelError, match="belongs to a training with other data"):
                    method.fit(data, context)
            else:
                method.fit(data, context)

    def test_a_file_and_a_list_are_the_same(self, tmp_path) -> None:
        file = tmp_path / "extra.csv"
        file.write_text("text,number\n" + "\n".join(f"{text},1" for text in EXTRA), encoding="utf-8")
        np.testing.assert_array_equal(read_unlabelled(file, None), EXTRA)
        np.testing.assert_array_equal(read_unlabelled(str(file), "text"), EXTRA)
        same = [MixText(unlabelled=each).identity() for each in (str(file), list(EXTRA), EXTRA)]
        assert len(set(same)) == 1
        assert MixText(unlabelled=list(EXTRA[:-1])).identity() not in same
        assert MixText().identity() == ""

    @pytest.mark.parametrize("given", ["file", "list"])
    def test_a_saved_model_holds_none_of_them(self, given, tmp_path) -> None:
        texts, labels = make_texts((40, 12))
        file = tmp_path / "secret-place.csv"
        extra = [f"unmistakable{i} word{i}" for i in range(20)]
        file.write_text("text\n" + "\n".join(extra), encoding="utf-8")
        own = {f"backbone__{key}": value for key, value in SETTINGS["textcnn"].items()}
        classifier = TextClassifier(
            "mixtext",
            method__unlabelled=str(file) if given == "file" else extra,
            max_epochs=1,
            threshold=0.5,
            precision="float32",
            random_state=0,
            **own,
        ).fit(texts, labels)
        classifier.save(tmp_path / "model")
        for path in (tmp_path / "model").iterdir():
            content = path.read_bytes()
            assert b"unmistakable" not in content
            assert b"secret-place" not in content
        assert "method__unlabelled" not in json.loads((tmp_path / "model/config.json").read_text())["params"]
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))
        assert b"unmistakable" not in pickle.dumps(classifier.fitted_) or given == "list"

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (["a text", ""], "unlabelled texts: "),
            ([], "unlabelled texts: there are no texts"),
            ("nowhere.csv", "unlabelled texts: there is no file 'nowhere.csv'"),
            ("-", "unlabelled texts: standard input is read once"),
        ],
    )
    def test_what_cannot_be_had_is_said_before_any_work(self, given, message) -> None:
        with pytest.raises(DataError, match=message) as error:
            TextClassifier("mixtext", method__unlabelled=given).fit(["a b", "c d"] * 5, [0, 1] * 5)
        assert "\n" not in str(error.value)

    def test_a_column_that_cannot_be_guessed_is_asked_for_by_its_setting(self, tmp_path) -> None:
        file = tmp_path / "two.csv"
        file.write_text("first,second\n" + "one text here,another text there\n" * 3, encoding="utf-8")
        with pytest.raises(DataError, match="name it with method__unlabelled_column, out of"):
            read_unlabelled(file, None)
        assert read_unlabelled(file, "second").tolist() == ["another text there"] * 3

    def test_arrays_and_blends_are_refused(self) -> None:
        values, labels = make_arrays((20, 6))
        with pytest.raises(SettingsError, match="no unlabelled arrays; leave unlabelled out"):
            ArrayClassifier("mixtext", method__unlabelled=list(EXTRA), random_state=0).fit(values, labels)
        blend = make_method(
            "blend", {"members": "tfidf_lr,mixtext", "settings": {"mixtext": {"unlabelled": list(EXTRA)}}}
        )
        with pytest.raises(SettingsError, match="member 'mixtext' the setting 'unlabelled'"):
            blend.check()
