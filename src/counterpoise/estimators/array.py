"""A classifier of numeric rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import DataError
from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.saving import SavableMixin
from counterpoise.estimators.text import TextClassifier
from counterpoise.finite import check_finite
from counterpoise.methods.registry import METHODS


@with_parameters_of(TextClassifier)
class ArrayClassifier(SavableMixin, RareClassClassifier):
    """Find a rare class among numeric rows.

    Rows are array-likes of shape (n, d), taken in float32. Sparse ones of SciPy are for methods that train no network,
    ``"balanced_forest"``, ``"easy_ensemble"``, ``"smote"``, ``"borderline_smote"`` and ``"adasyn"``; for a network they
    would have to be filled up with zeros. Parameters that do not stand here are those of
    :class:`counterpoise.TextClassifier`.

    Parameters
    ----------
    method : str or None, default=None
        What is done about the imbalance; ``counterpoise methods`` lists the names, with what they take. None takes
        ``"class_weight"``.
    backbone : {"mlp"} or None, default=None
        The network, for methods that train one; None takes ``"mlp"``.

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse
        return tags

    @property
    def _takes_sparse(self) -> bool:
        return self._method_name in METHODS and METHODS[self._method_name].takes_sparse

    def _checked_inputs(self, X: Any, fitting: bool) -> np.ndarray:
        if sp.issparse(X) and not self._takes_sparse:
            taking = [name for name, method in METHODS.items() if method.takes_sparse]
            raise DataError(
                f"X is sparse, but method {self._method_name!r} trains a network, which needs dense rows; give "
                f"X.toarray(), texts to a TextClassifier, or one of the methods that take it: {', '.join(taking)}"
            )
        rows = validate_data(
            self, X, reset=fitting, dtype=np.float32, ensure_all_finite=False, accept_sparse="csr"
        )
        check_finite(rows)
        return rows
