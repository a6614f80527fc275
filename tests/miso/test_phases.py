"""When a phase of Algorithm 1 ends, and with which weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from counterpoise.miso import schedule


class Scripted:
    """An algorithm whose only weight is the number of its last step, with likelihoods of the held-out texts."""

    settings = SimpleNamespace(steps=(6, 0, 0, 0), patience=3, learning_rate=1.0)
    sides = SimpleNamespace(held_out=np.array([0]))

    def __init__(self, likelihoods: list[float]) -> None:
        self.likelihoods, self.model = likelihoods, torch.nn.Linear(1, 1, bias=False)

    def begin(self, phase: str) -> None:
        pass

    def step(self, phase: str, number: int) -> dict[str, float]:
        self.model.weight.data.fill_(number)
        return {"likelihood": 1.0}

    def held_out_likelihood(self, phase: str) -> float:
        return self.likelihoods[int(self.model.weight.item())]


def test_it_ends_when_looks_get_no_better_and_keeps_the_best_weights(monkeypatch) -> None:
    monkeypatch.setattr(schedule, "LOOK_EVERY", 1)
    algorithm = Scripted([3.0, 1.0, 2.0, 2.0, 2.0, 0.5])
    history = schedule.run(algorithm)
    assert len(history.rows) == 5
    assert algorithm.model.weight.item() == 1.0
