"""New minority texts written by a large language model, shown a difficult sample and a few more of its class.

    sampler = LanguageModelWriter(model="Qwen/Qwen2.5-1.5B-Instruct", random_state=0)
    texts_balanced, labels_balanced = sampler.fit_resample(texts, labels)
    sampler.calls_                                   # every prompt, what came of it, its tokens, seconds and price

Each prompt quotes texts of the rare class alone, the difficult sample last; texts of other classes go nowhere. What the
model writes passes the filters that MISO's anchors pass, and near repeats are refused too: a text that says again what
is given adds nothing, and one that reads as of another class does harm.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoise.difficulty import difficult_samples
from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.groups import text_groups
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import TextSampler, check_flag, draw_sources
from counterpoise.oversampling.belonging import Belonging
from counterpoise.oversampling.device import sampler_device
from counterpoise.oversampling.prompts import cleaned, few_shot_prompt
from counterpoise.oversampling.sieve import KEPT, OUTCOMES, Sieve
from counterpoise.seeding import RandomState, generator
from counterpoise.text.asking import check_asking, correspondent_of, model_of
from counterpoise.text.embedding import label_free_embedding
from counterpoise.text.language_models import ModelSource, Write, one_line
from counterpoise.text.replies import Answer
from counterpoise.text.spending import Spending
from counterpoise.text.tokenizers import words_and_gaps

if TYPE_CHECKING:
    import pyarrow as pa

TRIES = 3
"""Prompts for each text that is asked for, at most."""

TRIAL = 20
"""Prompts after which it is seen whether the model is up to the task at all."""

FEWEST = 0.1
"""Share of the written texts that must pass for more to be asked for."""

_NEIGHBORS = 5
_BEYOND = (
    f"which is one fit, and up to {TRIES} times as many prompts where texts are refused; each fold that a threshold is "
    "tuned on, or that a comparison has, is a fit more"
)
_COST = ("prompt_hash", "tokens_in", "tokens_out", "seconds", "price")


@with_parameters_of(ModelSource)
class LanguageModelWriter(TextSampler):
    """Over-sample by texts that a large language model writes.

    Parameters that do not stand here are those of :class:`counterpoise.text.language_models.ModelSource`.

    Parameters
    ----------
    model : str or path or None, default=None
        A causal model in safetensors on the Hugging Face Hub or in a folder, which runs on this machine, or with
        ``base_url`` the name of a model there. There is no default.
    allow_sending : bool, default=False
        Consent to send texts of the smaller classes to ``base_url``; without it that is refused, and the refusal says
        how many there are. What is known from an earlier run is not sent again. A model on this machine needs none.
    price_in, price_out : float or None, default=None
        Of a million tokens read and written, in any currency; None records no price.
    class_names : dict or None, default=None
        What prompts call a class, by its label: a name that says what it is about helps. None is the label itself.
    examples : int, default=5
        Texts of the class in each prompt, the difficult sample among them.
    temperature : float, default=1.0
        Of the drawing of words; less keeps to the likely ones.
    top_p : float, default=0.95
        Words are drawn from the most likely ones that together have this probability.
    max_tokens : int, default=128
        Of a reply.
    max_chars : int, default=1000
        Characters that a prompt quotes of each text.
    belonging : bool, default=True
        Whether a text is refused that classifiers which have not seen its source give to another class, although they
        give its source to its own (:mod:`counterpoise.oversampling.belonging`).
    balance : float, default=1.0
        Share of the gap between each class and the largest that is filled; the cost is in proportion.
    device : str, default="auto"
        Of a model on this machine: ``"cpu"``, ``"cuda"``, ``"mps"``; ``"auto"`` takes CUDA where it is.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None
        Which texts are shown, and what a model on this machine draws. A model at an address is given seeds and may pass
        over them; that a second run has the same texts is the work of the replies kept on the disk.

    Attributes
    ----------
    anchors_ : pyarrow.Table
        As of every sampler, with ``prompt_hash``, ``tokens_in``, ``tokens_out``, ``seconds`` and ``price`` of the call
        that each text came from. ``partner_rows`` are the other texts that the prompt showed, ``injected`` the words
        that the source lacks.
    calls_ : pyarrow.Table
        One row a prompt, also for texts that did not pass: ``label``, ``source_row``, ``shown_rows``, ``text``,
        ``outcome`` (:data:`counterpoise.oversampling.sieve.OUTCOMES`), the columns above, and ``cached``: whether the
        reply was known, so that nothing was spent now.

    Raises
    ------
    SettingsError
        For settings out of range, a model that cannot be had, and texts that may not be sent.
    EndpointError
        When the address does not answer as it should.
    DataError
        When fewer than a tenth of the texts pass, which is seen after :data:`TRIAL` prompts of a class.

    Warns
    -----
    CounterpoiseWarning
        When fewer texts came than were wanted.

    Notes
    -----
    A class without difficult samples has all its samples as sources. New texts have no line breaks.
    """

    needs = "extra llm, a model"

    def __init__(
        self,
        *,
        model: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        base_url: str | None = None,
        api_key_env: str | None = "COUNTERPOISE_API_KEY",
        request: dict[str, Any] | None = None,
        timeout: float = 60.0,
        allow_sending: bool = False,
        price_in: float | None = None,
        price_out: float | None = None,
        class_names: dict[Any, str] | None = None,
        examples: int = 5,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = 128,
        max_chars: int = 1000,
        belonging: bool = True,
        balance: float = 1.0,
        device: str = "auto",
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.model = model
        self.revision = revision
        self.base_url = base_url
        self.api_key_env = api_key_env
        self.request = request
        self.timeout = timeout
        self.allow_sending = allow_sending
        self.price_in = price_in
        self.price_out = price_out
        self.class_names = class_names
        self.examples = examples
        self.temperature = temperature
        self.top_p = top_p
        self.max_tokens = max_tokens
        self.max_chars = max_chars
        self.belonging = belonging
        self.balance = balance
        self.device = device

    def check(self) -> None:
        """Refuse settings out of range, and a model that is not there; an address is not asked."""
        for name in ("examples", "max_tokens", "max_chars"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SettingsError(f"{name} is {value!r}; give an int of 1 or more")
        for name, most in (("temperature", np.inf), ("top_p", 1.0), ("balance", 1.0)):
            value = getattr(self, name)
            if not (isinstance(value, Real) and 0 < float(value) <= most and np.isfinite(float(value))):
                limit = "" if most == np.inf else ", at most 1"
                raise SettingsError(f"{name} is {value!r}; give a number above 0{limit}")
        check_flag("belonging", self.belonging)
        check_asking(self)
        model_of(self, sampler_device(self.device))

    def identity(self) -> str:
        """The model: a hash of its weights, or its address and name."""
        return model_of(self, sampler_device(self.device)).identity

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Balance a data set.

        Parameters
        ----------
        X : list of str, ndarray, pandas or polars column, Arrow array or ``datasets`` column, of n texts
        y : sequence of n labels

        Returns
        -------
        X_resampled, y_resampled
            The given texts and labels, then the new ones, of the kinds that
            :meth:`counterpoise.oversampling.base.TextSampler.fit_resample` says.

        Raises
        ------
        DataError
            For texts or labels that cannot be used, a single class, or texts of the model too few of which pass.
        SettingsError
            For settings out of range, a model that cannot be had, or texts that may not be sent.
        EndpointError
            When the address does not answer as it should.
        """
        import pyarrow as pa

        self._calls: list[_Call] = []
        found = super().fit_resample(X, y)
        self.calls_: pa.Table = _table(self._calls)
        spent = Spending.of(call.answer for call in self._calls)
        self.remarks_ = (f"llm_oversample: the texts of this fit came of {spent.in_words()}",)
        kept = self.calls_.filter(pa.compute.equal(self.calls_["outcome"], KEPT))
        for name in _COST:
            self.anchors_ = self.anchors_.append_column(name, kept[name])
        return found

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._seed = seed
        self._groups, self._embedding = text_groups(texts), label_free_embedding(texts, seed)
        self._correspondent = correspondent_of(self, "llm_oversample", sampler_device(self.device), _BEYOND)

    def _end(self) -> None:
        self.__dict__.pop("_correspondent", None)  # and its model

    def _amounts(
        self, texts: np.ndarray, labels: np.ndarray, wanted: dict[Any, int], seed: int
    ) -> dict[Any, int]:
        amounts = {label: round(float(self.balance) * gap) for label, gap in wanted.items()}
        filled = {label: count for label, count in amounts.items() if count}
        self._sides = {label: self._side(texts, labels, label) for label in filled}
        # Of all classes at once, so that a refusal tells of everything that would be sent.
        first = [self._prompts(texts, label, count, 0) for label, count in filled.items()]
        if first:
            self._correspondent.check_consent([prompt.write for some in first for prompt in some])
        return amounts

    def _side(self, texts: np.ndarray, labels: np.ndarray, label: Any) -> _Side:
        own = np.flatnonzero(labels == label)
        found = difficult_samples(
            texts, labels, minority=label, k=_NEIGHBORS, embed=self._embedding, repeats=self._groups
        )
        difficult = np.sort(found.difficult)
        levels = dict(zip(found.rows.tolist(), found.degree.tolist(), strict=True))
        return _Side(own, difficult if len(difficult) else own, levels)

    def _prompts(self, texts: np.ndarray, label: Any, count: int, tried: int) -> list[_Prompt]:
        """Prompts that show the difficult samples in turn, after so many others."""
        side, rng = self._sides[label], generator(self._seed, "prompts", label, tried)
        names = self.class_names or {}
        name = str(names.get(label, names.get(str(label), label)))
        found = []
        for source in draw_sources(side.sources, count, rng).tolist():
            rows = (*side.company(source, self.examples - 1, rng), source)
            quoted = tuple(one_line(texts[row], self.max_chars) for row in rows)
            drawing = self.max_tokens, float(self.temperature), float(self.top_p)
            write = Write(few_shot_prompt(name, quoted), quoted, int(rng.integers(2**31)), *drawing)
            found.append(_Prompt(rows, write))
        return found

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        side, own = self._sides[label], labels == label
        belonging = Belonging(texts, own, self._groups, self._seed) if self.belonging else None
        sieve = Sieve(texts, side.own, belonging)
        anchors: list[Anchor] = []
        calls: list[_Call] = []
        waiting: list[_Prompt] = []
        while len(anchors) < count and len(calls) < TRIES * count:
            if not waiting:
                lacking = min(count - len(anchors), TRIES * count - len(calls))
                waiting = self._prompts(texts, label, lacking, len(calls))
            # Few at first, since the model may not be up to it.
            n = len(waiting) if calls else TRIAL
            some, waiting = waiting[:n], waiting[n:]
            answers = self._correspondent.ask([prompt.write for prompt in some])
            written = [cleaned(answer.reply.text) for answer in answers]
            sources = np.array([prompt.rows[-1] for prompt in some])
            outcomes = sieve.outcomes(written, sources, [answer.reply.refused for answer in answers])
            for prompt, text, outcome, answer in zip(some, written, outcomes, answers, strict=True):
                calls.append(_Call(label, prompt.rows, text, outcome, answer))
                if outcome == KEPT:
                    anchors.append(_anchor(texts, prompt.rows, text, side.levels))
            self._stop_if_hopeless(calls, len(anchors), count)
        self._calls += calls
        if len(anchors) < count:
            warnings.warn(
                f"only {len(anchors)} texts of class {label!r} came of {len(calls)} prompts, {count} were wanted; of "
                f"the others {_fates(calls)}: take a larger model, give it more examples, or lower balance",
                CounterpoiseWarning,
                stacklevel=2,
            )
        return anchors

    def _stop_if_hopeless(self, calls: list[_Call], passed: int, count: int) -> None:
        tried = len(calls)
        if tried >= min(TRIAL, TRIES * count) and passed < FEWEST * min(tried, count):
            raise DataError(
                f"of {tried} texts that {self.model} wrote for class {calls[0].label!r} only {passed} passed, and no "
                f"more are asked for: {_fates(calls)}; take a larger model, or give class_names that say what the "
                "classes are"
            )


