"""Who plays which part: sources, donors, partners, and what is held out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from counterpoise.difficulty import difficult_samples
from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso.assembly import Prepared, _held_out, prepare
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.recipe import Recipe
from counterpoise.text.embedding import label_free_embedding
from tiny_miso import corpus

TEXTS, LABELS = corpus(40, 80)
GROUPS = np.arange(120)
EMBEDDING = label_free_embedding(TEXTS)


@pytest.fixture
def trained(monkeypatch) -> list[Any]:
    """The algorithms that would have been run."""
    caught: list[Any] = []
    monkeypatch.setattr("counterpoise.miso.assembly.run", lambda algorithm, **_: caught.append(algorithm))
    return caught


def prepared(**settings: Any) -> Prepared:
    recipe = Recipe(dim=16, heads=2, **settings)
    return prepare(Corpus(TEXTS, dim=16), EMBEDDING, GROUPS, LABELS, "rare", recipe, 0)


def test_held_out_texts_are_trained_on_nowhere(trained) -> None:
    prepared()
    sides = trained[0].sides
    assert len(sides.held_out) == 4
    assert not set(sides.held_out) & (set(sides.sources) | set(sides.minority))


def judged(monkeypatch, n_easy: int) -> None:
    """Let all minority texts be difficult but the last ``n_easy``."""

    def verdict(texts: Any, labels: np.ndarray, **_: Any) -> Any:
        rows = np.arange(40)
        return SimpleNamespace(difficult=rows[: 40 - n_easy], rows=rows, degree=np.full(40, 0.5))

    monkeypatch.setattr("counterpoise.miso.assembly.difficult_samples", verdict)


@pytest.mark.parametrize(("n_easy", "donors"), [(0, 40), (2, 40), (9, 40), (10, 10), (40, 40)])
@pytest.mark.parametrize("generator", ["edit", "pointer"])
def test_a_few_easy_texts_do_not_lend_all_words(generator, n_easy, donors, trained, monkeypatch) -> None:
    judged(monkeypatch, n_easy)
    found = prepared(generator=generator, inject=0.5)
    lends = found.writer.editor if generator == "edit" else found.writer.model.generator.minority
    assert lends.donors.tolist() == list(range(40 - donors, 40))
    assert (found.n_difficult, found.n_easy, found.n_donors) == (40 - n_easy, n_easy, donors)


@pytest.mark.parametrize(("sources", "n_easy"), [("easy", 0), ("difficult", 40)])
def test_all_serve_with_a_warning_where_none_is_of_the_kind(sources, n_easy, monkeypatch) -> None:
    judged(monkeypatch, n_easy)
    with pytest.warns(CounterpoiseWarning, match=f"none of the 40 texts of a class is {sources}"):
        found = prepared(generator="edit", sources=sources)
    assert found.field.sources.tolist() == list(range(40))


@pytest.mark.parametrize(("sources", "n_easy"), [("all", 0), ("easy", 1), ("difficult", 39)])
def test_otherwise_nothing_is_said(sources, n_easy, monkeypatch, recwarn) -> None:
    judged(monkeypatch, n_easy)
    assert len(prepared(generator="edit", sources=sources).field.sources) == (1 if sources != "all" else 40)
    assert not recwarn.list


def test_donors_are_easy_and_sources_know_how_difficult_they_are() -> None:
    found = prepared(generator="edit", scope=7)
    expected = difficult_samples(TEXTS, LABELS, minority="rare", embed=EMBEDDING, repeats=GROUPS)
    assert 0 < len(expected.difficult) < 39
    assert found.writer.editor.donors.tolist() == np.setdiff1d(np.arange(40), expected.difficult).tolist()
    np.testing.assert_allclose(found.field.difficulty, expected.gamma / 5)
    assert found.field.pairing.scope == 7


def test_texts_that_repeat_each_other_are_all_held_out_or_none() -> None:
    minority = np.arange(0, 80, 2)
    groups = np.arange(80)
    alone = _held_out(minority, groups, 0)
    assert len(alone) == 4
    groups[minority[1::2]] = minority[::2]
    paired = _held_out(minority, groups, 0)
    assert 4 <= len(paired) <= 8
    assert np.isin(minority[np.isin(groups[minority], groups[paired])], paired).all()
    groups[:] = 7
    assert len(_held_out(minority, groups, 0)) == 0, "one large group is left to the training"
    assert len(_held_out(minority[:19], groups, 0)) == 0
