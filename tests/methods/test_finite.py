"""Numbers that are not finite are refused by every method over arrays, with their place, before anything is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from counterpoise.data.arrays import Standardizer
from counterpoise.errors import DataError
from counterpoise.finite import check_finite
from counterpoise.methods import gradient
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.training.settings import TrainingSettings

TRAINING = TrainingSettings(max_epochs=4, batch_size=16, precision="float32", device="cpu")
CONTEXT = Context(0, 1, "mlp", {"hidden": (8, 4)}, TRAINING)
VALUES = pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])


def data_of(arrays_of) -> Data:
    values, labels = arrays_of((30, 10))
    return Data(values.copy(), labels, 2, np.ones(len(labels)))


@VALUES
@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if "array" in method.inputs])
def test_every_method_over_arrays_refuses_them(name, value, said, arrays_of, monkeypatch) -> None:
    monkeypatch.setattr(gradient, "train", lambda *args, **kwargs: pytest.fail("training was begun"))
    data = data_of(arrays_of)
    data.inputs[7, 1] = value
    with pytest.raises(
        DataError, match=f"^X row 7, column 1 is {said}, which is not a finite number"
    ) as error:
        make_method(name).fit(data, CONTEXT)
    assert "\n" not in str(error.value)


def test_rows_to_choose_by_and_to_predict_are_looked_at_too(arrays_of) -> None:
    data = data_of(arrays_of)
    side = replace(data, inputs=data.inputs.copy())
    side.inputs[3, 0] = np.nan
    with pytest.raises(DataError, match="X row 3, column 0 is NaN"):
        make_method("erm").fit(data, replace(CONTEXT, validation=side))
    predictor = make_method("erm").fit(data, CONTEXT)
    with pytest.raises(DataError, match="X row 3, column 0 is NaN"):
        predictor.logits(side.inputs)
    with pytest.raises(DataError, match="X row 3, column 0 is NaN"):
        Standardizer().fit(side.inputs)


def test_the_largest_numbers_are_finite(arrays_of) -> None:
    values, _ = arrays_of((20, 5))
    values = values.copy()
    values[0, 0] = np.finfo(np.float32).max
    check_finite(values)
    assert np.isfinite(Standardizer().fit(values).encode(values).values.numpy()).all()


@VALUES
def test_sparse_rows_are_looked_at_where_they_have_numbers(value, said) -> None:
    rows = sp.csr_matrix(np.array([[0.0, 1.0], [0.0, 0.0], [value, 2.0]]))
    with pytest.raises(DataError, match=f"row 2, column 0 is {said}"):
        check_finite(rows)
    check_finite(rows[:2])
