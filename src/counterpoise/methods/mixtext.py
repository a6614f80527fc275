"""MixText: texts mixed in hidden space, labels with them, and unlabelled texts too where there are some.

Chen, Yang and Yang, "MixText: Linguistically-Informed Interpolation of Hidden Space for Semi-Supervised Text
Classification", ACL 2020 (arXiv 2004.12239): TMix in section 3, the semi-supervised part in section 4.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import (
    check_below_1,
    check_not_negative,
    check_positive,
    check_whole,
)
from counterpoise.methods.unlabelled import Inputs, Unlabelled, hash_of, joined, read_unlabelled
from counterpoise.mixing.mixup import mixup
from counterpoise.mixing.pairs import Pairs
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed, generator
from counterpoise.training.settings import TrainingState

DEPTHS = (7 / 12, 9 / 12, 12 / 12)
"""Layers after which texts are mixed, one of them drawn a step: of BERT's 12 those found to hold most of syntax and
meaning (section 3)."""


class MixText(GradientMethod):
    """Train on pairs of texts mixed in hidden space (TMix), with unlabelled texts among them where some are given.

    Each row is mixed with another one of its batch, ``a h_i + (1 - a) h_j``, and pays cross-entropy for ``a y_i +
    (1 - a) y_j``, which has the gradient of the paper's KL divergence. ``a`` is drawn once a batch from ``Beta(alpha,
    alpha)`` and taken from 1 if below 1/2. A trained encoder mixes after 7, 9 or 12 of 12 layers, or as deep in
    proportion; TextCNN and TextRNN mix word vectors, a frozen encoder its texts' vectors, and an MLP its inputs.

    Row and class weights act on each half by itself: ``a w_i l(y_i) + (1 - a) w_j l(y_j)``. Since every row is once a
    partner, each label counts in all as it does in plain training, and the class shares that the network learns are the
    data's.

    With ``unlabelled`` texts, each step draws some of them and guesses their labels: the network's probabilities for
    the text and for its views, averaged and sharpened (section 4.2). Labelled rows, unlabelled texts and their views
    are mixed in one pool (section 4.3); mixed rows that are mostly unlabelled make the consistency loss. A margin on
    the norm of the probabilities keeps those for unlabelled texts from being undecided (section 4.4).

    Where the paper says nothing or its authors' code does something else, this is ours:

    - Views are made by word dropout; the paper translates texts there and back, which needs two translators.
    - Attention and pooling see the tokens of either text. The authors' code has no mask and reads padding too.
    - A text goes through the lower layers once for both pairs that it is part of, with one dropout mask; the code runs
      it twice.
    - The paper has a head with a hidden layer of tanh; here it is the linear one that all methods have.
    - The weights of the consistency and margin losses rise from epoch to epoch to their full value, as in the code.
    - The code that is published never adds the margin; its weight is one that its authors name elsewhere.
    - Vocabulary and word vectors come from the labelled texts alone, as for all methods.

    Parameters
    ----------
    alpha : float, default=0.75
        Of the Beta distribution; the default of the authors' code. Large values mix half and half: the paper takes 2 or
        16 with fewer than 100 labelled rows a class, and 0.2 or 0.4 with more than 200 (section 5.3). 0 mixes nothing,
        and is plain training.
    unlabelled : path, str, sequence of str or None, default=None
        Texts without labels, or a file of them; see :func:`counterpoise.methods.unlabelled.read_unlabelled`. Never part
        of a saved model. Texts that the model is tested on do not belong among them.
    unlabelled_column : str or None, default=None
        Column of a file that holds them; None guesses.
    unlabelled_per_row : int, default=1
        Unlabelled texts in a step for each labelled one (the authors' 2); each comes with its views.
    unlabelled_weight : float, default=1.0
        Of the consistency loss in the last epoch.
    n_views : int, default=2
        Views of each unlabelled text (the paper's K).
    word_dropout : float, default=0.1
        Probability of each word to be missing in a view.
    view_weight : float, default=1.0
        What a view counts in a guess beside 1 for the text itself.
    temperature : float, default=0.5
        A guess is raised to ``1 / temperature`` and brought to sum 1 again; 1 leaves it as it is.
    margin : float, default=0.7
        Squared norm of an unlabelled text's probabilities from which on they are decided enough (the authors' code).
    margin_weight : float, default=0.1
        Of the margin loss in the last epoch; 0 saves the pass through the network that it needs.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; from ``fit``, if the backbone cannot mix or arrays come with
        unlabelled texts.
    DataError
        From ``check``, if the unlabelled texts cannot be had.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"text", "array"})
    search_space: ClassVar[Space] = {"alpha": Range(0.2, 16.0, log=True)}
    summary = "texts mixed in hidden space, unlabelled ones too where given (TMix, MixText)"
    paper = "Chen et al. 2020"
    soft_targets: ClassVar[bool] = True
    private: ClassVar[frozenset[str]] = frozenset({"unlabelled"})

    def __init__(
        self,
        *,
        alpha: float = 0.75,
        unlabelled: Any = None,
        unlabelled_column: str | None = None,
        unlabelled_per_row: int = 1,
        unlabelled_weight: float = 1.0,
        n_views: int = 2,
        word_dropout: float = 0.1,
        view_weight: float = 1.0,
        temperature: float = 0.5,
        margin: float = 0.7,
        margin_weight: float = 0.1,
    ) -> None:
        self.alpha = alpha
        self.unlabelled = unlabelled
        self.unlabelled_column = unlabelled_column
        self.unlabelled_per_row = unlabelled_per_row
        self.unlabelled_weight = unlabelled_weight
        self.n_views = n_views
        self.word_dropout = word_dropout
        self.view_weight = view_weight
        self.temperature = temperature
        self.margin = margin
        self.margin_weight = margin_weight
        self._pool: Unlabelled | None = None

    def check(self) -> None:
        """Refuse settings out of range, and unlabelled texts that cannot be had."""
        check_positive("mixtext", temperature=self.temperature)
        check_whole("mixtext", unlabelled_per_row=self.unlabelled_per_row, n_views=self.n_views)
        names = ("alpha", "unlabelled_weight", "view_weight", "margin", "margin_weight")
        check_not_negative("mixtext", **{name: getattr(self, name) for name in names})
        check_below_1("mixtext", word_dropout=self.word_dropout)
        self._texts()

    def identity(self) -> str:
        """Hash of the unlabelled texts, which a file's name does not tell."""
        texts = self._texts()
        return "" if texts is None else f"unlabelled {hash_of(texts)}"

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        if self.unlabelled is not None and data.kind != "text":
            raise SettingsError(
                "mixtext takes unlabelled texts and no unlabelled arrays; leave unlabelled out"
            )
        try:
            return super().fit(data, context)
        finally:
            self._pool = None  # the predictor keeps this method, and must not keep the texts

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Refuse a backbone that cannot mix, and make the views of the unlabelled texts."""
        model.backbone.check_mixing()
        texts = self._texts()
        if texts is not None:
            self._pool = Unlabelled(
                texts,
                encoder,
                model.head.weight.device,
                n_views=self.n_views,
                rate=self.word_dropout,
                seed=derive_seed(context.seed, "unlabelled"),
            )

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row: what its label costs in the two mixed rows that it is part of.

        With unlabelled texts all rows of the batch share the loss of the whole pool.
        """
        if self._pool is not None:
            return self._pool_loss(model, batch, state, self._pool)
        pairs = self._pairs(batch.labels, state)
        logits = model.mixed(batch, pairs, _depth(state)).float()
        return pairs.loss(_cross_entropy, logits, batch.labels)

    def guess(self, model: Network, versions: list[Inputs]) -> Tensor:
        """Sharpened mean probabilities ``(n, C)`` of texts over themselves and their views, without gradient."""
        with torch.no_grad():
            logits = model(_batch(*joined(versions))).float()
        # Or older versions of torch (issue 112583) take weights that were cast to bfloat16 without gradient for those
        # of the next pass, which needs one.
        torch.clear_autocast_cache()
        probabilities = functional.softmax(logits, dim=1).unflatten(0, (len(versions), -1))
        mean = probabilities[0] + self.view_weight * probabilities[1:].sum(dim=0)
        return functional.softmax(mean.log() / self.temperature, dim=1)  # its scale cancels

    def _pool_loss(self, model: Network, batch: Batch, state: TrainingState, pool: Unlabelled) -> Tensor:
        n_labelled = len(batch.labels)
        rng = generator(state.seed, "unlabelled", state.epoch, state.step)
        versions = pool.draw(self.unlabelled_per_row * n_labelled, rng)
        guessed = self.guess(model, versions)
        labels = _shares(batch.labels, guessed.shape[1])
        labels = torch.cat([labels, guessed.repeat(len(versions), 1)])
        weights = torch.cat([batch.weights, torch.ones_like(labels[n_labelled:, 0])])
        pairs = self._pairs(labels, state)
        # The margin is on texts as they are, which take part in the same pass as partners of themselves.
        alone = len(guessed) if self.margin_weight else 0
        parts = [(batch.inputs, batch.mask), *versions, *([versions[0]] if alone else [])]
        logits = model.mixed(_batch(*joined(parts)), _with_single(pairs, alone), _depth(state)).float()
        n_mixed = len(labels)

        own = pairs.label_weight * weights
        other = (1 - pairs.label_weight) * weights[pairs.partner]
        targets = own[:, None] * labels + other[:, None] * labels[pairs.partner]
        costs = -(targets * functional.log_softmax(logits[:n_mixed], dim=1)).sum(dim=1)
        consistency = self.unlabelled_weight * costs[n_labelled:].mean()
        if alone:
            norms = functional.softmax(logits[n_mixed:], dim=1).square().sum(dim=1)
            consistency = consistency + self.margin_weight * (self.margin - norms).relu().mean()
        rising = (state.epoch + 1) / state.max_epochs
        total = costs[:n_labelled].mean() + rising * consistency
        # The loop multiplies by row weights, which have acted here already.
        return (total / batch.weights.mean()).expand(n_labelled)

    def _pairs(self, labels: Tensor, state: TrainingState) -> Pairs:
        counts = state.class_shares * state.n_rows
        return mixup(
            labels,
            counts,
            state.generator("mixing", labels.device),
            alpha=self.alpha,
            own_at_least_half=True,
        )

    def _texts(self) -> np.ndarray | None:
        if self.unlabelled is None:
            return None
        return read_unlabelled(self.unlabelled, self.unlabelled_column)


def _depth(state: TrainingState) -> float:
    """One of :data:`DEPTHS`, drawn where Python runs, since it decides what is computed."""
    return DEPTHS[int(torch.randint(len(DEPTHS), (), generator=state.generator("depth", "cpu")))]


def _with_single(pairs: Pairs, count: int) -> Pairs:
    """The same pairs, and further rows that are mixed with nothing."""
    first = len(pairs.partner)
    added = torch.arange(first, first + count, device=pairs.partner.device)
    ones = torch.ones(count, device=added.device)
    return Pairs(
        torch.cat([pairs.partner, added]),
        torch.cat([pairs.input_weight, ones]),
        torch.cat([pairs.label_weight, ones]),
    )


def _batch(inputs: Tensor, mask: Tensor | None) -> Batch:
    nothing = torch.empty(0, device=inputs.device)
    return Batch(inputs, mask, nothing, nothing, nothing)


def _shares(labels: Tensor, n_classes: int) -> Tensor:
    """Labels as shares of the classes ``(B, C)`` of float32."""
    return labels if labels.is_floating_point() else functional.one_hot(labels, n_classes).float()


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")
