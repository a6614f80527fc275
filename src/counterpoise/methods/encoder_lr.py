"""Logistic regression over the vectors of a frozen pretrained encoder, which knows more than a few texts tell."""

from typing import ClassVar

import numpy as np

from counterpoise.methods.base import Data
from counterpoise.methods.frozen_encoder import LinearEncoderMethod
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.setting_checks import check_positive
from counterpoise.search_space import Range, Space
from counterpoise.text.checkpoints import DEFAULT


class EncoderLR(LinearEncoderMethod):
    """Logistic regression with balanced weights on vectors of length 1 from a pretrained encoder.

    Parameters
    ----------
    encoder : str, default="sentence-transformers/all-MiniLM-L6-v2"
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    C : float, default=1.0
        Inverse strength of the ridge penalty, scikit-learn's own default: with a few dozen rare texts in 384 dimensions
        a weaker penalty ranks worse.
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None does as the checkpoint's description says.
    balanced : bool, default=True
        Whether classes get the same total weight.
    """

    summary = "balanced logistic regression over a frozen pretrained encoder"
    paper = "Reimers and Gurevych 2019"
    name = "encoder_lr"
    search_space: ClassVar[Space] = {"C": Range(0.03, 30.0, log=True)}

    def __init__(
        self,
        *,
        encoder: str = DEFAULT,
        revision: str | None = None,
        C: float = 1.0,
        max_length: int = 256,
        pooling: str | None = None,
        balanced: bool = True,
    ) -> None:
        self.encoder = encoder
        self.revision = revision
        self.C = C
        self.max_length = max_length
        self.pooling = pooling
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that cannot be had."""
        check_positive(self.name, C=self.C)
        super().check()

    def linear(self, vectors: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray]:
        """Logistic regression on all rows by their weights."""
        return fit_logistic(vectors, data.labels, data.weights, self.C)
