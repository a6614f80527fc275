"""Balanced batches: every step sees all classes alike, and every epoch all rows of the largest class."""

import numpy as np

from counterpoise.methods.base import Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.oversampling.base import draw_sources


class BalancedBatches(GradientMethod):
    """Compose each batch of equal shares of all classes, smaller classes being gone round again.

    Unlike random over-sampling, which balances the epoch only, no step is without the rarest class. Where there are
    more classes than rows in a batch, classes take turns: each has come up once before one comes up again.
    """

    summary = "each batch holds all classes alike"

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Batches in which class sizes differ by one at most; the largest class is seen whole."""
        classes, counts = np.unique(labels, return_counts=True)
        share = max(batch_size // len(classes), 1)
        n_batches = -(-int(counts.max()) // share)
        columns = []
        for label in classes:
            drawn = draw_sources(np.flatnonzero(labels == label), n_batches * share, rng)
            # By length within the class: the k-th batch takes each class's k-th slice, so it is evenly long.
            columns.append(drawn[np.argsort(lengths[drawn], kind="stable")].reshape(n_batches, share))
        rounds = rng.permutation(np.concatenate(columns, axis=1))
        if len(classes) <= batch_size:
            return list(rounds)
        n_parts = -(-len(classes) // batch_size)
        return [part for mixed in rng.permuted(rounds, axis=1) for part in np.array_split(mixed, n_parts)]

    def training_prior(self, data: Data) -> np.ndarray:
        """All classes alike, but for the rows' own weights."""
        mean_weight = data.class_mass() / np.bincount(data.labels, minlength=data.n_classes)
        return mean_weight / mean_weight.sum()
