"""MISO: mutual-information constrained semantically over-sampling, as an over-sampler of texts.

    sampler = MISO(random_state=0)
    texts_balanced, labels_balanced = sampler.fit_resample(texts, labels)
    sampler.anchors_["text"], sampler.anchors_["source_row"]       # an Arrow table

Tian et al., "Re-embedding Difficult Samples via Mutual Information Constrained Semantically Oversampling for
Imbalanced Text Classification", EMNLP 2021. Minority samples with majority samples among their nearest neighbours
are difficult; for each, anchor instances are written that keep its surface and leave what it shares with the
majority. Any classifier trained on the rebalanced texts then embeds the difficult samples anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from counterpoise.errors import SettingsError
from counterpoise.miso.assembly import Prepared
from counterpoise.miso.counterfactual import largest_class, with_counterfactuals
from counterpoise.miso.fitted import FittedTexts
from counterpoise.miso.neighborhood import check_neighborhood, identity_of, neighborhood
from counterpoise.miso.recipe import PUBLISHED, Recipe, check_amounts, check_preset, recipe_of
from counterpoise.oversampling.anchors import Anchor, anchor_table
from counterpoise.oversampling.balance import choose_balance, judge_by_words
from counterpoise.oversampling.base import TextSampler
from counterpoise.oversampling.device import sampler_device
from counterpoise.search_space import Choice, Range, Space
from counterpoise.seeding import RandomState, derive_seed, generator, root_seed

if TYPE_CHECKING:
    import pyarrow as pa


class MISO(TextSampler):
    """Write anchor instances for difficult minority samples until the classes balance.

    Parameters
    ----------
    generator : {"pointer", "free", "edit"}, default="pointer"
        What writes. ``"pointer"``: a decoder that keeps words of the difficult sample and points at words of a
        majority partner; ``"free"``: the paper's decoder, which spells texts out in sub-words; ``"edit"``: no
        decoder and no training, as many words swapped blindly.
    balance : float or "auto", default=1.0
        How far to fill the gap to the largest class; read only with ``sampling_strategy="auto"``. ``"auto"`` chooses
        0, a quarter, half or all of it for each class, by cross-fitting (:mod:`counterpoise.oversampling.balance`):
        where the anchors of a fold make TF-IDF and logistic regression worse on its other side, fewer or none are
        written. It takes three more trainings. As a method, the method's own network is asked in place of it.
    counterfactual : float, default=0.0
        How many texts are written of the largest class beside, as a share of those of all others: its difficult texts
        with words of other classes' texts near them, under its own label. Folds that choose the balance go without.
    budget : float or (float, float), default=1/3
        Share of a difficult sample's words that an anchor gives up on average (``pointer`` and ``edit``); of two,
        each anchor draws its own between them. Without one the optimum of the mutual-information loss, written
        out, is a copy.
    run : float, default=1.0
        Mean number of words that are given up, or kept, as one stretch.
    inject : float, default=0.0
        Share of the words given up that comes from other minority texts: the easy ones, or any where these are fewer
        than ten.
    gate_weight : float, default=0.0
        Whether words that the majority partner shares are given up more often (above 0) or less (below 0).
    word_roles : {"found", "shuffled"}, default="found"
        What the gate is told of how shared each word is. ``"shuffled"`` is a control: the same figures, dealt out among
        the words of the text at random; where it does as well, it is not what words share that matters.
    sources : {"all", "difficult", "easy"}, default="all"
        Which minority samples anchors are written from. The paper's are the difficult ones; with them alone the
        easy ones, never repeated, lose their weight. The easy ones alone are a control: where they do as well, it is
        not difficulty that matters. All serve, with a warning, where none is of the kind.
    k : int, default=5
        Neighbours by which a sample is difficult (the paper gives none).
    scope : int, default=50
        Nearest majority samples that a difficult sample is paired with where the classes balance; ``scope * tau``
        before.
    neighbor_encoder : str or None, default=None
        Frozen pretrained encoder, of the Hugging Face Hub or a folder, in whose vectors neighbours are looked for:
        those by which a text is difficult, and the majority samples it is paired with. It needs ``pip install
        "counterpoise[encoders]"``. None compares means of word vectors learnt from these texts without labels.
    belonging : bool, default=True
        Whether a text is refused, and another written, that cross-fitted classifiers give to another class although
        they give its source to its own (:mod:`counterpoise.oversampling.belonging`). The paper refuses none.
    soft_labels : bool, default=False
        Whether ``anchors_`` have a column ``own_share``, the share of the words that the majority partner has not lent.
        As a method a network learns that much of an anchor as its class and the rest as the partner's, while labels of
        ``fit_resample`` are whole. ``balance="auto"``, whose folds learn from whole labels, is refused beside it.
    sfm : bool, default=True
        False leaves the semantic fusion module out, and with it the mutual-information loss.
    attention : {"learnt", "random"}, default="learnt"
        Whom the fusion module attends to. ``"random"`` is a control: weights as sharp as the learnt ones, dealt out at
        random in every pass of training and writing.
    mi_weight : float, default=1.0
        Factor of the mutual-information loss; 0 leaves it out.
    adversarial : bool, default=True
        False leaves the discriminators out.
    tau : {"falling", "fixed"}, default="falling"
        Whether tau falls from n-/n+ to 1 as anchors come.
    reading : {"samples", "tokens"}, default="samples"
        Whether SFM compares the samples of a batch or the tokens of a pair.
    dim : int, default=64
        Width of the encoder and SFM (the paper's).
    heads : int, default=8
        Of SFM (the paper's).
    steps : tuple of int, default=(100, 60, 20, 60)
        Of the phases at most: language, autoencoder, MINE, joint.
    batch_size : int, default=64
        Pairs of a step (the paper's).
    learning_rate : float, default=2e-3
        Of Adam; the paper's 1e-4 needs many more steps.
    likelihood_floor : float, default=0.5
        Least weight of the tokens' likelihood in the joint phase, where the paper's alpha starts near 0.
    gumbel : float or None, default=None
        Temperature of straight-through Gumbel-softmax; None shows the discriminators expected word vectors.
    decoding : {"sample", "greedy", "beam"}, default="sample"
        How words are chosen by their likelihood.
    temperature : float, default=1.0
        What the logits of a sample are divided by.
    top_k : int, default=0
        Most likely words that a sample is drawn from; 0 takes all.
    top_p : float, default=1.0
        A sample is drawn from the most likely words that together have this probability.
    beams : int, default=4
        Of a beam search.
    max_length : int, default=256
        Words read of a text, and written at most.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of the decoders' training; ``"auto"`` takes the faster one, which depends on the machine.
    device : str, default="auto"
        Where the modules are trained and write: ``"cpu"``, ``"cuda"``, ``"mps"``; ``"auto"`` takes CUDA where it is.
        What is drawn at random is the same everywhere, arithmetic is not to the last bit. The editor needs none but for
        a ``neighbor_encoder``.
    checkpoint : path or None, default=None
        File in which the training is kept and from which it goes on; needs a ``random_state``, without which no second
        training is the same.
    preset : {None, "paper"}, default=None
        ``"paper"`` sets everything as published; what it sets cannot be set beside it, and what no setting says is as
        published too: no text is held out to stop a training by, and one may come again. The stop words that the paper
        leaves out are left to whoever prepares the texts: they would have to be left out of all of them, those that are
        predicted too (:func:`counterpoise.text.stop_words.without_stop_words`).
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    prepared_ : dict
        For each class that anchors are written for, the :class:`counterpoise.miso.assembly.Prepared`.
    balance_ : dict
        For each class below the largest, the share of its gap that ``fit_resample`` set out to fill; empty where the
        sampling strategy says how many there are to be.

    Notes
    -----
    Where settings tell difficult texts from easy ones, ``remarks_`` say how many there are of either kind.

    Of several classes each below the largest is balanced against all others, as in the paper's multi-class sets.
    """

    published: ClassVar[dict[str, Any]] = PUBLISHED
    """What ``preset="paper"`` sets."""

    search_space: ClassVar[Space] = {
        "budget": Range(0.15, 0.6),
        "inject": Choice((0.0, 0.25, 0.5)),
        "balance": Choice((0.25, 0.5, 1.0)),
    }

    def __init__(
        self,
        *,
        generator: str = "pointer",
        balance: float | Literal["auto"] = 1.0,
        counterfactual: float = 0.0,
        budget: float | tuple[float, float] = 1 / 3,
        run: float = 1.0,
        inject: float = 0.0,
        gate_weight: float = 0.0,
        word_roles: str = "found",
        sources: str = "all",
        k: int = 5,
        scope: int = 50,
        neighbor_encoder: str | None = None,
        belonging: bool = True,
        soft_labels: bool = False,
        sfm: bool = True,
        attention: str = "learnt",
        mi_weight: float = 1.0,
        adversarial: bool = True,
        tau: str = "falling",
        reading: str = "samples",
        dim: int = 64,
        heads: int = 8,
        steps: tuple[int, int, int, int] = (100, 60, 20, 60),
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        likelihood_floor: float = 0.5,
        gumbel: float | None = None,
        decoding: str = "sample",
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        beams: int = 4,
        max_length: int = 256,
        precision: str = "auto",
        device: str = "auto",
        checkpoint: str | Path | None = None,
        preset: str | None = None,
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.generator = generator
        self.balance = balance
        self.counterfactual = counterfactual
        self.budget = budget
        self.run = run
        self.inject = inject
        self.gate_weight = gate_weight
        self.word_roles = word_roles
        self.sources = sources
        self.k = k
        self.scope = scope
        self.neighbor_encoder = neighbor_encoder
        self.belonging = belonging
        self.soft_labels = soft_labels
        self.sfm = sfm
        self.attention = attention
        self.mi_weight = mi_weight
        self.adversarial = adversarial
        self.tau = tau
        self.reading = reading
        self.dim = dim
        self.heads = heads
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.likelihood_floor = likelihood_floor
        self.gumbel = gumbel
        self.decoding = decoding
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.beams = beams
        self.max_length = max_length
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.preset = preset

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that cannot be had."""
        self._recipe()
        self._device()
        check_neighborhood(self.neighbor_encoder, self.device)
        check_amounts(self._setting("balance"), self.counterfactual)
        if self.soft_labels and self.chooses_balance:
            raise SettingsError(
                "soft_labels is true, but folds that choose the balance learn from whole labels; give balance a number"
            )

    def identity(self) -> str:
        """Hash of the encoder, with the version of what computes with it; empty without one."""
        return identity_of(self.neighbor_encoder)

    @property
    def trains_decoder(self) -> bool:
        """Whether what writes is trained: all but the editor."""
        return bool(self._setting("generator") != "edit")

    @property
    def chooses_balance(self) -> bool:
        """Whether it is left to ``fit_resample`` how far a class is filled up."""
        return self._setting("balance") == "auto" and self.sampling_strategy == "auto"

    def fit(self, X: Any, y: Any) -> MISO:
        """Train what writes anchors, and write none yet.

        Parameters
        ----------
        X, y
            As for ``fit_resample``.

        Returns
        -------
        MISO

        Raises
        ------
        DataError, SettingsError
            As ``fit_resample``.
        """
        texts, labels, wanted = self._checked(X, y)
        seed = root_seed(self.random_state)
        self._begin(texts, labels, seed)
        for label, gap in with_counterfactuals(wanted, labels, self.counterfactual).items():
            if gap:
                self._prepare(label, generator(seed, type(self).__name__, label))
        return self

    def sample(self, n: int, label: Any = None) -> pa.Table:
        """Write further anchors after ``fit`` or ``fit_resample``.

        Parameters
        ----------
        n : int
        label : object, default=None
            The class; None takes the rarest that was fitted.

        Returns
        -------
        pyarrow.Table
            With the columns of ``anchors_``. New ones each time; fewer than ``n``, with a warning, when too many tries
            gave nothing new.

        Raises
        ------
        SettingsError
            Before ``fit``, or for a class that was not fitted.
        """
        fitted = getattr(self, "prepared_", {})
        if not fitted:
            raise SettingsError("nothing is fitted that could write; call fit or fit_resample first")
        if label is None:
            label = min(fitted, key=lambda name: fitted[name].field.n_minority)
        if label not in fitted:
            raise SettingsError(
                f"no anchors can be written for {label!r}; fitted are {', '.join(map(repr, fitted))}"
            )
        self._sampled += 1
        made = self._fitted.written(fitted[label], n, "sample", self._sampled)
        return anchor_table(made, np.full(len(made), label, dtype=self._label_dtype))

    def _setting(self, name: str) -> Any:
        if self.preset == "paper" and name in self.published:
            return self.published[name]
        return getattr(self, name)

    def _recipe(self) -> Recipe:
        check_preset(self)
        return recipe_of(self._setting, as_published=self.preset == "paper")

    def _device(self) -> torch.device:
        """Where the modules live; the editor has none."""
        return sampler_device(self.device) if self.trains_decoder else torch.device("cpu")

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        if self.checkpoint is not None and self.random_state is None:
            raise SettingsError(
                "a checkpoint is of one training, which random_state=None begins anew each time; give a number"
            )
        self._fitted = FittedTexts(
            texts,
            labels,
            neighborhood(texts, self.neighbor_encoder, self.device, seed),
            self._recipe(),
            seed,
            identity=self.identity(),
            device=self._device(),
            checkpoint=self.checkpoint,
        )
        self._label_dtype = labels.dtype
        self.prepared_: dict[Any, Prepared] = self._fitted.prepared
        self.remarks_ = ()
        self._sampled = 0

    def _amounts(
        self, texts: np.ndarray, labels: np.ndarray, wanted: dict[Any, int], seed: int
    ) -> dict[Any, int]:
        amounts = self._filled(texts, labels, wanted, seed)
        return with_counterfactuals(amounts, labels, self.counterfactual)

    def _filled(
        self, texts: np.ndarray, labels: np.ndarray, wanted: dict[Any, int], seed: int
    ) -> dict[Any, int]:
        self.balance_: dict[Any, float] = {}
        if self.sampling_strategy != "auto" or not any(wanted.values()):
            return wanted
        if self.chooses_balance:
            judge = judge_by_words(texts, labels)
            self.balance_ = choose_balance(
                self, texts, labels, self._fitted.groups, judge, derive_seed(seed, "balance")
            )
        else:
            self.balance_ = {label: float(self._setting("balance")) for label, gap in wanted.items() if gap}
        return {label: round(self.balance_.get(label, 0.0) * gap) for label, gap in wanted.items()}

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        return self._fitted.written(self._prepare(label, rng), count, "harvest")

    def _prepare(self, label: Any, rng: np.random.Generator) -> Prepared:
        fitted = self._fitted
        counterfactual = self.counterfactual > 0 and label == largest_class(fitted.labels)
        prepared = fitted.prepare(label, rng, **({"sources": "difficult"} if counterfactual else {}))
        if counterfactual or fitted.recipe.sources != "all" or fitted.recipe.inject:
            self.remarks_ = (*self.remarks_, f"{type(self).__name__}: {prepared.roles}")
        return prepared
