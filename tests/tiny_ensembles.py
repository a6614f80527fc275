"""Ensembles of few members, where a test does not say how many."""

from __future__ import annotations

from counterpoise.methods.balanced_forest import BalancedForest
from counterpoise.methods.easy_ensemble import EasyEnsemble


def shorten_defaults() -> None:
    """Let the ensembles have few members by default, in this process only."""
    BalancedForest.__init__.__kwdefaults__["n_estimators"] = 25
    EasyEnsemble.__init__.__kwdefaults__.update(n_estimators=4, rounds=12)
