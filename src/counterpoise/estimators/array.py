"""A classifier of numeric rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.saving import SavableMixin
from counterpoise.finite import check_finite


class ArrayClassifier(SavableMixin, RareClassClassifier):
    """Find a rare class among numeric rows.

    Parameters are those of :class:`counterpoise.TextClassifier`, with these defaults and differences:

    Parameters
    ----------
    method : str or None, default=None
        None takes ``"class_weight"``.
    backbone : {"mlp"} or None, default=None

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str, when X has string column names

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (190, 2)), rng.normal(5, 1, (10, 2))])
    >>> y = np.repeat([0, 1], [190, 10])
    >>> ArrayClassifier(random_state=0).fit(X, y).predict([[0.0, 0.0], [5.0, 5.0]])
    array([0, 1])
    """

    kind = "array"
    default_method = "class_weight"

    def _checked_inputs(self, X: Any, fitting: bool) -> np.ndarray:
        rows = validate_data(self, X, reset=fitting, dtype=np.float32, ensure_all_finite=False)
        check_finite(rows)
        return rows
