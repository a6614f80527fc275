"""Lines and grids of MISO's design."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from design_rows import EVERY, named, on_in

from design_lines import (
    BY_DEFAULT,
    CEILING,
    CELLS,
    EDITED,
    EDITOR,
    ELSEWHERE,
    FACTORS,
    MISO,
    PLAIN,
    POINTER,
    PUBLISHED,
    RANKED,
    RIVALS,
    ROUTES,
    TWICE,
    four_with,
)
from miso_design import ERM, GRIDS, MORE, TASKS, cells_of


def test_names_and_settings_tell_all_lines_apart_but_for_miso_as_it_is() -> None:
    every = [*PLAIN, *ROUTES, *CELLS, *RIVALS, *PUBLISHED]
    assert len({line.name for line in every}) == len(every)
    alike = [(a.name, b.name) for a, b in combinations(every, 2) if a.identity == b.identity]
    assert alike == [(MISO.name, "miso: amount, information"), (EDITOR.name, "miso_edit: amount")]
    assert len(CELLS) <= 32


def test_miso_as_it_is_is_run_once() -> None:
    cells = {line.identity for line in GRIDS["cells"][0]}
    assert len(cells - {ERM.identity}) == len(CELLS) - 2
    for line in (MISO, EDITOR):
        assert line.identity not in cells
        assert cells_of(line, TASKS[0]) == {(seed, fold) for seed in (0, 1) for fold in range(3)}
    assert len(cells_of(POINTER[1], TASKS[0])) == 3


def test_what_the_goal_is_about_has_two_seeds_and_what_is_published_spam_alone() -> None:
    for line in (*TWICE, *PLAIN):
        assert {seed for seed, _ in cells_of(line, TASKS[1])} == {0, 1}, line.name
    assert all(line.name.endswith("miso_edit") for line in TWICE if "miso_edit" in str(line.settings))
    assert [len(cells_of(line, made)) for line in PUBLISHED for made in TASKS] == [3, 0, 0, 0] * 2


@pytest.mark.parametrize(("cells", "n_factors"), [(POINTER, 6), (EDITED, 4)])
def test_no_factor_is_mixed_up_with_another(cells, n_factors) -> None:
    factors = list(FACTORS)[:n_factors]
    assert len(cells) == len({frozenset(on_in(line)) for line in cells}) == 8
    assert BY_DEFAULT & set(factors) in [on_in(line) for line in cells]
    signs = {name: np.array([1 if name in on_in(line) else -1 for line in cells]) for name in factors}
    assert all(not own.sum() for own in signs.values())
    assert all(not signs[one] @ signs[other] for one, other in combinations(factors, 2))
    hidden = {
        frozenset((one, *pair))
        for pair in combinations(factors, 2)
        for one in set(factors) - set(pair)
        if signs[one] @ (signs[pair[0]] * signs[pair[1]])
    }
    told = [
        {"sources", "amount", "information"},
        {"guided", "injected", "information"},
        {"sources", "guided", "soft"},
        {"amount", "injected", "soft"},
    ]
    assert hidden == ({frozenset(word) for word in told} if n_factors == 6 else set())


def test_products_that_no_main_effect_of_the_pointer_hides_are_one() -> None:
    signs = {name: np.array([1 if name in on_in(line) else -1 for line in POINTER]) for name in FACTORS}
    pairs = [("sources", "injected"), ("guided", "amount"), ("information", "soft")]
    one, *others = (signs[a] * signs[b] for a, b in pairs)
    assert [abs(one @ other) for other in others] == [8, 8]
    assert not any(one @ own for own in signs.values())


@pytest.mark.parametrize("line", EVERY, ids=lambda line: line.name)
def test_leagues(line) -> None:
    over = line.method == "auto" or line.backbone == "encoder" or "method__encoder" in line.settings
    encoded = over or line.settings.get("method__neighbor_encoder") is not None
    assert (line.league == "open") == encoded
    admissible = line.backbone in ("textcnn", "textrnn") or line.method in ("tfidf_lr", "adasyn")
    assert (line.league == "closed") == (admissible and not encoded and line.method != "blend")
    if line not in RIVALS:
        (reference,) = named(line.reference)
        assert reference in CEILING
        assert (reference.league == "open") == over, "the plain line of its kind has the same classifier"


def test_frozen_encoders_are_trained_over() -> None:
    assert [line.backbone for line in ELSEWHERE if line.name.startswith("frozen encoder")] == ["encoder"] * 2


def test_plain_training_is_beside_all_that_is_told_from_its_embedding() -> None:
    for name, (lines, _, _, whole) in GRIDS.items():
        assert whole or ERM in lines or name == "trained", name


def test_a_blend_with_a_line_has_its_method_and_its_settings() -> None:
    by_name = {line.name: line for line in ROUTES}
    assert four_with(EDITOR).identity == by_name["blend of four, miso_edit"].identity
    assert four_with(named("word_swap")[0]).identity == by_name["blend of four, word_swap"].identity
    soft = four_with(by_name["soft labels"])
    assert soft.settings["method__settings"]["miso_edit"]["soft_labels"] is True
    assert four_with(MISO).backbone == "textcnn"


def test_what_is_ranked_is_run_on_all_sets() -> None:
    for line in RANKED:
        assert all({(0, 0), (0, 1), (0, 2)} <= cells_of(line, made) for made in (*TASKS, *MORE)), line.name
