"""Whether all numbers of some rows are finite, asked before anything is computed from them.

>>> check_finite(np.array([[1.0, 2.0], [3.0, np.inf]]))
Traceback (most recent call last):
    ...
counterpoise.errors.DataError: X row 1, column 1 is inf, which is not a finite number; remove or fill it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from counterpoise.errors import DataError


def check_finite(rows: Any, trouble: str = "is not a finite number; remove or fill it") -> None:
    """Refuse NaN and infinity, saying where.

    Parameters
    ----------
    rows : ndarray or csr_matrix, shape (n, d)
    trouble : str
        What is wrong with the first of them and what to do.

    Raises
    ------
    DataError
        In one sentence.
    """
    values = rows.data if sp.issparse(rows) else rows
    if np.isfinite(values).all():
        return
    if sp.issparse(rows):
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        row, column = int(np.searchsorted(rows.indptr, at, side="right")) - 1, int(rows.indices[at])
        value = values[at]
    else:
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        value = values[row, column]
    name = "NaN" if np.isnan(value) else value
    raise DataError(f"X row {row}, column {column} is {name}, which {trouble}.")
