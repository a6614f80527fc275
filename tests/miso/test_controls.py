"""Controls of MISO that break a mechanism and leave all else: shuffled roles of words, attention at random."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise import MISO
from counterpoise.errors import SettingsError
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling.anchors import anchors_from
from tiny_miso import QUICK, corpus


def kept_of_the_partner(**settings) -> float:
    """Share of the words kept that the majority partner has."""
    texts, labels = corpus(12, 60)
    sampler = MisoEdit(random_state=0, **settings)
    sampler.fit_resample(texts, labels)
    shares = []
    for anchor in anchors_from(sampler.anchors_):
        lent = set(texts[anchor.partner_rows[0]].split())
        shares.append(np.mean([word in lent for word in anchor.kept]))
    return float(np.mean(shares))


def test_shuffled_roles_keep_as_many_words_of_the_partner_as_a_blind_gate() -> None:
    blind, guided = kept_of_the_partner(), kept_of_the_partner(gate_weight=8.0)
    shuffled = kept_of_the_partner(gate_weight=8.0, word_roles="shuffled")
    assert guided < blind - 0.05
    assert shuffled == pytest.approx(blind, abs=0.025)


@pytest.mark.parametrize(
    ("control", "beside"),
    [
        ({"gate_weight": 4.0, "word_roles": "shuffled"}, {"gate_weight": 4.0}),
        ({"attention": "random"}, {}),
        ({"attention": "random", "reading": "tokens"}, {"reading": "tokens"}),
    ],
)
def test_a_control_trains_and_writes_otherwise_and_the_same_again(control, beside) -> None:
    tables = []
    for settings in (control, control, beside):
        sampler = MISO(**QUICK, precision="float32", random_state=0, **settings)
        sampler.fit_resample(*corpus())
        tables.append((sampler.anchors_, sampler.prepared_["rare"].history.rows[-1]["minority likelihood"]))
    assert len(tables[0][0]) == 48
    assert tables[0][0].equals(tables[1][0])
    assert not tables[0][0].equals(tables[2][0])
    # Trained otherwise, not only written.
    assert tables[0][1] == tables[1][1] != tables[2][1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"word_roles": "none"}, "word_roles is 'none'"),
        ({"word_roles": "shuffled"}, "a gate of weight 0 asks for none"),
        ({"attention": "none"}, "attention is 'none'"),
        ({"attention": "random", "sfm": False}, "no fusion module"),
        ({"attention": "random", "generator": "edit"}, "no fusion module"),
    ],
)
def test_a_control_of_what_is_not_there_is_refused(settings, said) -> None:
    with pytest.raises(SettingsError, match=said):
        MISO(**settings).check()
