"""Rows that a training is judged by, and what becomes of those on which nothing can be ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stage_helpers import make_context, make_data

from counterpoise.errors import CounterpoiseWarning
from counterpoise.methods.registry import make_method


@pytest.mark.parametrize("name", ["erm", "crt", "setfit"])
@pytest.mark.parametrize(
    ("only", "minority", "said"),
    [
        (0, 1, "no row of class 1"),
        (1, 1, "rows of one class alone"),
        (0, None, "rows of one class alone"),
    ],
)
def test_a_side_on_which_nothing_can_be_ranked_judges_nothing(name, only, minority, said) -> None:
    """Every epoch would be as good as the first there, which would be kept."""
    data, side = make_data("mlp", (40, 12)), make_data("mlp", (20, 8), 1)
    alone = side.take(np.flatnonzero(side.labels == only))
    context = make_context(minority=minority)
    expected = make_method(name).fit(data, context)
    with pytest.warns(CounterpoiseWarning, match=f"^the validation side has {said}, so no epoch") as told:
        found = make_method(name).fit(data, replace(context, validation=alone))
    assert len(told) == 1
    assert found.best_epoch == 3
    np.testing.assert_array_equal(found.logits(data.inputs), expected.logits(data.inputs))


def test_the_class_that_is_lacking_is_named() -> None:
    data = make_data("mlp", (40, 12))
    context = replace(make_context(validation=data.take(np.arange(9))), class_names=("ham", "spam"))
    with pytest.warns(CounterpoiseWarning, match="has no row of class spam"):
        make_method("erm").fit(data, context)
