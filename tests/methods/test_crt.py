"""cRT against a second stage written out in plain PyTorch, frozen and unfrozen."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from stage_helpers import make_context, make_data, train_by_hand

from counterpoise.errors import SettingsError
from counterpoise.methods.balanced_stage import fresh_head
from counterpoise.methods.crt import CRT
from counterpoise.methods.erm import ERM


@pytest.mark.parametrize("backbone", ["mlp", "textcnn", "textrnn"])
@pytest.mark.parametrize("unfreeze", [False, True], ids=["frozen", "unfrozen"])
def test_it_is_plain_training_then_a_balanced_stage_with_a_new_head(backbone, unfreeze) -> None:
    """Unfrozen: training gone on from the first stage's backbone. Frozen: the backbone run anew in each step."""
    data = make_data(backbone, (70, 12, 5), weighted=True)
    context = make_context(backbone, minority=None)
    plain = ERM().fit(data, context)
    model = copy.deepcopy(plain.model)
    model.head = fresh_head(model, context.seed)
    start = copy.deepcopy(model.state_dict())
    expected = train_by_hand(model, plain.encoder, data, context, 4, frozen=not unfreeze)
    found = CRT(head_epochs=4, unfreeze=unfreeze).fit(data, context).model.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=2e-5, rtol=2e-4, msg=name)
        if name.startswith("head") or unfreeze:
            if plain.model.get_parameter(name).requires_grad:
                assert (value - start[name]).abs().max() > 1e-3, f"{name} was not trained"
        else:
            assert torch.equal(found[name], plain.model.state_dict()[name]), f"{name} is not frozen"


def test_the_new_head_is_drawn_by_the_seed_as_torch_draws_one() -> None:
    model = ERM().fit(make_data("mlp", (20, 6)), make_context(max_epochs=1)).model
    one, same, other = (fresh_head(model, seed) for seed in (1, 1, 2))
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    assert not torch.equal(one.weight, model.head.weight)
    assert one.weight.shape == model.head.weight.shape
    assert float(one.weight.detach().abs().max()) <= 1 / np.sqrt(model.backbone.dim)


def test_a_switch_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="unfreeze is 'no'; crt needs true or false"):
        CRT(unfreeze="no").check()
