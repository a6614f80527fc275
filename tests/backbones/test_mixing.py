"""Rows mixed inside a backbone: against the same computed step by step, and whatever must not change the result."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from counterpoise.backbones.base import Backbone, Batch, Network, VectorReader
from counterpoise.backbones.layer_mixing import layer_at, set_right
from counterpoise.backbones.mlp import MLP
from counterpoise.backbones.pretrained import FrozenFeatures, Trained, Transformer
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.textrnn import TextRNN
from counterpoise.errors import SettingsError
from counterpoise.mixing.pairs import Pairs

NOTHING = torch.empty(0)
LENGTHS = [3, 6, 2]
TRANSFORMERS = ["bert", "roberta", "distilbert", "electra", "mpnet", "deberta-v2", "modernbert", "xlnet"]


def pairs_of(partner: list[int], weight: float) -> Pairs:
    weights = torch.full((len(partner),), weight)
    return Pairs(torch.tensor(partner), weights, weights)


def batch_of(lengths: list[int], rows: int | None = None) -> Batch:
    """Texts of random words, the same ones whatever stands beside them."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 40, (len(LENGTHS), 12), generator=generator, dtype=torch.int32)[: len(lengths)]
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = ids[:, : max(lengths)] * mask
    return Batch(ids, None if bool(mask.all()) else mask, NOTHING, NOTHING, NOTHING)


def words() -> nn.Embedding:
    embedding = nn.Embedding(40, 5, padding_idx=0)
    return embedding.requires_grad_(True)


def reader(name: str) -> VectorReader:
    torch.manual_seed(0)
    if name == "textcnn":
        return TextCNN(words(), n_filters=3, widths=(2, 3))
    if name == "textrnn":
        return TextRNN(words(), hidden=3)
    return MLP(4, hidden=(6, 3)) if name == "mlp" else FrozenFeatures(4)


def transformer(kind: str = "bert", n_layers: int = 3, pooling: str = "mean", **settings: Any) -> Transformer:
    """A tiny encoder of random weights, without dropout, in training mode as a fit has it."""
    import transformers

    heads = {"num_attention_heads": 2, "hidden_size": 8, "num_hidden_layers": n_layers}
    names: dict[str, Any] = {**heads, "intermediate_size": 12, "vocab_size": 40}
    names |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 0}
    if kind == "xlnet":
        names = {"vocab_size": 40, "d_model": 8, "n_layer": n_layers, "n_head": 2, "d_inner": 12}
        names |= {"dropout": 0.0, "summary_last_dropout": 0.0}
    elif kind == "distilbert":
        names = {"vocab_size": 40, "dim": 8, "n_layers": n_layers, "n_heads": 2, "hidden_dim": 12}
        names |= {"dropout": 0.0, "attention_dropout": 0.0}
    elif kind == "modernbert":
        names |= {"attention_dropout": 0.0, "local_attention": 4, "global_attn_every_n_layers": 2}
        names |= {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    elif kind == "deberta-v2":
        names |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 4}
    config = transformers.AutoConfig.for_model(kind, **names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = transformers.AutoModel.from_config(config)
        for parameter in model.parameters():  # strong enough for attention to matter
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.5)
    checkpoint = SimpleNamespace(model=lambda weights: model)
    given = {"layer_decay": 1.0, "gradient_checkpointing": False, "lora": None, **settings}
    return Transformer(Trained(checkpoint, True, pooling), **given).train()  # type: ignore[arg-type]


class TestVectors:
    @pytest.mark.parametrize("name", ["textcnn", "textrnn"])
    def test_words_by_hand(self, name) -> None:
        """Each pair alone: word vectors side by side, zeros where a text has ended, then the network."""
        network = reader(name)
        partner, weight = [1, 2, 0], 0.7
        found = network.mixed(batch_of(LENGTHS), pairs_of(partner, weight))
        ids = batch_of(LENGTHS).inputs
        for row, other in enumerate(partner):
            length = max(LENGTHS[row], LENGTHS[other])
            table = network.embedding.weight.detach().clone()
            table[0] = 0
            vectors = weight * table[ids[row].long()] + (1 - weight) * table[ids[other].long()]
            alone = network.summary(vectors[None, :length], None)
            torch.testing.assert_close(found[row : row + 1], alone, atol=1e-6, rtol=1e-5)

    @pytest.mark.parametrize("name", ["mlp", "frozen"])
    def test_inputs_by_hand(self, name) -> None:
        network, inputs = reader(name), torch.randn(3, 4)
        batch = Batch(inputs, None, NOTHING, NOTHING, NOTHING)
        mixed = batch._replace(inputs=0.7 * inputs + 0.3 * inputs[[1, 2, 0]])
        torch.testing.assert_close(network.mixed(batch, pairs_of([1, 2, 0], 0.7)), network(mixed))

    @pytest.mark.parametrize("name", ["textcnn", "textrnn"])
    @pytest.mark.parametrize("lengths", [LENGTHS, [4, 4, 4]])
    def test_forward_is_the_pooled_tokens(self, name, lengths) -> None:
        network, batch = reader(name), batch_of(lengths)
        torch.testing.assert_close(network(batch), network.pool(network.tokens(batch), batch.mask))

    def test_a_backbone_that_cannot_mix_is_refused_in_one_sentence(self) -> None:
        class Opaque(Backbone):
            inputs = "array"

            def tokens(self, batch):
                return batch.inputs

        with pytest.raises(SettingsError, match="rows cannot be mixed in backbone Opaque; choose") as error:
            Opaque().check_mixing()
        assert "\n" not in str(error.value)
        for name in ("textcnn", "textrnn", "mlp", "frozen"):
            reader(name).check_mixing()
            with pytest.raises(SettingsError, match=r"depth is 0.5, but backbone \w+ mixes what it reads"):
                reader(name).check_mixing(0.5)


