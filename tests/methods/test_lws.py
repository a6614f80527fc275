"""LWS: nothing but one factor a class is learnt, and it is learnt by balanced batches."""

from __future__ import annotations

import copy

import pytest
import torch
from stage_helpers import make_context, make_data, train_by_hand
from torch import nn

from counterpoise.errors import SettingsError
from counterpoise.methods.erm import ERM
from counterpoise.methods.lws import LWS, ScaledHead


class Scaled(nn.Module):
    """Our own words for it: scales times the logits of a frozen head."""

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self.frozen = copy.deepcopy(head).requires_grad_(False)
        self.scales = nn.Parameter(torch.ones(head.out_features))

    def forward(self, x):
        return self.frozen(x) * self.scales


@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_it_is_plain_training_with_each_class_of_the_head_times_a_factor(backbone) -> None:
    data = make_data(backbone, (70, 12, 5), weighted=True)
    context = make_context(backbone, minority=None)
    plain = ERM().fit(data, context)
    model = copy.deepcopy(plain.model)
    model.head = Scaled(model.head)
    quick = make_context(backbone, minority=None, learning_rate=0.05)
    scales = train_by_hand(model, plain.encoder, data, quick, 4, frozen=True)["head.scales"]
    assert float((scales - 1).abs().min()) > 0.02
    found = LWS(head_epochs=4, scale_learning_rate=0.05).fit(data, context).model.state_dict()
    for name, value in plain.model.state_dict().items():
        if name == "head.weight":
            value = value * scales[:, None]
        if name == "head.bias":
            value = value * scales
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_a_scaled_head_shares_the_heads_weights_until_it_is_folded() -> None:
    torch.manual_seed(0)
    head = nn.Linear(4, 3)
    before = copy.deepcopy(head)
    scaled = ScaledHead(head)
    x = torch.randn(5, 4)
    torch.testing.assert_close(scaled(x), before(x))
    assert [name for name, p in scaled.named_parameters() if p.requires_grad] == ["scales"]
    with torch.no_grad():
        scaled.scales.copy_(torch.tensor([2.0, 0.5, 1.0]))
    expected = before(x) * torch.tensor([2.0, 0.5, 1.0])
    torch.testing.assert_close(scaled(x), expected)
    torch.testing.assert_close(head(x), before(x))
    scaled.fold()
    torch.testing.assert_close(head(x), expected)
    torch.testing.assert_close(scaled(x), expected)


@pytest.mark.parametrize("rate", [0, -1.0, float("inf"), float("nan"), "fast"])
def test_a_rate_that_is_none_is_refused(rate) -> None:
    with pytest.raises(SettingsError, match=r"scale_learning_rate is .*; lws needs a number above 0"):
        LWS(scale_learning_rate=rate).check()