@dataclass(frozen=True)
class _Side:
    """A class: its rows, those that prompts are about, and how difficult each is."""

    own: np.ndarray
    sources: np.ndarray
    levels: dict[int, float]

    def company(self, source: int, count: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Other rows to show beside a source: other sources, and where these are too few any of the class."""
        drawn: list[int] = []
        for pool in (self.sources, self.own):
            left = np.setdiff1d(pool, [source, *drawn])
            drawn += rng.choice(left, min(count - len(drawn), len(left)), replace=False).tolist()
        return tuple(drawn)


@dataclass(frozen=True)
class _Prompt:
    """What is asked, and the rows that are shown, the source last."""

    rows: tuple[int, ...]
    write: Write


@dataclass(frozen=True)
class _Call:
    """A prompt that was answered, and what came of it."""

    label: Any
    rows: tuple[int, ...]
    text: str
    outcome: str
    answer: Answer


def _fates(calls: list[_Call]) -> str:
    """What became of the texts that did not pass, the commonest first."""
    counts = Counter(call.outcome for call in calls if call.outcome != KEPT)
    return ", ".join(f"{n} {OUTCOMES[outcome]}" for outcome, n in counts.most_common())


def _anchor(texts: np.ndarray, rows: tuple[int, ...], text: str, levels: dict[int, float]) -> Anchor:
    source = rows[-1]
    words, there = words_and_gaps(text)[0], set(words_and_gaps(texts[source])[0])
    return Anchor(
        text,
        source,
        rows[:-1],
        kept=tuple(word for word in words if word in there),
        injected=tuple(word for word in words if word not in there),
        difficulty=levels.get(source),
    )


def _table(calls: list[_Call]) -> pa.Table:
    import pyarrow as pa

    text, number, real = pa.string(), pa.int64(), pa.float64()
    columns: dict[str, tuple[Any, Callable[[_Call], Any]]] = {
        "label": (text, lambda call: str(call.label)),
        "source_row": (number, lambda call: call.rows[-1]),
        "shown_rows": (pa.list_(number), lambda call: list(call.rows)),
        "text": (text, lambda call: call.text),
        "outcome": (text, lambda call: call.outcome),
        "prompt_hash": (text, lambda call: call.answer.prompt_hash),
        "tokens_in": (number, lambda call: call.answer.reply.tokens_in),
        "tokens_out": (number, lambda call: call.answer.reply.tokens_out),
        "seconds": (real, lambda call: call.answer.reply.seconds),
        "price": (real, lambda call: call.answer.price),
        "cached": (pa.bool_(), lambda call: call.answer.cached),
    }
    return pa.table(
        {name: pa.array([read(call) for call in calls], type=kind) for name, (kind, read) in columns.items()}
    )
