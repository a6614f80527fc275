"""Statistics of batch norm taken anew: of which rows they are, and what is left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoise import ImageClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.mlp import MLP
from counterpoise.backbones.resnet import ResNet
from counterpoise.images.pixels import Pixels
from counterpoise.methods import mixed_training
from counterpoise.training.norm_statistics import LEAST, renew_norm_statistics
from tiny_images import make_images
from tiny_networks import TINY, TRAINING


@pytest.fixture
def images() -> np.ndarray:
    return make_images((12, 4), 0)[0]


@pytest.fixture
def model(images) -> Network:
    torch.manual_seed(0)
    network = Network(ResNet(Pixels().fit(images).input_spec, depth=8, augment=False), 2)
    for buffer in network.buffers():
        if buffer.dtype == torch.float32 and buffer.dim() == 1:
            buffer.fill_(7.0)  # what training has noted
    return network.eval()


def test_they_are_the_means_over_batches_of_these_rows(model, images) -> None:
    encoded = Pixels().fit(images).encode(images)
    renew_norm_statistics(model, encoded, batch_size=99, seed=0)
    norm, seen = model.backbone.stem_norm, []
    hook = norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    inputs, mask = encoded.batch(np.arange(len(images)))
    nothing = torch.empty(0)
    with torch.no_grad():
        model.embed(Batch(inputs, mask, nothing, nothing, nothing))
    hook.remove()
    torch.testing.assert_close(norm.running_mean, seen[0].mean(dim=(0, 2, 3)))
    torch.testing.assert_close(norm.running_var, seen[0].var(dim=(0, 2, 3)))
    assert norm.num_batches_tracked == LEAST


def test_of_few_rows_in_small_batches_all_count_and_the_rest_stays_as_it_was(model, images) -> None:
    weights = {name: p.clone() for name, p in model.named_parameters()}
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    encoded = Pixels().fit(images).encode(images)
    found = []
    for seed in (0, 0, 1):
        renew_norm_statistics(model, encoded, batch_size=5, seed=seed)
        found.append(model.backbone.stem_norm.running_var.clone())
    assert model.backbone.stem_norm.num_batches_tracked == -(-LEAST // 3) * 3
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    assert not model.training
    assert model.backbone.stem_norm.momentum == 0.1


def test_so_many_batches_at_most(model, images) -> None:
    encoded = Pixels().fit(images).encode(images)
    for most, expected in ((7, 7), (500, -(-LEAST // 3) * 3)):
        renew_norm_statistics(model, encoded, 5, 0, most)
        assert model.backbone.stem_norm.num_batches_tracked == expected


def test_without_batch_norm_nothing_is_computed(monkeypatch) -> None:
    from counterpoise.backbones.registry import BACKBONES

    rows = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    encoder = BACKBONES["mlp"].make_encoder({}).fit(rows)
    model = Network(BACKBONES["mlp"].make_network(encoder, {}), 2).eval()
    assert isinstance(model.backbone, MLP)
    monkeypatch.setattr(Network, "embed", lambda *_: pytest.fail("rows were looked at"))
    renew_norm_statistics(model, encoder.encode(rows), 4, 0)


@pytest.mark.parametrize("method", ["mixup", "remix", "mamix"])
def test_methods_that_mix_take_them_of_rows_as_they_are(method, monkeypatch) -> None:
    images, labels = make_images((24, 8), 0)
    settings = {**TRAINING, **TINY["resnet"], "threshold": None, "validation_fraction": 0.0}
    renewed = []
    whole = mixed_training.renew_norm_statistics

    def watched(model, encoded, batch_size, seed, most) -> None:
        renewed.append((len(encoded.lengths), batch_size, most))
        whole(model, encoded, batch_size, seed, most)

    monkeypatch.setattr(mixed_training, "renew_norm_statistics", watched)
    ImageClassifier(method, "resnet", **settings).fit(images, labels)
    assert renewed == [(32, TRAINING["batch_size"], 10)], "ten batches of so short a training"
    ImageClassifier(method, "resnet", method__alpha=0.0, **settings).fit(images, labels)
    assert len(renewed) == 1, "what mixes nothing is plain training"
