"""The published numbers of Mixup, Remix and margin-aware Mixup under long tails: accuracy in percent.

From the result page of the authors' package (ntucllab/imbalanced-DL, example/README.md): ratio 100, one seed, the best
epoch on the evaluation set, late class weights where the name has DRW. Of the paper (Cheng, Mai and Lin, TAAI 2023)
title, abstract and introduction could be had.
"""

from __future__ import annotations

ACCURACY: dict[tuple[str, int], dict[str, float]] = {
    ("cifar10", 100): {
        "ERM": 71.23,
        "DRW": 75.08,
        "LDAM-DRW": 77.75,
        "Mixup-DRW": 82.11,
        "Remix-DRW": 81.82,
        "MAMix-DRW": 82.29,
    },
}
"""By data set and ratio, then by line."""
