"""Probabilities for another prior than the one a model was fitted under.

A model fitted on resampled or weighted data believes the rare class to be common. If only the class shares
changed, one shift of the logits by class mends that (Elkan, "The foundations of cost-sensitive learning",
IJCAI 2001, theorem 2; Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a
priori probabilities", Neural Computation 14, 2002, equation 2.4).

>>> balanced = np.log(np.array([[0.5, 0.5]]))  # says "one in two" ...
>>> softmax(shift_prior(balanced, [0.5, 0.5], [0.9, 0.1])).round(6).tolist()  # ... which is one in ten
[[0.9, 0.1]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from counterpoise.errors import SettingsError
from counterpoise.metrics.confusion import Floats


def shift_prior(logits: ArrayLike, from_prior: ArrayLike, to_prior: ArrayLike) -> Floats:
    """Move logits from one set of class shares to another: add ``log to - log from``.

    Parameters
    ----------
    logits : array-like of shape (n, C)
        Unnormalised log-probabilities under ``from_prior``.
    from_prior : array-like of shape (C,)
        Class shares (or counts) the model was effectively fitted under, all above 0.
    to_prior : array-like of shape (C,)
        Class shares (or counts) where it is used, all above 0.

    Returns
    -------
    ndarray of float64, shape (n, C)
        Unnormalised log-probabilities under ``to_prior``; unchanged when both priors are in proportion, up to
        a constant a row.

    Raises
    ------
    SettingsError
        If a share is not above 0 or the lengths differ.
    """
    rows = np.asarray(logits, dtype=np.float64)
    shares = []
    for name, prior in (("from_prior", from_prior), ("to_prior", to_prior)):
        share = np.asarray(prior, dtype=np.float64)
        if share.shape != rows.shape[1:]:
            raise SettingsError(
                f"{name} has shape {share.shape}; give one share for each of {rows.shape[1:]}"
            )
        if not (np.isfinite(share).all() and (share > 0).all()):
            raise SettingsError(f"{name} is {share.tolist()}; every class needs a finite share above 0")
        shares.append(np.log(share / share.sum()))
    return rows + (shares[1] - shares[0])


def softmax(logits: ArrayLike) -> Floats:
    """Turn logits ``(n, C)`` of any size into probabilities, in float64 and without overflow."""
    rows = np.asarray(logits, dtype=np.float64)
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
