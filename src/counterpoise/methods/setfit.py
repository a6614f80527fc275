"""SetFit: contrastive fine-tuning of an encoder, then logistic regression on its vectors (Tunstall et al. 2022).

Tunstall, Reimers, Jo, Bates, Korat, Wasserblat and Pereg, "Efficient Few-Shot Learning Without Prompts", arXiv
2209.11055, 2022, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder, find_backbone
from counterpoise.errors import SettingsError
from counterpoise.losses.cosine_pairs import CosinePairLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import check_flag, check_positive, check_whole
from counterpoise.oversampling.base import draw_sources
from counterpoise.search_space import Range, Space
from counterpoise.training.loop import predict
from counterpoise.training.settings import TrainingState


class SetFit(GradientMethod):
    """Pull rows of a class together and classes apart, then fit logistic regression to vectors of length 1.

    The backbone alone is trained, by the cosines of pairs (:class:`counterpoise.losses.cosine_pairs.CosinePairLoss`);
    the head is scikit-learn's logistic regression on the tuned vectors of the real rows, fitted when training has
    ended, and after each epoch where there is a validation side to judge it by. The encoder has been trained on these
    very rows, so the probabilities are somewhat too sure; the tuned threshold does not mind.

    *Which pairs.* The paper draws R pairs within each class and R that lead out of it, ``2 R C`` in all for C classes,
    and trains on them for one epoch. The authors' package (huggingface/setfit) draws R of both kinds for each *row*
    (``num_iterations``, 20 up to version 0.7), or from version 1 on lists all pairs there are and repeats those of the
    rarer kind; by both, a rare class has but its share of the pairs. Here each batch holds all classes alike, rows of
    small classes being gone round again, and every two of its rows are a pair. It is the paper's objective still, with
    partners from all other classes alike: pairs of a batch are weighted so that both kinds and all classes count the
    same, and so the loss has the same expectation as if pairs were drawn one by one. But what costs is to encode a
    row, and 64 rows make 32 pairs one by one, 2,016 all together. An epoch of n rows has 31 n pairs; the only epoch of
    the package has 40 n pairs, and 80 n rows to be encoded.

    *What else differs.* A row is no pair with itself, so that a class of one row is only held off from the others. The
    network's dropout lies before the cosines, as before any head: without it a network that is not pretrained soon has
    all training rows of a class in one place, and others nowhere. Training lasts up to ``max_epochs`` epochs rather
    than one, and the validation side chooses among them as for every method. Learning rate and warm-up are the
    backbone's own (the package's: 2e-5, a tenth of the steps).

    *Weights.* In the first stage the pairs of a row are averaged by the weights of its partners, and the row counts by
    its own; in the second, rows count as in any logistic regression. Class weights enter both.

    A backbone with nothing to train, that is a frozen encoder, is refused.

    Parameters
    ----------
    pairs : int, default=20
        The paper's R: an epoch draws at least the ``4 R C`` rows of the paper's pairs, so that data of a few rows have
        enough steps. Where that is less than the data, it draws as many rows as there are, as plain training does.
    C : float, default=1.0
        Inverse strength of the head's ridge penalty, scikit-learn's own default and the package's.
    balanced : bool, default=True
        Whether classes get the same total weight in the head. The paper, with as many rows of each class, has no need
        of it; False is the package's head.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range; before training, for a frozen encoder.
    """

    search_space: ClassVar[Space] = {"C": Range(0.03, 30.0, log=True)}
    summary = "contrastive fine-tuning, then logistic regression on the vectors"
    paper = "Tunstall et al. 2022"

    def __init__(self, *, pairs: int = 20, C: float = 1.0, balanced: bool = True) -> None:
        self.pairs = pairs
        self.C = C
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("setfit", pairs=self.pairs)
        check_positive("setfit", C=self.C)
        check_flag("setfit", balanced=self.balanced)

    def check_backbone(self, backbone: str, settings: dict[str, Any]) -> None:
        """Refuse a backbone with nothing to train."""
        entry = find_backbone(backbone)
        if not entry.trained(settings):
            other = ", or use encoder_lr" if entry.inputs == "text" else ""
            raise SettingsError(
                f"setfit trains the backbone, but {backbone!r} is frozen; give backbone__frozen=false{other}"
            )

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Batches of equal shares of all classes, or of as many as fit in with two rows each.

        A batch is not sorted by length: the copies of a rare row have one length, and would come together.
        """
        classes, counts = np.unique(labels, return_counts=True)
        share = min(max(batch_size // len(classes), 2), int(counts.max()))
        at_once = min(max(batch_size // share, 2), len(classes))
        wanted = max(len(labels), 4 * self.pairs * len(classes))
        n_batches = -(-wanted // (share * at_once))
        chosen = rng.random((n_batches, len(classes))).argsort(axis=1)[:, :at_once]
        rows = np.empty((n_batches, at_once, share), dtype=np.int64)
        for i, label in enumerate(classes):
            places = chosen == i
            drawn = draw_sources(np.flatnonzero(labels == label), int(places.sum()) * share, rng)
            rows[places] = drawn.reshape(-1, share)
        return list(rows.reshape(n_batches, -1))

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Leave the head out of the training: it is fitted, not trained."""
        model.head.requires_grad_(False)

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss of the pairs of each row, ``(B,)``.

        Pairs are made within what is computed at once: a batch over the token budget has fewer.
        """
        return CosinePairLoss()(model.dropout(model.embed(batch)), batch.labels, batch.weights, batch.rows)

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` of the head on vectors of length 1."""
        return model.head(_unit(model, batch))

    def judge(self, predictor: NetworkPredictor, data: Data, context: Context) -> Callable[[], float] | None:
        """Average precision on the validation side, of a head fitted to the vectors as they are."""
        average_precision = super().judge(predictor, data, context)
        if average_precision is None:
            return None
        encoded = predictor.encode(data.inputs)

        def fit_and_judge() -> float:
            self._fit_head(predictor.model, encoded, data, context)
            return average_precision()

        return fit_and_judge

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Fit the head, where the epoch that was kept has not brought its own."""
        if context.validation is None:
            encoded = encoder.encode(data.inputs, model.head.weight.device)
            self._fit_head(model, encoded, data, context)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train and fit the head; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        predictor.training_prior = self._for_head(context.weighted(data), context).class_mass()
        return predictor

    def _for_head(self, data: Data, context: Context) -> Data:
        """Weighted rows as the head counts them; to balance them takes the class weights out, too."""
        return context.weighted(data.balanced()) if self.balanced else data

    def _fit_head(self, model: Network, encoded: Encoded, data: Data, context: Context) -> None:
        rows = self._for_head(data, context)
        weights = fit_logistic(predict(model, encoded, _unit), rows.labels, rows.weights, self.C)
        with torch.no_grad():
            for parameter, values in zip((model.head.weight, model.head.bias), weights, strict=True):
                parameter.copy_(torch.from_numpy(values))


def _unit(model: Network, batch: Batch) -> Tensor:
    """Representations ``(B, d)`` of length 1."""
    return functional.normalize(model.embed(batch), dim=1)
