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
from scipy.optimize import minimize
from scipy.special import logsumexp

from counterpoise.errors import DataError, SettingsError
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


def implied_prior(logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Class shares under which given logits are log-odds, found from labelled rows.

    They are those from which :func:`shift_prior` to the shares of the rows themselves makes the mean probability of
    each class its share: the condition of maximum likelihood for intercepts (Saerens et al. 2002 solve it for
    the new prior; here the old one is unknown). Where the rows do not tell, because every shift explains them,
    the shares stay near those of the rows.

    Parameters
    ----------
    logits : array-like of shape (n, C)
    labels : array-like of int, shape (n,)
        Class numbers; every class must occur.
    weights : array-like of shape (n,) or None, default=None
        Row weights, 1 each by default.

    Returns
    -------
    ndarray of float64, shape (C,)
        Summing to 1, all above 0.

    Raises
    ------
    DataError
        If a class has no row or no weight.
    """
    rows, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    mass = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    mass = mass / mass.sum()
    shares = np.bincount(classes, mass, rows.shape[1])
    if not (shares > 0).all():
        absent = int(np.argmin(shares))
        raise DataError(f"class {absent} has no row of weight, so its share cannot be found; give rows of it")
    own = float(mass @ rows[np.arange(len(rows)), classes])

    def loss_and_gradient(shift: Floats) -> tuple[float, Floats]:
        shifted = rows + shift
        total = logsumexp(shifted, axis=1)
        mean = mass @ np.exp(shifted - total[:, None])
        return float(mass @ total) - own - float(shares @ shift), mean - shares

    found = minimize(
        loss_and_gradient,
        np.zeros(rows.shape[1]),
        jac=True,
        method="L-BFGS-B",
        # Wide enough for any share that a logit in float32 can mean, and no division by 0 beyond.
        bounds=[(-30.0, 30.0)] * rows.shape[1],
        options={"gtol": 1e-10, "ftol": 0.0, "maxiter": 500},
    )
    prior = shares * np.exp(-found.x)
    return prior / prior.sum()


def softmax(logits: ArrayLike) -> Floats:
    """Turn logits ``(n, C)`` of any size into probabilities, in float64 and without overflow."""
    rows = np.asarray(logits, dtype=np.float64)
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