def upper_layers_by_hand(network: Transformer, kind: str, states: torch.Tensor, at: int) -> torch.Tensor:
    """States of one text, ``(1, T, d)`` without padding, through the layers from ``at`` on."""
    if kind == "xlnet":
        positions = network.model.relative_positional_encoding(states.shape[1], states.shape[1], bsz=1)
        states = states.transpose(0, 1)
        for layer in network.layers[at:]:
            states = layer(states, None, None, None, positions, None)[0]
        return states.transpose(0, 1)
    for layer in network.layers[at:]:
        states = layer(states, None)
    return states


class TestLayers:
    @pytest.mark.parametrize(("kind", "pooling"), [("bert", "mean"), ("bert", "first"), ("xlnet", "last")])
    @pytest.mark.parametrize("at", [0, 1, 2, 3])
    def test_by_hand(self, kind, pooling, at) -> None:
        """The lower layers under each text's own mask; then each pair alone and unpadded through the upper ones."""
        network, partner, weight = transformer(kind, pooling=pooling), [1, 2, 0], 0.65
        batch = batch_of(LENGTHS)
        found = network.mixed(batch, pairs_of(partner, weight), at / 3)
        if pooling == "last":
            batch = set_right(batch)
        lower = network.model(
            batch.inputs.long(), attention_mask=batch.mask.long(), output_hidden_states=True
        )
        states = lower.hidden_states[at]
        for row, other in enumerate(partner):
            length = max(LENGTHS[row], LENGTHS[other])
            mixed = (weight * states[row] + (1 - weight) * states[other])[None]
            mixed = mixed[:, -length:] if pooling == "last" else mixed[:, :length]
            top = upper_layers_by_hand(network, kind, mixed, at)[0]
            expected = {"mean": top.mean(dim=0), "first": top[0], "last": top[-1]}[pooling]
            torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("depth", [0.0, 7 / 12, 1.0])
    @pytest.mark.parametrize("kind", TRANSFORMERS)
    def test_weight_1_is_the_encoder_itself(self, kind, depth) -> None:
        network, batch = transformer(kind), batch_of(LENGTHS)
        plain = network(batch)
        assert torch.equal(network.mixed(batch, pairs_of([1, 2, 0], 1.0), depth), plain)
        mixed = network.mixed(batch, pairs_of([1, 2, 0], 0.6), depth)
        assert not torch.allclose(mixed, plain, atol=1e-4)
        assert torch.equal(network(batch), plain)  # the layers are back in their places

    @pytest.mark.parametrize("lengths", [[3, 6], [4, 4]])
    @pytest.mark.parametrize(
        ("kind", "pooling"), [*((kind, "mean") for kind in TRANSFORMERS), ("xlnet", "last")]
    )
    def test_longer_company_does_not_matter(self, kind, pooling, lengths) -> None:
        """Attention reaches the tokens of a pair's two texts and no padding behind them."""
        if kind == "deberta-v2" and lengths == [3, 6]:
            pytest.skip(
                "its states at padding, which the longer text is mixed with, depend on how much there is"
            )
        network = transformer(kind, pooling=pooling)
        together = network.mixed(batch_of([*lengths, 8]), pairs_of([1, 0, 2], 0.6), 0.5)
        alone = network.mixed(batch_of(lengths), pairs_of([1, 0], 0.6), 0.5)
        torch.testing.assert_close(together[:2], alone, atol=1e-5, rtol=1e-4)

    def test_as_many_rows_as_tokens_are_told_apart(self) -> None:
        """XLNet's masks have tokens first: no axis may be mistaken for that of the rows."""
        network = transformer("xlnet", pooling="last")
        found = network.mixed(batch_of([3, 1, 2]), pairs_of([1, 2, 0], 0.6), 1 / 3)
        pair = network.mixed(batch_of([3, 1]), pairs_of([1, 0], 0.6), 1 / 3)
        torch.testing.assert_close(found[:1], pair[:1], atol=1e-6, rtol=1e-5)

    @pytest.mark.parametrize("kind", ["bert", "modernbert"])
    def test_gradient_checkpointing_has_the_same_gradients(self, kind) -> None:
        """Layers are computed anew when the block is over, and still with mixed states and the right masks."""
        gradients = []
        for checkpointing in (False, True):
            network = transformer(kind, gradient_checkpointing=checkpointing)
            loss = network.mixed(batch_of(LENGTHS), pairs_of([1, 2, 0], 0.6), 1 / 3).square().sum()
            loss.backward()
            gradients.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
        assert gradients[0].keys() == gradients[1].keys()
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-5)

    def test_low_rank_additions_are_trained_through_mixed_states(self) -> None:
        pytest.importorskip("peft")
        network = transformer(lora=2)
        network.mixed(batch_of(LENGTHS), pairs_of([1, 2, 0], 0.6), 0.5).sum().backward()
        trained = [p for p in network.parameters() if p.requires_grad]
        assert trained
        assert all(p.grad is not None for p in trained)

    def test_the_layers_come_back_after_an_error(self) -> None:
        network = transformer()
        names = list(network.state_dict())
        broken = batch_of(LENGTHS)._replace(inputs=torch.full((3, 6), 99, dtype=torch.int32))
        with pytest.raises(IndexError):
            network.mixed(broken, pairs_of([1, 2, 0], 0.6), 0.5)
        assert list(network.state_dict()) == names

    def test_shared_layers_are_refused_in_one_sentence(self) -> None:
        network = transformer("bert")
        network.check_mixing()
        network.model.config.num_hidden_layers = 7
        with pytest.raises(SettingsError, match="kind 'bert', which has one layer in all places") as error:
            network.check_mixing()
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("n_layers", "expected"), [(12, [7, 9, 12]), (6, [4, 5, 6]), (24, [14, 18, 24]), (2, [1, 2, 2])]
    )
    def test_depths_in_proportion(self, n_layers, expected) -> None:
        assert [layer_at(depth, n_layers) for depth in (7 / 12, 9 / 12, 1.0)] == expected
        assert layer_at(0.0, n_layers) == 0


