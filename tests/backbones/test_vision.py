"""Pretrained vision models as a backbone: frozen and trained, saved with and without their weights, rates, mixing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from counterpoise import ImageClassifier
from counterpoise.backbones.base import HEAD_RATE, Batch, Network
from counterpoise.backbones.registry import find_backbone
from counterpoise.backbones.vision import PretrainedImages, vision_network
from counterpoise.errors import DataError, ModelError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.images.vision_features import FrozenVision
from counterpoise.mixing.pairs import Pairs
from counterpoise.training import loop
from tiny_encoders import tiny_encoder
from tiny_images import make_images
from tiny_vision import DEVIATION, MEAN, tiny_vision

TRAINING = {"max_epochs": 2, "batch_size": 16, "precision": "float32", "device": "cpu", "random_state": 0}
NOTHING = torch.empty(0)

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


@pytest.fixture(scope="module")
def squares() -> tuple[np.ndarray, np.ndarray]:
    """Images with string labels, one class rare: 60 plain, 20 marked."""
    images, numbers = make_images((60, 20), 3)
    return images, np.array(["plain", "marked"], dtype=object)[numbers]


def classifier(method: str = "erm", name: str | None = None, **settings):
    return ImageClassifier(
        method, "vision", backbone__name=name or tiny_vision(), threshold=0.5, **{**TRAINING, **settings}
    )


def network(kind: str = "vit", side: int = 12, **settings) -> Network:
    images = PretrainedImages(name=tiny_vision(kind), frozen=False)
    images.fit(np.zeros((1, side, side, 3), dtype=np.uint8))
    return Network(vision_network(images.input_spec, **settings), 2)


def batch(count: int, side: int = 12) -> Batch:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    return Batch(pixels, None, NOTHING, NOTHING, NOTHING)


class TestFrozen:
    def test_images_are_read_once_and_only_a_head_is_trained(self, squares, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        images, labels = squares
        fitted = classifier().fit(images, labels)
        names = {name for name, _ in fitted.fitted_.predictor.model.named_parameters()}
        assert names == {"head.weight", "head.bias"}
        monkeypatch.setattr(FrozenVision, "_computed", lambda *_: pytest.fail("it was known"))
        again = classifier("class_weight").fit(images, labels)
        assert not np.array_equal(again.predict_proba(images), fitted.predict_proba(images))
        vectors = fitted.embed(images)
        assert vectors.shape == (80, 16)
        np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=0.3)
        np.testing.assert_array_equal(
            classifier().fit(images, labels).predict_proba(images), fitted.predict_proba(images)
        )

    def test_saved_without_the_model(self, squares, tmp_path) -> None:
        images, labels = squares
        mine = shutil.copytree(tiny_vision(), tmp_path / "vit")
        fitted = classifier(name=str(mine)).fit(images, labels)
        fitted.save(tmp_path / "model")
        assert (tmp_path / "model" / "model.safetensors").stat().st_size < 4_000
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(images), fitted.predict_proba(images))
        text = (mine / "preprocessor_config.json").read_text()
        (mine / "preprocessor_config.json").write_text(text.replace("0.1,", "0.3,"))
        with pytest.raises(
            ModelError, match=r"the configuration or the preprocessing of vision model .* are not those"
        ):
            load_model(tmp_path / "model").predict_proba(images)
        shutil.rmtree(mine)
        with pytest.raises(ModelError, match=r"there is no folder .*vit, where the pretrained model is"):
            load_model(tmp_path / "model")

    def test_vectors_are_mixed(self, squares) -> None:
        images, labels = squares
        plain, mixed = (classifier(method).fit(images, labels) for method in ("erm", "mixup"))
        assert not np.array_equal(plain.predict_proba(images), mixed.predict_proba(images))

    def test_setfit_has_nothing_to_train(self, squares) -> None:
        with pytest.raises(SettingsError, match=r"'vision' is frozen; give backbone__frozen=false$"):
            classifier("setfit").fit(*squares)


class TestTrained:
    @pytest.mark.parametrize("kind", ["vit", "convnext"])
    def test_finds_the_class_and_is_the_same_once_saved(self, kind, squares, tmp_path) -> None:
        images, labels = squares
        mine = shutil.copytree(tiny_vision(kind), tmp_path / "mine")
        settings = {"max_epochs": 10, "learning_rate": 0.005, "backbone__frozen": False}
        fitted = classifier("class_weight", str(mine), **settings).fit(images, labels)
        expected = fitted.predict_proba(images)
        assert average_precision_score(labels == "marked", expected[:, 0]) > 0.95
        fitted.save(tmp_path / "model")
        shutil.rmtree(mine)
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(images), expected)
        with pytest.raises(DataError, match="12 x 12"):
            loaded.predict_proba(images[:, :9])

    @pytest.mark.parametrize("kind", ["vit", "resnet"])
    def test_every_weight_of_the_model_moves(self, kind, squares) -> None:
        images, labels = squares
        settings = {"backbone__frozen": False, "batch_size": 64, "weight_decay": 0.01}
        fitted = classifier(name=tiny_vision(kind), **settings).fit(images, labels)
        before = network(kind).backbone.state_dict()
        after = fitted.fitted_.predictor.model.backbone.state_dict()
        assert before.keys() == after.keys()
        assert [name for name in before if torch.equal(before[name], after[name])] == []

    def test_pixels_have_the_checkpoints_own_mean_and_deviation(self) -> None:
        made = network(side=8).eval().backbone
        rows = batch(2, 8)
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in (MEAN, DEVIATION))
        pixels = (rows.inputs / 255 - mean) / deviation
        torch.testing.assert_close(made.vectors(rows), pixels)
        torch.testing.assert_close(made.tokens(rows), made.reader(pixels))
        assert network(side=12).backbone.vectors(batch(2)).shape == (2, 3, 8, 8)

    def test_pooled_are_class_tokens_or_means(self) -> None:
        rows = batch(3)
        for kind, settings, pool in [
            ("vit", {}, lambda tokens: tokens[:, 0]),
            ("convnext", {}, lambda tokens: tokens.mean(dim=1)),
        ]:
            made = network(kind, **settings).eval()
            torch.testing.assert_close(made.embed(rows), pool(made.backbone.tokens(rows)))

    def test_augmented_in_training_alone(self) -> None:
        rows = batch(8)
        augmented, plain = network(), network(augment=False)
        assert not torch.equal(augmented.train().backbone.vectors(rows), augmented.backbone.vectors(rows))
        expected = plain.train().backbone.vectors(rows)
        torch.testing.assert_close(augmented.eval().backbone.vectors(rows), expected)

    def test_images_are_mixed_as_pixels(self) -> None:
        made = network().eval().backbone
        made.check_mixing()
        rows = batch(3)
        weights = torch.full((3,), 0.7)
        found = made.mixed(rows, Pairs(torch.tensor([1, 2, 0]), weights, weights))
        vectors = made.vectors(rows)
        expected = made.summary(0.7 * vectors + 0.3 * vectors[[1, 2, 0]], None)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)

    def test_gradient_checkpointing_changes_no_gradient(self) -> None:
        gradients = []
        for on in (False, True):
            torch.manual_seed(0)
            made = network(gradient_checkpointing=on, augment=False).train()
            made.dropout.p = 0.0
            made(batch(4)).sum().backward()
            gradients.append({name: p.grad for name, p in made.backbone.named_parameters()})
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient)

    def test_a_training_goes_on_where_it_was(self, squares, tmp_path, monkeypatch) -> None:
        images, labels = squares
        asked = {"backbone__frozen": False, "backbone__layer_decay": 0.8, "max_epochs": 3}
        whole = classifier(**asked).fit(images, labels).predict_proba(images)
        np.testing.assert_array_equal(classifier(**asked).fit(images, labels).predict_proba(images), whole)
        saved, count = loop.save_checkpoint, [0]

        def interrupt(*args):
            saved(*args)
            count[0] += 1
            if count[0] == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", interrupt)
            with pytest.raises(KeyboardInterrupt):
                classifier(checkpoint=tmp_path / "c", **asked).fit(images, labels)
        resumed = classifier(checkpoint=tmp_path / "c", **asked).fit(images, labels)
        np.testing.assert_array_equal(resumed.predict_proba(images), whole)


class TestRates:
    def test_without_decay_they_are_two(self) -> None:
        assert [group["lr"] for group in network().parameter_groups(None)] == [5e-5, pytest.approx(HEAD_RATE)]
        entry = find_backbone("vision")
        assert entry.learning_rate({"frozen": False}) == 5e-5
        assert entry.learning_rate({}) == HEAD_RATE
        assert not entry.trained({})
        assert entry.trained({"frozen": False})

    @pytest.mark.parametrize(
        ("kind", "lower", "upper", "above"),
        [("vit", "layers.0", "layers.1", "layernorm"), ("convnext", "stages.0", "stages.1", ".layernorm.")],
    )
    def test_lower_layers_learn_more_slowly(self, kind, lower, upper, above) -> None:
        made = network(kind, layer_decay=0.5)
        named = {id(p): name for name, p in made.named_parameters()}
        rates = {named[id(p)]: g["lr"] for g in made.parameter_groups(1e-4) for p in g["params"]}
        assert len(rates) == len(named), "each once"
        seen = set()
        for name, rate in rates.items():
            level = {lower: 0.25, upper: 0.5, "embeddings": 0.125, "head": 2e-3 / 1e-4, above: 1.0}
            part = next(part for part in level if part in name)
            seen.add(part)
            assert rate == pytest.approx(1e-4 * level[part]), name
        assert len(seen) == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone__layer_decay": 0.9}, "layer_decay is for a vision model that is trained"),
        (
            {"backbone__augment": False},
            "augment is for a vision model that is trained, and this one is frozen",
        ),
        ({"backbone__layer_decay": 1.5, "backbone__frozen": False}, "layer_decay is 1.5"),
        ({"backbone__layer_decay": "x", "backbone__frozen": False}, "layer_decay is 'x'"),
        ({"backbone__frozen": "no"}, "frozen is 'no'; give true or false"),
        ({"name": 7}, "vision model is 7; give the name of one on the Hugging Face Hub"),
        ({"backbone__revision": 5}, "revision is 5; give a commit"),
        ({"backbone__flip": 1, "backbone__frozen": False}, "flip is 1; give true or false"),
        ({"backbone__pooling": "last"}, "pooling is 'last'; choose from mean, first, max"),
        ({"name": "./none"}, "there is no vision model folder"),
        ({"name": tiny_encoder()}, "no vision model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # settings name temporary folders
)
def test_refused_before_any_work(settings, message, squares, monkeypatch) -> None:
    monkeypatch.setattr("counterpoise.estimators.base.fit_model", lambda *_, **__: pytest.fail("work began"))
    with pytest.raises(SettingsError, match=message) as error:
        classifier(**settings).fit(*squares)
    assert "\n" not in str(error.value)


def test_identity_is_that_of_weights_and_preprocessing(tmp_path) -> None:
    mine = shutil.copytree(tiny_vision(), tmp_path / "mine")
    identity = find_backbone("vision").identity
    before = identity({"name": str(mine)})
    assert before == identity({"name": tiny_vision()}) != identity({"name": tiny_vision("resnet")})
    assert "transformers" in before
