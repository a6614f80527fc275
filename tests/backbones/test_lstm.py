"""An LSTM under autocast on processors that have none in bfloat16."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from counterpoise.backbones import lstm
from counterpoise.backbones.lstm import LSTM


@pytest.fixture
def without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's LSTM as a processor without AVX-512 has it."""
    original = nn.LSTM.forward

    def forward(self, *arguments, **named):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("could not create a primitive descriptor")
        return original(self, *arguments, **named)

    monkeypatch.setattr(nn.LSTM, "forward", forward)
    lstm._has_bfloat16.cache_clear()
    yield
    lstm._has_bfloat16.cache_clear()


@pytest.mark.parametrize("given", [False, True])
def test_runs_in_float32_where_there_is_none_in_bfloat16(given, without_bfloat16) -> None:
    torch.manual_seed(0)
    own, inputs = LSTM(3, 2, batch_first=True), torch.randn(4, 5, 3)
    first = (torch.randn(1, 4, 2), torch.randn(1, 4, 2)) if given else None
    wanted, (hidden, cell) = own(inputs, first)
    with torch.autocast("cpu", torch.bfloat16):
        halves = first and tuple(state.bfloat16().float() for state in first)
        states, (last, last_cell) = own(inputs, first)
        from_halves, _ = own(inputs.bfloat16(), first and tuple(state.bfloat16() for state in first))
        assert torch.is_autocast_enabled("cpu")
    assert states.dtype == torch.float32
    for one, other in ((states, wanted), (last, hidden), (last_cell, cell)):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    torch.testing.assert_close(from_halves, own(inputs.bfloat16().float(), halves)[0], rtol=0, atol=0)
    states.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in own.parameters())


def test_asking_draws_nothing_from_the_generator(without_bfloat16) -> None:
    before = torch.random.get_rng_state()
    assert not lstm._has_bfloat16()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_is_torchs_own_without_autocast() -> None:
    torch.manual_seed(1)
    own = LSTM(3, 2, batch_first=True)
    theirs = nn.LSTM(3, 2, batch_first=True)
    theirs.load_state_dict(own.state_dict())
    inputs = torch.randn(4, 5, 3)
    assert torch.equal(own(inputs)[0], theirs(inputs)[0])
