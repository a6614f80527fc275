"""A classifier of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names, _check_n_features

from counterpoise.data.python_inputs import as_texts
from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.saving import SavableMixin
from counterpoise.groups import text_groups


class TextClassifier(SavableMixin, RareClassClassifier):
    """Find a rare class among texts.

    Parameters
    ----------
    method : str or None, default=None
        What is done about the imbalance; ``counterpoise methods`` lists the names. None takes ``"auto"``, a blend of a
        frozen encoder, its neighbours, words and runs of characters, or of those of them that rank better alone; it
        trains no network. The encoder is ``sentence-transformers/all-MiniLM-L6-v2`` (extra ``encoders``), fetched once
        from the Hugging Face Hub, and needed again to predict; where it cannot be had, the blend does without.
    backbone : {"textcnn", "textrnn", "encoder"} or None, default=None
        The network that reads the texts, for methods that train one, which ``"auto"`` does not; None takes
        ``"textcnn"`` for those.
    class_weight : "balanced", dict or None, default=None
        Weight of each class in the loss, on top of what the method does; how large the method takes a class to be does
        not change.
    pos_label : label or None, default=None
        The class that matters, ``--minority`` of the command line: its average precision stops the training early, its
        F1 tunes the threshold. None takes the rarer of two classes; of more than two, all matter alike: the mean of
        their average precisions stops the training, macro F1 tunes a threshold for each. Of more than two a class that
        is named here has its own threshold tuned, and the others are still told apart; ``--minority`` sets it against
        all of them taken together.
    threshold : "tune", float or None, default="tune"
        ``"tune"`` chooses the threshold on held-out rows: a validation side where that has at least 50 rows
        and 10 of the class, else out-of-fold predictions of all rows. Rows given to ``fit`` as ``validation`` take the
        place of both; fewer than that tune no threshold. A number is the probability of
        the class that matters above which it is predicted (two classes only). None predicts the most probable class.
    threshold_metric : {"f1", "macro_f1", "mcc", "balanced_accuracy"} or array-like, default="f1"
        What the tuned threshold serves; an array ``(C, C)`` holds costs, true class by row.
    prior_correction : bool, default=True
        Resampling and weighting make a model believe that the rare class is common. True returns its
        probabilities to the class shares of the data given to ``fit``.
    validation_fraction : float, default=0.1
        Share of rows held out for early stopping and the threshold when that leaves at least 50 rows and 10
        of every class; otherwise no row is held out and training takes ``max_epochs``.
    threshold_folds : int, default=3
        Folds of the out-of-fold predictions for the threshold; they multiply the training time.
    max_epochs : int, default=10
        Passes over the training rows at most.
    batch_size : int, default=64
        Rows of one step.
    token_budget : int, default=16384
        Padded tokens of one forward and backward pass at most (of arrays and images, rows). A batch over it goes
        through the network in parts whose gradients are accumulated, which gives the same step in less memory.
    learning_rate : float or None, default=None
        None is 1e-3, and 5e-5 for a pretrained encoder that is trained, whose head learns 20 times as fast; with
        ``optimizer="sgd"`` 100 times that.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam with decoupled weight decay, or stochastic gradient descent with a momentum of 0.9.
    schedule : {"constant", "linear", "cosine", "step"}, sequence of (share, factor), or None, default=None
        How the learning rate moves after the warm-up: it stays, falls to 0 in a line or in half a cosine, or from each
        ``share`` of ``max_epochs`` on is ``factor`` times the full rate; ``"step"`` is
        ``[(0.8, 0.01), (0.9, 0.0001)]``. None is constant, and linear for a pretrained encoder.
    warmup : float or None, default=None
        Share of ``max_epochs`` in which the learning rate rises from 0. None is 0, and 0.1 for a pretrained encoder.
    weight_decay : float, default=0.0
        Decoupled from the gradient with Adam (AdamW), an L2 penalty with SGD.
    label_smoothing : float, default=0.0
        Share of every label that is spread over all classes alike, for methods whose loss is defined for that.
        Smoothed labels pull the probabilities of a rare class away from its share, hence 0.
    patience : int, default=3
        Epochs without a better average precision on the validation side before training ends.
    track_margins : bool, default=False
        Whether ``history_`` holds the mean margin of each class over the training rows after each epoch, as
        ``margin_<position in classes_>``, at the epoch that is kept by the network that is returned; an epoch then
        takes about a third longer.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of training steps. ``"auto"`` takes bfloat16 for networks that gain by it where a probe, run
        once for each machine, finds it faster; on a CPU TextCNN, the perceptron, the small convolutional network and
        heads over a frozen encoder are always float32. Predictions are always float32.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    checkpoint : path or None, default=None
        A file that training writes after each epoch and goes on from when it exists; needs a ``random_state``.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all that is random.
    **settings
        Settings of the method as ``method__x`` and of the backbone as ``backbone__x``, such as
        ``method__rate=0.25`` or ``backbone__vectors="random"``.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Class labels as given, sorted.
    class_counts_ : ndarray of int64, shape (C,)
    pos_label_ : label or None
        The class that matters.
    thresholds_ : ndarray of float64, shape (C,)
        A row is given the class with the largest probability over threshold.
    threshold_note_ : str
        How the threshold was chosen, or why it was not.
    remarks_ : tuple of str
        What the method chose by itself and why, such as the members of ``"auto"``, or what it did without, a sentence
        each; empty where it has nothing to say. A saved model has them still, and its card too.
    fitted_ : counterpoise.fitting.Fitted
        The predictor, the prior and the held-out scores.
    history_ : list of dict
        One row an epoch.
    n_features_in_ : int
        Columns of text, when X is a table or an array ``(n, columns)``.
    feature_names_in_ : ndarray of str
        Their names, where they have some; tables to predict have to have the same in the same order.

    Notes
    -----
    The threshold of a fitted model stays. To decide by another one, let scikit-learn do it:

        from sklearn.frozen import FrozenEstimator
        from sklearn.model_selection import FixedThresholdClassifier

        other = FixedThresholdClassifier(
            FrozenEstimator(model), threshold=0.3, pos_label="spam", response_method="predict_proba"
        )
        other.predict(texts)

    which is ``--threshold 0.3`` of ``counterpoise predict``, for two classes.

    Examples
    --------
    >>> texts = ["win cash now", "see you at six", "claim your cash prize", "lunch at noon?"] * 15
    >>> labels = ["spam", "ham", "spam", "ham"] * 15
    >>> classifier = TextClassifier(random_state=0).fit(texts, labels)
    >>> classifier.predict(["cash prize", "see you at lunch"])
    array(['spam', 'ham'], dtype=object)
    """

    kind = "text"
    default_method = "auto"

    def _checked_inputs(self, X: Any, fitting: bool) -> np.ndarray:
        texts = as_texts(X)
        self._check_columns(X, fitting)
        return texts

    def _check_columns(self, X: Any, fitting: bool) -> None:
        """Columns are joined in their order; texts that are one each may have been joined before."""
        if fitting:
            for name in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(name, None)
        if len(getattr(X, "shape", ())) == 2 and (fitting or hasattr(self, "n_features_in_")):
            if hasattr(X, "with_format"):  # scikit-learn does not know the tables of datasets
                X = X.with_format("arrow")[:0]
            _check_feature_names(self, X, reset=fitting)
            _check_n_features(self, X, reset=fitting)

    def _groups(self, inputs: np.ndarray, groups: Any) -> np.ndarray:
        # A near duplicate on both sides of a split would be remembered, not recognised.
        return text_groups(inputs, groups)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.non_deterministic = False
        return tags
