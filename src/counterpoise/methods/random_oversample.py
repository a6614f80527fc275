"""Random over-sampling: rows of the smaller classes are repeated until all classes are as large as the largest."""

import numpy as np

from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.oversampling.base import draw_sources
from counterpoise.seeding import generator


class RandomOversample(GradientMethod):
    """Repeat rows, texts or arrays alike, until the classes balance."""

    summary = "rows of rare classes are repeated until the classes balance"

    def resample(self, data: Data, context: Context) -> Data:
        """Append repeated rows of every class that is smaller than the largest."""
        counts = np.bincount(data.labels, minlength=data.n_classes)
        rows = [np.arange(len(data))]
        for label in range(data.n_classes):
            own = np.flatnonzero(data.labels == label)
            rows.append(draw_sources(own, counts.max() - counts[label], generator(context.seed, label)))
        return data.take(np.concatenate(rows))
