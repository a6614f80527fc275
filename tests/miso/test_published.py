"""MISO and its ablation with the published settings."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from counterpoise import MISO
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.miso import schedule
from counterpoise.miso.recipe import PUBLISHED
from counterpoise.miso.variants import CAG
from tiny_miso import QUICK, corpus


def test_the_paper_preset_sets_everything_as_published() -> None:
    recipe = MISO(preset="paper")._recipe()
    assert recipe.generator == "free"
    assert (recipe.dim, recipe.heads, recipe.algorithm.batch_size) == (64, 8, 64)
    assert recipe.algorithm.learning_rate == 1e-4
    assert recipe.algorithm.likelihood_floor == 0
    assert recipe.decoding.strategy == "greedy"


def test_the_paper_preset_leaves_words_and_loss_as_published() -> None:
    recipe = MISO(preset="paper")._recipe()
    assert recipe.algorithm.steps[0] == 0, "the paper has no phase that learns language"
    assert not recipe.algorithm.anchor_information
    with pytest.raises(SettingsError, match="preset='paper' sets k, tau as published; leave the preset out"):
        MISO(preset="paper", k=3, tau="fixed").check()


@pytest.mark.parametrize("sampler", [MISO, CAG])
def test_as_published_a_text_may_come_again_and_none_is_held_out(sampler, monkeypatch) -> None:
    for name, value in {**QUICK, "steps": (0, 15, 1, 2), "learning_rate": 3e-2}.items():
        monkeypatch.setitem(sampler.published, name, value)
    monkeypatch.setattr(schedule, "LOOK_EVERY", 1)
    texts, labels = corpus(24, 60)
    made = sampler(preset="paper", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        X, y = made.fit_resample(texts, labels)
    assert Counter(y.tolist())["rare"] == 60, "the class is filled up, if with repeats"
    new = X[len(texts) :].tolist()
    assert len(set(new)) < len(new)
    assert all(text.split() for text in new)
    history = made.prepared_["rare"].history.rows
    assert not any("held_out" in row for row in history)
    assert any("I(Q; Qbar)" in row for row in history) == (sampler is MISO)


def test_the_paper_preset_of_the_ablation_has_neither_fusion_nor_information() -> None:
    plain, ablated = (vars(sampler(preset="paper")._recipe()) for sampler in (MISO, CAG))
    told = {name for name in plain if plain[name] != ablated[name]}
    assert told == {"sfm", "algorithm"}
    assert not ablated["sfm"]
    assert ablated["algorithm"] == replace(plain["algorithm"], mi_weight=0.0, steps=(0, 1000, 0, 2000))
    with pytest.raises(
        SettingsError, match="preset='paper' sets generator, k as published; leave the preset"
    ):
        CAG(preset="paper", k=3, generator="edit").check()
    with pytest.raises(SettingsError, match="preset is 'journal'"):
        CAG(preset="journal").check()


def test_the_paper_preset_gives_texts_back_with_their_stop_words(monkeypatch) -> None:
    monkeypatch.setitem(PUBLISHED, "steps", (0, 2, 1, 2))
    texts, labels = corpus()
    texts = np.array([f"{text} and the of" for text in texts], dtype=object)
    sampler = MISO(preset="paper", random_state=0).fit(texts, labels)
    assert sampler.prepared_["rare"].field.corpus.texts.tolist() == texts.tolist()
    logged = {name for row in sampler.prepared_["rare"].history.rows for name in row}
    assert "I(Q; Qbar)" in logged
    assert "I(Q; anchor)" not in logged
