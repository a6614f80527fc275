"""The published numbers of deep over-sampling: precision, recall, F1 and area under the precision-recall curve.

Ando and Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017 (arXiv 1704.07515),
tables 6, 7 and 8; of the sets that can be had here. Precision of rare classes being low and their recall high is the
reverse of what plain training on few rows gives: the two look swapped in most cells of table 6, so F1 and the area are
what to compare.
"""

from __future__ import annotations

Numbers = tuple[float, float, float, float]

TABLE_6: dict[tuple[str, str, str], dict[str, Numbers]] = {
    ("CNN", "0.90", "rare"): {"MNIST": (0.98, 0.93, 0.96, 0.99)},
    ("CNN", "0.90", "common"): {"MNIST": (0.96, 0.99, 0.97, 1.0)},
    ("CNN", "0.95", "rare"): {"MNIST": (0.99, 0.89, 0.94, 0.99)},
    ("CNN", "0.95", "common"): {"MNIST": (0.93, 0.98, 0.95, 0.99)},
    ("CNN", "0.99", "rare"): {"MNIST": (0.65, 0.98, 0.77, 0.96)},
    ("CNN", "0.99", "common"): {"MNIST": (0.99, 0.82, 0.89, 0.99)},
    ("CNN-CL", "0.90", "rare"): {"MNIST": (0.99, 0.90, 0.94, 1.0)},
    ("CNN-CL", "0.90", "common"): {"MNIST": (0.94, 0.99, 0.96, 0.98)},
    ("CNN-CL", "0.95", "rare"): {"MNIST": (0.99, 0.83, 0.90, 0.97)},
    ("CNN-CL", "0.95", "common"): {"MNIST": (0.89, 0.99, 0.94, 1.0)},
    ("CNN-CL", "0.99", "rare"): {"MNIST": (0.75, 0.98, 0.85, 0.95)},
    ("CNN-CL", "0.99", "common"): {"MNIST": (0.99, 0.86, 0.92, 0.99)},
    ("DOS", "0.90", "rare"): {"MNIST": (0.99, 0.97, 0.98, 1.0)},
    ("DOS", "0.90", "common"): {"MNIST": (0.98, 0.99, 0.98, 1.0)},
    ("DOS", "0.95", "rare"): {"MNIST": (0.98, 0.96, 0.97, 1.0)},
    ("DOS", "0.95", "common"): {"MNIST": (0.97, 0.99, 0.98, 1.0)},
    ("DOS", "0.99", "rare"): {"MNIST": (0.91, 0.99, 0.95, 0.99)},
    ("DOS", "0.99", "common"): {"MNIST": (0.98, 0.94, 0.96, 1.0)},
}
"""By model, share of rows taken from four classes, and group of classes; then by set."""

TABLE_7: dict[tuple[str, str], dict[str, Numbers]] = {
    ("3", "rare"): {"MNIST": (0.91, 0.98, 0.95, 0.99)},
    ("3", "common"): {"MNIST": (0.99, 0.94, 0.96, 1.0)},
    ("5", "rare"): {"MNIST": (0.91, 0.99, 0.95, 0.99)},
    ("5", "common"): {"MNIST": (0.98, 0.94, 0.96, 1.0)},
    ("10", "rare"): {"MNIST": (0.91, 0.99, 0.95, 0.99)},
    ("10", "common"): {"MNIST": (0.99, 0.94, 0.96, 1.0)},
}
"""By k and group, at .99. For k = 5 it is the row of table 6 of the same setting."""

TABLE_8: dict[str, dict[str, tuple[float, float]]] = {
    "CNN": {"CIFAR-10": (0.62, 0.68)},
    "CNN-CL": {"CIFAR-10": (0.61, 0.68)},
    "DOS, k = 3": {"CIFAR-10": (0.64, 0.70)},
    "DOS, k = 5": {"CIFAR-10": (0.64, 0.71)},
    "DOS, k = 10": {"CIFAR-10": (0.64, 0.70)},
}
"""F1 and area on balanced data, by model and set."""
