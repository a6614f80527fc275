"""The published numbers of MISO's paper; F1 and shares in percent.

Tian et al., "Re-embedding Difficult Samples via Mutual Information Constrained Semantically Oversampling for Imbalanced
Text Classification", EMNLP 2021.
"""

from __future__ import annotations

NAMES = (
    "Opin-Rank",
    "Toutiao",
    "SMS Spam",
    "Yelp.P (1%)",
    "IMDB (1%)",
    "AG_News (1%)",
    "Yelp.P (5%)",
    "IMDB (5%)",
    "AG_News (5%)",
)
"""Data, in the order of table 3."""

TABLE_2 = {
    "Opin-Rank": (2, 144, 259_000, 42_230),
    "SMS Spam": (2, 19, 4_601, 1_813),
    "Toutiao": (15, 18, 8_309, 68),
    "Yelp.P (1%)": (2, 153, 280_000, 2_800),
    "Yelp.P (5%)": (2, 153, 280_000, 14_000),
    "IMDB (1%)": (2, 294, 25_000, 250),
    "IMDB (5%)": (2, 294, 25_000, 1_250),
    "AG_News (1%)": (4, 91, 30_000, 300),
    "AG_News (5%)": (4, 91, 30_000, 1_500),
}
"""Classes, mean length in words, samples of majority and minority."""

_TABLE_3 = {
    "TextCNN": (92.0, 81.9, 80.1, 75.8, 50.1, 46.2, 82.0, 68.1, 65.1),
    "TextRNN": (92.1, 82.0, 80.3, 75.7, 50.1, 46.4, 82.4, 68.6, 64.8),
    "XLNet": (92.7, 82.2, 81.9, 76.9, 51.7, 47.6, 83.2, 69.1, 65.7),
    "ADASYN": (92.9, 83.4, 82.2, 77.1, 53.9, 48.7, 83.7, 74.0, 66.9),
    "MixText": (94.9, 84.9, 86.1, 77.6, 56.9, 51.5, 84.4, 76.1, 66.9),
    "Focal": (94.9, 83.9, 86.6, 77.5, 54.1, 49.3, 84.8, 76.0, 67.7),
    "Dice": (94.7, 84.0, 86.2, 77.5, 54.9, 49.3, 85.6, 76.3, 67.6),
    "cRT": (95.1, 85.5, 87.2, 78.1, 59.5, 50.9, 85.9, 76.5, 68.2),
    "tau-norm": (95.1, 85.3, 87.1, 78.0, 59.6, 52.5, 86.0, 76.4, 68.4),
    "CAG only": (94.1, 84.9, 84.8, 78.0, 57.0, 52.3, 85.3, 75.0, 67.6),
    "M-CNN": (96.0, 87.2, 89.0, 81.4, 62.2, 55.9, 87.2, 78.4, 71.9),
    "M-RNN": (95.4, 86.6, 89.0, 81.9, 62.3, 55.5, 87.0, 78.1, 72.2),
    "M-XLNet": (95.6, 88.4, 88.0, 82.5, 63.4, 56.4, 87.3, 77.9, 72.2),
}
TABLE_3 = {method: dict(zip(NAMES, values, strict=True)) for method, values in _TABLE_3.items()}
"""F1 by method and data."""

TABLE_1 = {
    "Opin-Rank": (15.3, "54.9 / 98.7", "54.9 / 98.8"),
    "SMS Spam": (42.1, "61.9 / 93.2", "61.9 / 93.6"),
    "Toutiao": (36.6, "59.0 / 95.1", "59.0 / 95.2"),
    "Yelp.P (1%)": (28.2, "29.1 / 94.2", "29.0 / 94.0"),
    "Yelp.P (5%)": (22.4, "41.9 / 93.6", "43.7 / 93.5"),
    "IMDB (1%)": (49.3, "16.8 / 82.4", "16.8 / 82.4"),
    "IMDB (5%)": (30.1, "23.6 / 87.3", "21.9 / 87.9"),
    "AG_News (1%)": (48.5, "15.5 / 75.1", "15.4 / 75.5"),
    "AG_News (5%)": (33.2, "27.7 / 84.0", "24.6 / 84.7"),
}
"""Before: share of difficult samples, F1 of difficult / other samples with TextCNN and TextRNN."""

TABLE_4 = {
    "Opin-Rank": (8.3, "55.8 / 99.0", "55.7 / 99.7"),
    "SMS Spam": (22.0, "62.1 / 93.4", "62.5 / 94.1"),
    "Toutiao": (17.7, "59.6 / 95.4", "59.4 / 95.4"),
    "Yelp.P (1%)": (20.1, "30.0 / 94.9", "29.4 / 94.4"),
    "Yelp.P (5%)": (13.8, "41.9 / 94.2", "44.0 / 94.1"),
    "IMDB (1%)": (31.4, "17.0 / 83.1", "17.5 / 82.6"),
    "IMDB (5%)": (15.6, "24.0 / 88.1", "22.9 / 88.6"),
    "AG_News (1%)": (33.5, "16.1 / 75.4", "16.2 / 76.0"),
    "AG_News (5%)": (21.7, "28.4 / 84.3", "25.1 / 84.9"),
}
"""After MISO."""

TABLE_5 = {
    "Opin-Rank": (14.2, "54.9 / 99.0", "54.5 / 98.7"),
    "SMS Spam": (40.5, "62.0 / 93.3", "62.2 / 93.8"),
    "Toutiao": (34.2, "58.5 / 94.9", "59.2 / 95.4"),
    "Yelp.P (1%)": (27.5, "29.0 / 94.2", "28.8 / 94.4"),
    "Yelp.P (5%)": (22.6, "41.6 / 93.9", "43.6 / 93.1"),
    "IMDB (1%)": (47.3, "17.0 / 82.7", "16.5 / 82.8"),
    "IMDB (5%)": (29.5, "23.4 / 87.2", "21.7 / 87.5"),
    "AG_News (1%)": (49.1, "15.7 / 74.6", "15.8 / 75.5"),
    "AG_News (5%)": (30.9, "27.2 / 83.6", "24.5 / 84.8"),
}
"""After the generator alone."""

PRINTED_FALLS = {"4": {"SMS Spam": 22.1}, "5": {"Toutiao": 2.2}}
"""Falls of the share of difficult samples in points, by table and data, that are printed beside shares that fall by
another number."""
