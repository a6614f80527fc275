"""Backbones against plain torch, and the contract they share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.mlp import MLP
from counterpoise.backbones.registry import BACKBONES, find_backbone
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.textrnn import TextRNN
from counterpoise.backbones.words import WordEncoder
from counterpoise.data.arrays import Standardizer
from counterpoise.errors import SettingsError

NOTHING = torch.empty(0)
TEXTS = np.array(["a b c d", "b a", "c c c a b d e", "z", "d a b"] * 3, dtype=object)


def inputs_for(kind: str) -> np.ndarray:
    """Fifteen rows of any kind."""
    rng = np.random.default_rng(0)
    if kind == "image":
        return rng.integers(0, 256, (15, 20, 16, 3), dtype=np.uint8)
    return TEXTS if kind == "text" else rng.normal(size=(15, 4)).astype(np.float32)


def batch_of(ids: list[list[int]]) -> Batch:
    longest = max(map(len, ids))
    inputs = torch.tensor([row + [0] * (longest - len(row)) for row in ids], dtype=torch.int32)
    mask = torch.tensor([[i < len(row) for i in range(longest)] for row in ids])
    return Batch(inputs, None if mask.all() else mask, NOTHING, NOTHING, NOTHING)


def embedding(size: int = 20, dim: int = 6) -> nn.Embedding:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Embedding(size, dim, padding_idx=0)


@pytest.mark.parametrize("widths", [(3, 4, 5), (1,), (2,), (1, 2, 7), (5, 3)])
def test_textcnn_is_convolution_and_maximum(widths) -> None:
    """One matrix product over windows gives what one nn.Conv1d for each width gives, in value and gradient."""
    words = embedding()
    model = TextCNN(words, n_filters=3, widths=widths)
    ids = [[3, 1, 4, 1, 5, 9, 2, 6], [5], [3, 5, 8]]
    found = model(batch_of(ids))
    assert found.shape == (3, model.dim) == (3, 3 * len(widths))
    biases = model.biases.split(3)
    for row, own in enumerate(ids):
        x = words(torch.tensor([own])).transpose(1, 2)
        expected = []
        for weight, bias, width in zip(model.weights, biases, widths, strict=True):
            padded = nn.functional.pad(x, ((width - 1) // 2, width // 2))
            y = nn.functional.conv1d(padded, weight.transpose(1, 2), bias)
            assert y.shape[2] == len(own)
            expected.append(y.max(dim=2).values.relu()[0])
        torch.testing.assert_close(found[row], torch.cat(expected))
    found.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert (words.weight.grad[0] == 0).all(), "padding was trained"


def test_textrnn_is_a_bidirectional_lstm() -> None:
    words = embedding()
    model = TextRNN(words, hidden=4)
    reference = nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    state = dict(model.forwards.state_dict())
    state |= {f"{name}_reverse": value for name, value in model.backwards.state_dict().items()}
    reference.load_state_dict(state)
    ids = [[3, 1, 4, 1, 5], [5], [3, 5, 8]]
    batch = batch_of(ids)
    tokens, pooled = model.tokens(batch), model(batch)
    for row, own in enumerate(ids):
        expected, _ = reference(words(torch.tensor([own])))
        torch.testing.assert_close(tokens[row, : len(own)], expected[0])
        torch.testing.assert_close(pooled[row], expected[0].max(dim=0).values)


def test_mlp_is_linear_layers_with_relu_between() -> None:
    model = MLP(5, hidden=(4, 3))
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    first, second = (layer for layer in model.layers if isinstance(layer, nn.Linear))
    batch = Batch(x, None, NOTHING, NOTHING, NOTHING)
    torch.testing.assert_close(model(batch), second(first(x).relu()).relu())
    assert model.tokens(batch).shape == (7, 1, 3)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_contract(name) -> None:
    """Token representations of width dim, pooled ones, logits; every setting has a default."""
    entry = find_backbone(name)
    inputs = inputs_for(entry.inputs)
    encoder = entry.make_encoder({}).fit(inputs)
    backbone = entry.make_network(encoder, {})
    model = Network(backbone, 3).eval()
    values, mask = encoder.encode(inputs).batch(np.arange(6))
    batch = Batch(values, mask, NOTHING, NOTHING, NOTHING)
    tokens = backbone.tokens(batch)
    assert tokens.shape[0] == 6
    assert tokens.shape[2] == backbone.dim
    assert model.embed(batch).shape == (6, backbone.dim)
    assert model(batch).shape == (6, 3)
    torch.testing.assert_close(model.embed(batch), backbone.pool(tokens, mask))
    assert entry.summary
    # Said before the network is made, and by the network.
    assert entry.gains_by_bfloat16({}) == backbone.gains_by_bfloat16


@pytest.mark.parametrize("name", BACKBONES)
def test_bfloat16_steps_are_finite(name) -> None:
    entry = BACKBONES[name]
    inputs = inputs_for(entry.inputs)
    encoder = entry.make_encoder({"frozen": False} if "frozen" in entry.settings() else {}).fit(inputs)
    model = Network(entry.make_network(encoder, {}), 2)
    assert entry.gains_by_bfloat16({"frozen": False}) == model.backbone.gains_by_bfloat16
    values, mask = encoder.encode(inputs).batch(np.arange(8))
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(Batch(values, mask, NOTHING, NOTHING, NOTHING))
    logits.float().square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_dropout_acts_in_training_only() -> None:
    model = Network(MLP(4, hidden=(64,)), 2)
    batch = Batch(torch.ones(1, 4), None, NOTHING, NOTHING, NOTHING)
    assert not torch.equal(model.train()(batch), model(batch))
    assert torch.equal(model.eval()(batch), model(batch))


@pytest.mark.parametrize(
    ("settings", "trained"),
    [
        ({"vectors": "learnt"}, False),
        ({"vectors": "random"}, True),
        ({"vectors": "learnt", "train_vectors": True}, True),
        ({"vectors": "random", "train_vectors": False}, False),
    ],
)
def test_which_vectors_are_trained(settings, trained) -> None:
    encoder = WordEncoder(dim=5, **settings).fit(TEXTS, seed=3)
    layer = encoder.input_spec
    assert layer.weight.requires_grad is trained
    assert layer.weight.shape == (len(encoder.tokenizer), 5)
    assert (layer.weight[0] == 0).all()
    again = WordEncoder(dim=5, **settings).fit(TEXTS, seed=3)
    assert torch.equal(again.vectors_, encoder.vectors_)
    with torch.no_grad():
        layer.weight += 1
    assert torch.equal(again.vectors_, encoder.vectors_), "training would change the encoder"


def test_text_is_read_up_to_max_length() -> None:
    encoder = WordEncoder(dim=4, max_length=3, vectors="random").fit(TEXTS)
    assert encoder.encode(TEXTS).lengths.max() == 3


def test_settings_are_shared_out_and_unknown_ones_refused() -> None:
    entry = find_backbone("textcnn", {"dim": 4, "n_filters": 2})
    assert entry.make_encoder({"dim": 4, "n_filters": 2}).dim == 4
    assert {"dim", "vectors", "n_filters", "widths"} <= set(entry.settings())
    with pytest.raises(SettingsError, match=r"no setting 'hidden'; it has .*n_filters"):
        find_backbone("textcnn", {"hidden": 3})
    with pytest.raises(SettingsError, match=r"no backbone 'cnn'; choose one of textcnn"):
        find_backbone("cnn")
    with pytest.raises(SettingsError, match="vectors is 'glove'"):
        WordEncoder(vectors="glove")


def test_features_are_standardised_by_the_fitting_side() -> None:
    rng = np.random.default_rng(0)
    train = (rng.normal(size=(200, 3)) * [1, 1000, 1e-3] + [0, 5, 1e4]).astype(np.float32)
    train = np.column_stack([train[:, :2], np.full(200, 0.1, dtype=np.float32)])
    encoder = Standardizer().fit(train)
    values = encoder.encode(train).values.numpy()
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=0), [1, 1, 0], atol=1e-5)
    other = encoder.encode(train[:1] + np.float32(1)).values.numpy()
    assert other[0, 2] == pytest.approx(1, abs=1e-5), "a constant feature is centred only"
    again = Standardizer.from_state(encoder.state())
    np.testing.assert_array_equal(again.encode(train).values.numpy(), values)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("textcnn", {"dim": 0}),
        ("textcnn", {"n_filters": 2.5}),
        ("textcnn", {"widths": []}),
        ("textcnn", {"widths": (3, 0)}),
        ("textrnn", {"hidden": True}),
        ("mlp", {"hidden": 4}),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(name, settings) -> None:
    (key,) = settings
    with pytest.raises(SettingsError, match=rf"{key} of backbone '{name}' is .*1 or more"):
        find_backbone(name, settings)


def test_lists_are_as_good_as_tuples() -> None:
    find_backbone("textcnn", {"widths": [2, 3]})
    find_backbone("mlp", {"hidden": [4, 4]})
