"""What methods do with images and with nothing else: which take them, second views, pairs, images on the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import find_backbone
from counterpoise.errors import ModelError
from counterpoise.images.mapped import MappedImages
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.registry import METHODS, check_combination, make_method
from counterpoise.methods.unlabelled import joined
from counterpoise.methods.validation import judged_by
from counterpoise.training.settings import TrainingSettings, TrainingState
from tiny_images import make_images

SETTINGS = {"channels": (4,), "hidden": (16,), "kernel": 3}


def data_of(counts: tuple[int, ...] = (30, 10)) -> Data:
    images, labels = make_images(counts)
    return Data(images, labels, len(counts), np.ones(len(labels)))


def test_which_methods_that_train_a_network_do_not_take_images() -> None:
    refused = {
        name
        for name, method in METHODS.items()
        if issubclass(method, GradientMethod) and "image" not in method.inputs
    }
    points_and_texts = {"smote", "borderline_smote", "adasyn", "mixtext"}
    sampled = {name for name in refused if METHODS[name].inputs == {"text"}}
    assert refused - sampled == points_and_texts
    assert check_combination("erm", make_method("erm"), "image", None, {}) == "resnet"


def test_what_data_are() -> None:
    data = data_of()
    assert data.kind == "image"
    mapped = Data(MappedImages(data.inputs), data.labels, 2, data.weights)  # type: ignore[arg-type]
    assert mapped.kind == mapped.take(np.array([1, 2])).kind == "image"
    assert Data(np.array(["a text"], dtype=object), data.labels[:1], 2, data.weights[:1]).kind == "text"
    assert Data(data.inputs.reshape(40, -1), data.labels, 2, data.weights).kind == "array"


@pytest.mark.parametrize("name", ["supcon", "bcl", "kcl", "sharprecl"])
def test_the_second_view_of_an_image_is_augmented_anew(name) -> None:
    data = data_of()
    entry = find_backbone("convnet")
    encoder = entry.make_encoder({}).fit(data.inputs)
    method = make_method(name)
    backbone = entry.make_network(encoder, {**SETTINGS, "augment": True})
    model = Network(backbone, 2, method.modules(backbone.dim, 2))
    inputs, mask = encoder.encode(data.inputs).batch(np.arange(12))
    batch = Batch(inputs, mask, torch.from_numpy(data.labels[:12]), torch.ones(12), torch.arange(12))
    (second,) = method.views(batch, TrainingState(0, 2, torch.full((2,), 0.5), 0)).views
    torch.manual_seed(0)
    assert not torch.equal(model.embed(batch), model.embed(second))
    model.eval()
    assert torch.equal(model.embed(batch), model.embed(second))


def test_images_are_joined_as_they_are() -> None:
    """Three channels, twelve rows of pixels: nothing of that is a length to be padded to."""
    one, two = (torch.randint(256, (n, 3, 12, 12), dtype=torch.uint8) for n in (2, 5))
    inputs, mask = joined([(one, None), (two, None)])
    assert mask is None
    assert torch.equal(inputs, torch.cat([one, two]))


@pytest.mark.parametrize(
    "name", ["random_oversample", "crt", "ncm", "soft_smote", "setfit", "supcon", "mixup"]
)
def test_images_on_the_disk_are_learnt_alike(name) -> None:
    data = data_of()
    training = TrainingSettings(max_epochs=2, batch_size=16, precision="float32", device="cpu")
    context = Context(0, 1, "convnet", SETTINGS, training, validation=data.take(np.arange(20)))
    expected = make_method(name).fit(data, context).logits(data.inputs)
    mapped = Data(MappedImages(data.inputs), data.labels, 2, data.weights)  # type: ignore[arg-type]
    validation = mapped.take(np.arange(20))
    context = Context(0, 1, "convnet", SETTINGS, training, validation=validation)
    found = make_method(name).fit(mapped, context).logits(mapped.inputs)
    np.testing.assert_array_equal(found, expected)


def test_a_checkpoint_of_images_on_the_disk_reads_them_piece_by_piece(tmp_path, monkeypatch) -> None:
    """And knows them again wherever they lie."""
    data = data_of((2_000, 100))
    mapped = Data(MappedImages(data.inputs), data.labels, 2, data.weights)  # type: ignore[arg-type]
    training = TrainingSettings(max_epochs=1, batch_size=256, precision="float32", device="cpu")
    context = Context(0, 1, "convnet", SETTINGS, training, checkpoint=tmp_path / "c")
    read, seen = MappedImages.read, []
    monkeypatch.setattr(
        MappedImages, "read", lambda self, rows: seen.append(len(found := read(self, rows))) or found
    )
    expected = make_method("erm").fit(mapped, context).logits(data.inputs)
    assert max(seen) <= 1024
    monkeypatch.setattr("counterpoise.training.loop._epoch", lambda *_: pytest.fail("it was trained again"))
    np.testing.assert_array_equal(make_method("erm").fit(data, context).logits(data.inputs), expected)


def test_a_validation_side_is_known_by_its_pixels_wherever_they_lie() -> None:
    data = data_of((1030, 10))
    other = data.take(np.arange(len(data)))
    other.inputs[-1, -1, -1, -1] ^= 1
    mapped = Data(MappedImages(data.inputs), data.labels, 2, data.weights)  # type: ignore[arg-type]
    one, two, three = (judged_by(Context(0, 1, validation=side)) for side in (data, mapped, other))
    assert one == two != three


@pytest.mark.parametrize("setting", [{"augment": True}, {"augment": True, "flip": False}])
def test_a_checkpoint_of_another_augmentation_is_refused(setting, tmp_path) -> None:
    """No weight shows it."""
    training = TrainingSettings(max_epochs=1, batch_size=16, precision="float32", device="cpu")
    context = Context(0, 1, "convnet", SETTINGS, training, checkpoint=tmp_path / "c")
    make_method("erm").fit(data_of(), replace(context, backbone_settings={**SETTINGS, **setting}))
    with pytest.raises(ModelError, match="belongs to a training with other data or settings"):
        make_method("erm").fit(data_of(), context)


def test_a_checkpoint_is_known_by_settings_whether_given_or_not(tmp_path) -> None:
    training = TrainingSettings(max_epochs=1, batch_size=16, precision="float32", device="cpu")
    context = Context(0, 1, "convnet", SETTINGS, training, checkpoint=tmp_path / "c")
    first = make_method("erm").fit(data_of(), context)
    given = replace(context, backbone_settings={**SETTINGS, "channels": [4], "augment": False})
    np.testing.assert_array_equal(
        make_method("erm").fit(data_of(), given).logits(data_of().inputs), first.logits(data_of().inputs)
    )
