"""A training that was stopped goes on from its checkpoint, and writes what it would have written."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise import MISO
from counterpoise.errors import ModelError, SettingsError
from counterpoise.miso import schedule
from tiny_miso import QUICK, corpus


def make(**settings) -> MISO:
    return MISO(**{**QUICK, "generator": "pointer", "random_state": 0, **settings})


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> list:
    """Anchors of a training that looks at itself every other step and is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LOOK_EVERY", 2)
        sampler = make(checkpoint=tmp_path_factory.mktemp("whole") / "whole.safetensors")
        sampler.fit_resample(*corpus(24, 60))
    return sampler.anchors_


@pytest.mark.parametrize("stop", [("language", 3), ("autoencoder", 2), ("mine", 1), ("joint", 4)])
def test_resume_after_an_interrupt_in_each_phase_gives_the_same_anchors(
    uninterrupted, tmp_path, monkeypatch, stop
) -> None:
    texts, labels = corpus(24, 60)
    monkeypatch.setattr(schedule, "LOOK_EVERY", 2)
    step = schedule.Algorithm1.step

    def interrupted(self, phase, number):
        if (phase, number) == stop:
            raise KeyboardInterrupt
        return step(self, phase, number)

    monkeypatch.setattr(schedule.Algorithm1, "step", interrupted)
    sampler = make(checkpoint=tmp_path / "cut.safetensors")
    with pytest.raises(KeyboardInterrupt):
        sampler.fit_resample(texts, labels)
    monkeypatch.setattr(schedule.Algorithm1, "step", step)
    sampler.fit_resample(texts, labels)
    assert sampler.anchors_ == uninterrupted


def test_a_checkpoint_of_other_data_is_refused(tmp_path) -> None:
    texts, labels = corpus()
    make(checkpoint=tmp_path / "miso.safetensors").fit_resample(texts, labels)
    texts[0] += " more"
    with pytest.raises(ModelError, match="other data or settings"):
        make(checkpoint=tmp_path / "miso.safetensors").fit_resample(texts, labels)


def test_a_checkpoint_is_of_a_training_that_can_be_had_again(tmp_path) -> None:
    texts, labels = corpus()
    with pytest.raises(SettingsError, match=r"a checkpoint is of one training, .* give a number"):
        make(checkpoint=tmp_path / "m.safetensors", random_state=None).fit(texts, labels)
    named = np.where(labels == "rare", "a/b: 稀", labels)
    make(checkpoint=tmp_path / "m.safetensors").fit(texts, named)
    assert [path.name for path in tmp_path.iterdir()] == ["m-a%2Fb%3A%20%E7%A8%80.safetensors"]
