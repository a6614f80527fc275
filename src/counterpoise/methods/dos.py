"""DOS, deep over-sampling: rare rows are drawn to points between their neighbours, in rounds (Ando and Huang 2017).

Ando and Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017 (arXiv 1704.07515),
algorithm 1; the losses are in :mod:`counterpoise.losses.micro_cluster`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.losses.micro_cluster import (
    classified_with_neighbors,
    member_shares,
    towards_neighbors,
    towards_point,
)
from counterpoise.methods.abstract_labels import (
    dealt_out,
    find_groups,
    n_groups_of,
    outside,
    own_parts,
    renumbered,
)
from counterpoise.methods.base import Context, Data
from counterpoise.methods.collapse import Spread
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.overloading import Overloading
from counterpoise.methods.setting_checks import check_flag, check_not_negative, check_whole
from counterpoise.methods.tally import Tally
from counterpoise.metrics.spread import class_spread
from counterpoise.mixing.convex import LAWS, convex_weights
from counterpoise.neighbors.within import nearest_within
from counterpoise.oversampling.interpolation import too_few
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.batching import bucketed_batches
from counterpoise.training.loop import predict
from counterpoise.training.settings import TrainingSettings, TrainingState


class DOS(GradientMethod):
    """Train plainly, then in rounds on rows together with their neighbours, rare rows often.

    *Rounds.* The epochs are divided into ``rounds + 1`` equal parts. The first is plain training. Each other one begins
    by embedding all rows with the network as it is; those embeddings stay fixed until the next.

    *Overloading.* A row of a rare class goes with its ``k`` nearest rows of the same class in the embedding, and comes
    up as often as its class is smaller than the largest, times ``overload``. A class is rare when it has at most half
    as many rows as the largest. Where none is, all classes go with ``k`` neighbours and every row comes up once, as the
    paper has it for balanced data.

    *Losses.* Each time a row comes up, new weights of its neighbours are drawn. Its representation is drawn to
    the point between them that the weights name, and it is classified together with them, the nearer ones counting
    more. A row without neighbours has cross-entropy alone.

    Where the paper leaves open what is meant, or is meant differently here:

    - Its sums over neighbours leave the row itself out in some equations and not in others. Here it is in, with its
      live representation, so that the classification loss reaches the network directly; ``own_member=False`` takes
      equations 9 and 10 by the letter.
    - How much the two losses weigh against each other is not said; ``weight`` is 1.
    - Nor is what law weights are drawn from; all points between the neighbours are alike likely here.
    - Nor is which layer is the embedding; it is the last one before the classifier.

    There is no ``drw`` among the settings: the rounds are already a balancing that sets in late, and by how often rows
    come up; class weights by the sizes of the classes on top of that would count rarity twice. For class weights alone,
    late in training, there is :class:`counterpoise.methods.drw.DRW`.

    *What is noted.* ``history`` has for each epoch of a round ``classification_loss`` and ``drawing_loss``, means over
    rows by their weights, the latter without ``weight`` and as the squared distance from the point that a row is drawn
    to: what the neighbours' own distances from that point add (equation 8) is in ``loss`` but cannot be learnt.
    ``neighbor_share`` is what of the classification of rows with neighbours is the neighbours'. ``within_classes`` and
    ``between_classes`` are the distances when the round began, ``within_classes_after`` and ``between_classes_after``,
    in the row of the epoch that was kept, those of the network as it is returned.

    Parameters
    ----------
    k : int, default=5
        Neighbours of rows of rare classes; the paper has 3 to 10. Classes with fewer rows have fewer.
    k_majority : int, default=0
        Neighbours of rows of the other classes.
    rounds : int, default=3
        Of training with neighbours (the paper's ``T``, 3 to 5).
    overload : float, default=1.0
        How often rows of rare classes come up: 1 lets all classes come up alike often, which is the least that the
        paper has, ``k`` the most; 0 lets every row come up once.
    weight : float, default=1.0
        Of the loss that draws rows to their neighbours. Large ones draw all rows of a class to one point.
    own_member : bool, default=True
        See above.
    law : {"dirichlet", "uniform"}, default="dirichlet"
        See :func:`counterpoise.mixing.convex.convex_weights`.
    abstract_labels : bool or "random", default=False
        Whether groups found in the representation guide it, in the rounds with neighbours; see
        :mod:`counterpoise.methods.abstract_labels`. ``"random"`` deals
        the groups found out to other classes: a control.
    group_weight : float, default=0.5
        Of the loss that tells groups apart; not read without abstract labels.
    subspace_weight : float, default=0.1
        Of the penalty on features of other groups; not read without abstract labels.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range; before training, if there are too few epochs for the rounds or the
        representation is too narrow for the groups.

    Warns
    -----
    CounterpoiseWarning
        If a rare class has too few rows for its neighbours, all its others being taken then, and if the representation
        collapses, at the beginning of a round or in the end, with the distances; see
        :mod:`counterpoise.methods.collapse`.
    """

    search_space: ClassVar[Space] = {
        "k": Range(3, 10),
        "overload": Range(0.5, 5.0, log=True),
        "weight": Range(0.01, 10.0, log=True),
    }
    summary = "rare rows drawn to points between their neighbours, in rounds"
    paper = "Ando and Huang 2017"
    soft_targets: ClassVar[bool] = True

    _encoded: Encoded | None = None
    _labels: np.ndarray
    _plan: Overloading
    _allowed: Tensor
    _seed: int
    _memory: Mapping[str, Tensor] = MappingProxyType({})
    _tally: Tally

    def __init__(
        self,
        *,
        k: int = 5,
        k_majority: int = 0,
        rounds: int = 3,
        overload: float = 1.0,
        weight: float = 1.0,
        own_member: bool = True,
        law: str = "dirichlet",
        abstract_labels: bool | Literal["random"] = False,
        group_weight: float = 0.5,
        subspace_weight: float = 0.1,
    ) -> None:
        self.k = k
        self.k_majority = k_majority
        self.rounds = rounds
        self.overload = overload
        self.weight = weight
        self.own_member = own_member
        self.law = law
        self.abstract_labels = abstract_labels
        self.group_weight = group_weight
        self.subspace_weight = subspace_weight

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("dos", at_least=0, k=self.k, k_majority=self.k_majority)
        check_whole("dos", rounds=self.rounds)
        check_not_negative(
            "dos",
            overload=self.overload,
            weight=self.weight,
            group_weight=self.group_weight,
            subspace_weight=self.subspace_weight,
        )
        check_flag("dos", own_member=self.own_member)
        if self.law not in LAWS:
            raise SettingsError(f"law is {self.law!r}; choose one of {', '.join(LAWS)}")
        if not isinstance(self.abstract_labels, bool) and self.abstract_labels != "random":
            raise SettingsError(
                f"abstract_labels is {self.abstract_labels!r}; dos needs true, false or 'random'"
            )

    def check_training(self, training: TrainingSettings, kind: str) -> None:
        """Refuse epochs that are too few for plain training and each of the rounds."""
        super().check_training(training, kind)
        if training.max_epochs <= self.rounds:
            raise SettingsError(
                f"max_epochs is {training.max_epochs}, but dos trains plainly and then in {self.rounds} rounds, each "
                f"of an epoch or more; set it to {self.rounds + 1} or more, or lower rounds"
            )

    def modules(self, dim: int, n_classes: int) -> nn.Module | None:
        """The head that tells groups apart, where there are any."""
        if not self.abstract_labels:
            return None
        n_groups = n_groups_of(n_classes)
        self._allowed = own_parts(dim, n_groups)
        # The other modules' first weights are to be those that they have without this one.
        with torch.random.fork_rng(devices=[]):
            return nn.Linear(dim, n_groups)

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Keep the rows, which are embedded in each round, and plan who goes with whom."""
        device = model.head.weight.device
        self._encoded = encoder.encode(data.inputs, device)
        self._labels, self._memory, self._seed = data.labels, {}, context.seed
        counts = np.bincount(data.labels, minlength=data.n_classes)
        self._plan = Overloading.of(counts, self.k, self.k_majority, self.overload)
        if self.abstract_labels:
            self._allowed = self._allowed.to(device)
        few = np.flatnonzero((self._plan.k > 0) & (counts <= self._plan.k))
        if len(few):
            said = too_few(counts[few], self._plan.k.max(), context.names_of(few))
            warnings.warn(f"{self.name}: {said}", CounterpoiseWarning, stacklevel=2)

    def training_prior(self, data: Data) -> np.ndarray:
        """Class shares among the rows as they come up in rounds with neighbours."""
        counts = np.bincount(data.labels, minlength=data.n_classes)
        mass = data.class_mass() * Overloading.of(counts, self.k, self.k_majority, self.overload).times
        return mass / mass.sum()

    def round_of(self, epoch: int, max_epochs: int) -> int:
        """Which round an epoch belongs to; 0 is plain training."""
        return epoch * (self.rounds + 1) // max_epochs

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Embed all rows and look for neighbours where a round begins."""
        self._tally = Tally()
        number = self.round_of(state.epoch, state.max_epochs)
        if self._encoded is None or number == int(self._memory.get("round", torch.zeros(()))):
            return
        features = predict(model, self._encoded, lambda model, batch: model.embed(batch))
        device = model.head.weight.device
        kept = {"round": torch.tensor(number), "features": torch.from_numpy(features).to(device)}
        kept["neighbors"] = torch.from_numpy(self._neighbors(features)).to(device)
        if self.abstract_labels:
            kept["groups"] = torch.from_numpy(self._groups(features, model.head.out_features, number)).to(
                device
            )
        now = self._spread(features)
        spread = torch.tensor([now])
        kept["spread"] = torch.cat([self._memory["spread"].cpu(), spread]) if self._memory else spread
        self._memory = kept
        self._warn_of_collapse(now, f"when round {number} began")

    def noted(self) -> dict[str, float]:
        """What an epoch of a round was made of, and how far apart rows were when the round began."""
        if not self._memory:
            return {}
        within, between = self._memory["spread"][-1].tolist()
        return {"within_classes": within, "between_classes": between, **self._tally.means()}

    def memory(self) -> dict[str, Tensor]:
        """What the round began with."""
        return dict(self._memory)

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Go on in the middle of a round."""
        self._memory = memory

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Each row once in the first part; later, rows of rare classes as often as they are to come up."""
        if not self._memory:
            return bucketed_batches(lengths, batch_size, rng)
        rows = self._plan.rows(labels, rng)
        return [rows[batch] for batch in bucketed_batches(lengths[rows], batch_size, rng)]

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Cross-entropy ``(B,)`` in the first part; later, both losses with neighbours and what groups add."""
        features = model.embed(batch)
        logits = model.head(model.dropout(features)).float()
        if not self._memory or not self._plan.k.any():
            loss = functional.cross_entropy(logits, batch.labels, reduction="none")
            return loss + self._guided(model, features, batch.rows) if self._memory else loss
        near = self._memory["neighbors"][batch.rows]
        there, points = near >= 0, self._memory["features"][near.clamp_min(0)]
        point_logits = model.head(model.dropout(points)).float()
        weights = convex_weights(there, state.generator("neighbours", near.device), self.law)
        features = features.float()
        with torch.autocast(features.device.type, enabled=False):
            classified = classified_with_neighbors(
                logits,
                features,
                points,
                point_logits,
                weights,
                batch.labels,
                there=there,
                own=self.own_member,
            )
            with torch.no_grad():
                self._note(batch, classified, features, points, weights, there)
            loss = classified + self.weight * towards_neighbors(features, points, weights, there)
        return loss + self._guided(model, features, batch.rows)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        try:
            predictor = super().fit(data, context)
            if self.round_of(predictor.best_epoch - 1, context.training.max_epochs):
                self._look_back(predictor)
            else:
                predictor.training_prior = context.weighted(data).class_mass()
                predictor.notes["remarks"] = [
                    f"dos: epoch {predictor.best_epoch}, which was best on the validation side, comes before the first "
                    "round, so what is returned was trained plainly"
                ]
            return predictor
        finally:
            self._encoded = None  # the predictor keeps this method, and must not keep the rows
            self._memory = {}

    def _neighbors(self, features: np.ndarray) -> np.ndarray:
        """Neighbours ``(n, k)`` of each row, -1 where there is none."""
        most = max(int(self._plan.k.max()), 1)
        found = np.full((len(features), most), -1, dtype=np.int64)
        for k in np.unique(self._plan.k[self._plan.k > 0]).tolist():
            rows = np.flatnonzero(self._plan.k[self._labels] == k)
            near = nearest_within(features[rows], self._labels[rows], k)
            found[rows, :k] = np.where(near >= 0, rows[near], -1)
        return found

    def _groups(self, features: np.ndarray, n_classes: int, number: int) -> np.ndarray:
        found = find_groups(features, self._labels, n_classes, derive_seed(self._seed, "groups", number))
        if self.abstract_labels == "random":
            found = dealt_out(found, self._labels, n_classes, generator(self._seed, "groups"))
        before: Any = self._memory.get("groups")
        return found if before is None else renumbered(found, before.cpu().numpy(), n_groups_of(n_classes))

    def _spread(self, features: np.ndarray) -> Spread:
        """Of the rows of classes with neighbours to their means, and between the means of all."""
        within, between = class_spread(features, self._labels)
        drawn = self._plan.k > 0
        return Spread(float(np.nanmean(within[drawn if drawn.any() else slice(None)])), between)

    def _note(
        self,
        batch: Batch,
        classified: Tensor,
        features: Tensor,
        points: Tensor,
        weights: Tensor,
        there: Tensor,
    ) -> None:
        """Add up what the history is to hold of the epoch."""
        some = there.any(dim=1)
        apart = towards_point(features, points, weights).masked_fill(~some, 0)
        shares = member_shares(features, points, weights, there=there, own=self.own_member)[:, 1:].sum(dim=1)
        self._tally.add("classification_loss", classified * batch.weights)
        self._tally.add("drawing_loss", apart * batch.weights)
        self._tally.add("neighbor_share", shares, among=some)

    def _guided(self, model: Network, features: Tensor, rows: Tensor) -> Tensor | float:
        """What abstract labels add to the loss ``(B,)``."""
        if model.parts is None:
            return 0.0
        groups = self._memory["groups"][rows]
        told_apart = functional.cross_entropy(model.parts(features).float(), groups, reduction="none")
        return self.group_weight * told_apart + self.subspace_weight * outside(
            features, self._allowed[groups]
        )

    def _look_back(self, predictor: NetworkPredictor) -> None:
        """Note the distances in the network that is returned, which no later round looks at."""
        assert self._encoded is not None
        after = self._spread(predict(predictor.model, self._encoded, lambda model, batch: model.embed(batch)))
        predictor.history[predictor.best_epoch - 1] |= {
            "within_classes_after": after.within,
            "between_classes_after": after.between,
        }
        self._warn_of_collapse(after, "in the end")

    def _warn_of_collapse(self, now: Spread, when: str) -> None:
        """Say so when class means have come together, where training should have driven them apart."""
        first = Spread(*self._memory["spread"][0].tolist())
        if now.collapsed_from(first):
            warnings.warn(
                f"dos: the representation is collapsing: {when} class means were {now.between:.3g} from each other and "
                f"rows {now.within:.3g} from theirs, after {first.between:.3g} and {first.within:.3g} when the first "
                "round began; lower weight",
                CounterpoiseWarning,
                stacklevel=2,
            )
