"""Linear discriminant analysis over the vectors of a frozen pretrained encoder, its covariance shrunk."""

import warnings

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from counterpoise.errors import DataError
from counterpoise.methods.base import Data
from counterpoise.methods.frozen_encoder import LinearEncoderMethod
from counterpoise.methods.linear_predictor import one_row_a_class
from counterpoise.text.checkpoints import DEFAULT


class EncoderLDA(LinearEncoderMethod):
    """Linear discriminant analysis on vectors of length 1 from a pretrained encoder.

    A class is where its rows are on average, and all classes are as wide as the mean of their covariances, each shrunk
    by as much as Ledoit and Wolf find best ("A well-conditioned estimator for large-dimensional covariance matrices",
    Journal of Multivariate Analysis 88, 2004) and weighted by the share of its class. So of a rare class only the mean
    is estimated from its few rows; how texts vary is learnt from all. The solver is scikit-learn's ``"lsqr"``, which
    takes a class of one row, and rows that are all alike.

    The size of a class enters by its prior only. The logits are log-odds under equal priors, or with
    ``balanced=False`` under the classes' shares of the rows; class weights multiply the priors. There is no such
    analysis of weighted rows, so sample weights are refused unless they are the same within each class.

    Parameters
    ----------
    encoder : str, default="sentence-transformers/all-MiniLM-L6-v2"
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None does as the checkpoint's description says.
    balanced : bool, default=True
        Whether all classes have the same prior.

    Raises
    ------
    DataError
        From ``fit``, for sample weights that differ within a class, and for as many classes as rows.
    """

    summary = "shrunk linear discriminant analysis over a frozen pretrained encoder"
    paper = "Ledoit and Wolf 2004"
    name = "encoder_lda"
    takes_sample_weight = False

    def __init__(
        self,
        *,
        encoder: str = DEFAULT,
        revision: str | None = None,
        max_length: int = 256,
        pooling: str | None = None,
        balanced: bool = True,
    ) -> None:
        self.encoder = encoder
        self.revision = revision
        self.max_length = max_length
        self.pooling = pooling
        self.balanced = balanced

    def check_data(self, data: Data) -> None:
        """Refuse rows of a class that weigh differently, and too few of them."""
        super().check_data(data)
        if len(data) <= data.n_classes:
            raise DataError(
                f"there are {len(data)} rows of {data.n_classes} classes, and encoder_lda needs more rows than "
                "classes; use encoder_lr"
            )

    def linear(self, vectors: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray]:
        """The discriminants, with the class mass as the prior."""
        analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        with warnings.catch_warnings():
            # Said of a class of one row, whose covariance is 0 and counts as little as the class does.
            warnings.filterwarnings("ignore", message="Only one sample available")
            analysis.fit(vectors.astype(np.float64), data.labels)
        coefficients, intercepts = one_row_a_class(analysis.coef_, analysis.intercept_)
        # The priors only now: given to the analysis they would also weigh the covariances.
        return coefficients, intercepts + np.log(data.class_mass() / analysis.priors_)