def test_texts_set_right() -> None:
    batch = set_right(batch_of([2, 3]))
    assert batch.inputs[0, 0] == 0
    assert torch.equal(batch.inputs[0, 1:], batch_of([2, 3]).inputs[0, :2])
    assert torch.equal(batch.inputs[1], batch_of([2, 3]).inputs[1])
    assert batch.mask is not None
    assert batch.mask.tolist() == [[False, True, True], [True, True, True]]
    whole = batch_of([3, 3])
    assert set_right(whole) is whole


@pytest.mark.parametrize("make", [lambda: reader("textcnn"), lambda: reader("textrnn"), transformer])
def test_gradient_reaches_both_texts_of_a_pair(make: Callable[[], Backbone]) -> None:
    model = Network(make(), 2)
    logits = model.mixed(batch_of(LENGTHS), pairs_of([1, 2, 0], 0.6), 0.5)
    logits[0].sum().backward()
    table = next(m for m in model.modules() if isinstance(m, nn.Embedding))
    touched = table.weight.grad.abs().sum(dim=1) > 0
    batch = batch_of(LENGTHS)
    for row in (0, 1):
        assert touched[batch.inputs[row][batch.inputs[row] > 0].long().unique()].any()
    only_second = set(batch.inputs[1].tolist()) - set(batch.inputs[0].tolist()) - {0}
    assert touched[list(only_second)].any()


class TestPartnersFromOutside:
    """Rows that are there to be partners alone: the others come out as if those had been mixed with themselves."""

    @staticmethod
    def both(n: int, total: int) -> tuple[Pairs, Pairs]:
        few = pairs_of([2, 0, 1][:n], 0.7)
        rest = torch.arange(n, total)
        ones = torch.ones(total - n)
        whole = Pairs(
            torch.cat([few.partner, rest]),
            torch.cat([few.input_weight, ones]),
            torch.cat([few.label_weight, ones]),
        )
        return few, whole

    @pytest.mark.parametrize("n", [1, 2])
    @pytest.mark.parametrize("name", ["textcnn", "textrnn"])
    def test_of_words(self, name, n) -> None:
        network, batch = reader(name), batch_of(LENGTHS)
        few, whole = self.both(n, 3)
        found = network.mixed(batch, few)
        assert found.shape[0] == n
        torch.testing.assert_close(found, network.mixed(batch, whole)[:n])

    @pytest.mark.parametrize("depth", [0.0, 0.34, 1.0])
    @pytest.mark.parametrize("kind", TRANSFORMERS)
    @pytest.mark.parametrize("n", [1, 2])
    def test_of_hidden_states(self, kind, depth, n) -> None:
        network, batch = transformer(kind), batch_of(LENGTHS)
        few, whole = self.both(n, 3)
        torch.testing.assert_close(network.mixed(batch, few, depth), network.mixed(batch, whole, depth)[:n])
