"""Words of other minority texts: the text that lent them stands in the anchor's partner rows, after the majority's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from counterpoise import MISO
from counterpoise.experiments.membership import called_minority
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.edit import Editor
from counterpoise.miso.gate import Gate
from counterpoise.oversampling.anchors import anchors_from
from tiny_miso import QUICK, corpus


@pytest.mark.parametrize("inject", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("generator", ["pointer", "edit"])
def test_every_injected_word_stands_in_a_partner_that_is_named(generator, inject) -> None:
    texts, labels = corpus()
    sampler = MISO(generator=generator, inject=inject, **QUICK, random_state=0)
    sampler.fit_resample(texts, labels)
    donated = 0
    for anchor in anchors_from(sampler.anchors_):
        partner, *donors = anchor.partner_rows
        assert labels[partner] == "plain"
        assert all(labels[row] == "rare" and row != anchor.source_row for row in donors)
        assert len(donors) <= 1
        lent = Counter(word for row in anchor.partner_rows for word in texts[row].split())
        assert Counter(anchor.injected) <= lent
        if inject == 1.0:
            assert bool(donors) == bool(anchor.injected), "all that is injected is the donor's"
            assert Counter(anchor.injected) <= Counter(word for row in donors for word in texts[row].split())
        if not donors:
            assert Counter(anchor.injected) <= Counter(texts[partner].split())
        donated += len(donors)
    assert (donated > 0) == (inject > 0)


def test_a_donor_that_had_nothing_to_give_is_not_named() -> None:
    """The text without a word lends none, and a text that stands alone is its own donor."""
    texts = np.array(["one two three", "", "see you at home"] * 2, dtype=object)
    noise = torch.Generator().manual_seed(0)
    rows, partners = np.array([0]), np.array([2])
    editor = Editor(Corpus(texts, dim=8), Gate(0.5, 1.0, inject=1.0), np.array([0, 1]))
    (written,) = editor.write(rows, partners, noise)
    assert (written.injected, written.donors) == ((), ())
    alone = Editor(Corpus(texts, dim=8), Gate(0.5, 1.0, inject=1.0), np.array([0]))
    (written,) = alone.write(rows, partners, noise)
    assert written.donors == (0,)
    assert set(written.injected) <= {"one", "two", "three"}


def test_anchors_with_donors_can_be_judged() -> None:
    texts, labels = corpus(20, 60)
    sampler = MISO(generator="edit", inject=1.0, random_state=0)
    sampler.fit_resample(texts, labels)
    assert called_minority(texts, labels, sampler.anchors_, "rare").n_anchors == 40
