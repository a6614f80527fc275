"""What the anchors of a sampler look like beside real texts: copies, repeats, kept words, variety, verbatim spans.

    sampler = WordSwap(random_state=0)
    sampler.fit_resample(texts, labels)
    report = check_surface(texts, labels, sampler.anchors_, "spam", seed=0)
    [(figure.name, figure.shown, figure.compared, figure.verdict) for figure in report.figures()]

Nothing is trained here. Whether anchors do what they are for takes classifiers, which is the matter of
:mod:`counterpoise.experiments.anchor_check`. Words are those of
:func:`counterpoise.text.tokenizers.words_and_gaps`, case-folded: runs without spaces, or single Chinese characters.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import DataError
from counterpoise.oversampling.anchors import Anchor, anchors_from
from counterpoise.seeding import generator
from counterpoise.text.duplicates import near_duplicate_groups
from counterpoise.text.repetition import Span, longest_span, self_bleu
from counterpoise.text.tokenizers import join_words, words_and_gaps

if TYPE_CHECKING:
    import pyarrow as pa

Ints: TypeAlias = "NDArray[np.int64]"

NEAR_REPEATS = 0.1
"""Share of anchors that may nearly repeat a training text or each other."""

OVERLAP = (0.3, 0.9)
"""Share of its words, on average, that an anchor should have in common with its source: its surface, not a copy."""

SELF_BLEU = 1.15
"""Self-BLEU of anchors, of that of real texts, from which they are too much alike."""

_DRAWS = 5
_UNKNOWN = re.compile("<unk>|\\[unk\\]|\ufffd", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """One line of a quality report.

    Attributes
    ----------
    name : str
        Key, such as ``"near_repeats"``.
    what : str
        The same in words.
    value : float or None
        None where it could not be measured.
    form : str
        Format of the value for a reader, such as ``".1%"``.
    compared : str
        The bar it should keep, or what it is to be compared with; empty where there is nothing.
    verdict : str
        In words.
    met : bool or None
        Whether the bar is kept; None without one.
    """

    name: str
    what: str
    value: float | None
    form: str = ""
    compared: str = ""
    verdict: str = ""
    met: bool | None = None

    @property
    def shown(self) -> str:
        """The value for a reader."""
        return "-" if self.value is None else format(self.value, self.form)


def barred(name: str, what: str, value: float, form: str, compared: str, met: bool, otherwise: str) -> Figure:
    """A figure with a bar: its verdict is "good" where the bar is kept, and ``otherwise`` where it is not."""
    return Figure(name, what, value, form, compared, "good" if met else otherwise, met)


@dataclass(frozen=True)
class SurfaceReport:
    """Figures of anchors that need no classifier.

    Attributes
    ----------
    n_anchors, n_sources : int
        Anchors of the class, and texts that they were made from.
    distinct_share : float
        Different anchors, after folding case and white space, over all.
    copies : int
        Anchors that equal a training text of any class, after the same folding.
    unknown : int
        Anchors with an unknown-token mark (``<unk>``, ``[UNK]``, U+FFFD) that neither source nor partners have.
    near_repeats : float
        Share of anchors that nearly repeat (:func:`counterpoise.text.duplicates.near_duplicate_groups`, Jaccard
        index of words from .9) a training text or another anchor.
    near_training, near_source, near_anchors : float
        Of a training text, of the own source among them, and of another anchor.
    overlap : float
        Share of an anchor's words that its source has, each as often at most; the mean over anchors.
    self_bleu, self_bleu_real : float or None
        :func:`self_bleu` of one anchor a source, and of these sources themselves; None for a single source. The mean
        of five draws.
    longest_span, longest_span_real : int
        Most words in a row that an anchor, or a source, has in common with a training text that is not its (own)
        source.
    span : str
        That of the anchors, as written.
    words, source_words : float
        Words of an anchor, and of the source it was made from, on average.
    """

    n_anchors: int
    n_sources: int
    distinct_share: float
    copies: int
    unknown: int
    near_repeats: float
    near_training: float
    near_source: float
    near_anchors: float
    overlap: float
    self_bleu: float | None
    self_bleu_real: float | None
    longest_span: int
    longest_span_real: int
    span: str
    words: float
    source_words: float

    def figures(self) -> list[Figure]:
        """The figures with their bars."""
        near = self.near_repeats <= NEAR_REPEATS
        low, high = OVERLAP
        kept = low <= self.overlap <= high
        off = "too few" if self.overlap < low else "too many"
        common = f"{low:.0%} to {high:.0%}"
        spans = f"{self.longest_span_real} in their sources"
        span = f"“{self.span}”" if self.span else ""
        return [
            barred(
                "copies", "copies of training texts", self.copies, "d", "none", not self.copies, "too many"
            ),
            barred(
                "unknown",
                "unknown tokens, texts with",
                self.unknown,
                "d",
                "none",
                not self.unknown,
                "too many",
            ),
            Figure("distinct_share", "different texts", self.distinct_share, ".1%"),
            barred(
                "near_repeats",
                "near repeats",
                self.near_repeats,
                ".1%",
                f"at most {NEAR_REPEATS:.0%}",
                near,
                "too many",
            ),
            Figure("near_training", "  of training texts", self.near_training, ".1%"),
            Figure("near_source", "  of their own sources", self.near_source, ".1%"),
            Figure("near_anchors", "  of each other", self.near_anchors, ".1%"),
            barred("overlap", "words in common with the source", self.overlap, ".1%", common, kept, off),
            self._variety(),
            Figure("longest_span", "longest span of another text", self.longest_span, "d", spans, span),
            Figure("words", "words a text", self.words, ".1f", f"{self.source_words:.1f} in their sources"),
        ]

    def _variety(self) -> Figure:
        name, what = "self_bleu", "self-BLEU, one anchor a source"
        if self.self_bleu is None or self.self_bleu_real is None:
            return Figure(name, what, None, verdict="not measured: there is one source only")
        met = self.self_bleu <= SELF_BLEU * self.self_bleu_real
        compared = f"at most {SELF_BLEU} x {self.self_bleu_real:.3f} of their sources"
        return barred(name, what, self.self_bleu, ".3f", compared, met, "too much alike")


def check_surface(
    texts: NDArray[np.object_], labels: NDArray[Any], anchors: pa.Table, label: Any, *, seed: int = 0
) -> SurfaceReport:
    """Measure what the anchors of one class look like.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        What the sampler was given.
    labels : ndarray, shape (n,)
    anchors : pyarrow.Table
        Of any sampler, ``anchors_``; those whose source is of another class are left aside.
    label : object
        The class whose anchors are looked at.
    seed : int, default=0
        Of the draws of one anchor a source.

    Returns
    -------
    SurfaceReport

    Raises
    ------
    DataError
        If there are no anchors of that class.
    """
    own = anchors_of(anchors, labels, label)
    written = np.array([anchor.text for anchor in own], dtype=object)
    sources = np.array([anchor.source_row for anchor in own], dtype=np.int64)
    corpus = [_words(text) for text in texts]
    samples = [_words(text) for text in written]
    known = {_folded(text) for text in texts}
    folded = [_folded(text) for text in written]
    span = longest_span(samples, sources, corpus)
    real = np.unique(sources)
    bleus = [_bleus(samples, sources, corpus, seed, draw) for draw in range(_DRAWS)] if len(real) > 1 else []
    return SurfaceReport(
        n_anchors=len(own),
        n_sources=len(real),
        distinct_share=len(set(folded)) / len(folded),
        copies=sum(text in known for text in folded),
        unknown=sum(_has_new_mark(anchor, texts) for anchor in own),
        **_near_repeats(texts, written, sources),
        overlap=float(
            np.mean([_overlap(words, corpus[row]) for words, row in zip(samples, sources, strict=True)])
        ),
        self_bleu=float(np.mean(bleus)) if bleus else None,
        self_bleu_real=self_bleu([corpus[row] for row in real]) if bleus else None,
        longest_span=span.length,
        longest_span_real=longest_span([corpus[row] for row in real], real, corpus).length,
        span=_as_written(written[span.sample], span),
        words=float(np.mean([len(words) for words in samples])),
        source_words=float(np.mean([len(corpus[row]) for row in sources])),
    )


def anchors_of(anchors: pa.Table, labels: NDArray[Any], label: Any) -> list[Anchor]:
    """Anchors whose source is of a class.

    Parameters
    ----------
    anchors : pyarrow.Table
        Of a sampler.
    labels : ndarray, shape (n,)
        Of the texts that the sampler was given.
    label : object

    Raises
    ------
    DataError
        If there are none.
    """
    own = np.flatnonzero(labels[anchors["source_row"].to_numpy()] == label)
    if not len(own):
        raise DataError(f"there are no anchors of class {label!r} to check; over-sample it first")
    return anchors_from(anchors.take(own))


def one_per_source(sources: Ints, rng: np.random.Generator) -> Ints:
    """Positions of one anchor for each source, drawn at random, in the order of the sources' rows.

    Parameters
    ----------
    sources : ndarray of int64, shape (n,)
        Source row of each anchor.
    rng : numpy.random.Generator
    """
    order = rng.permutation(len(sources))
    return order[np.unique(sources[order], return_index=True)[1]]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in words_and_gaps(text)[0]]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _has_new_mark(anchor: Anchor, texts: NDArray[np.object_]) -> bool:
    given = (texts[row] for row in (anchor.source_row, *anchor.partner_rows))
    return bool(_UNKNOWN.search(anchor.text)) and not any(_UNKNOWN.search(text) for text in given)


def _near_repeats(
    texts: NDArray[np.object_], written: NDArray[np.object_], sources: Ints
) -> dict[str, float]:
    groups = near_duplicate_groups(np.concatenate([texts, written]))
    real, new = np.split(groups, [len(texts)])
    training, among = np.isin(new, real), np.bincount(new)[new] > 1
    return {
        "near_repeats": float((training | among).mean()),
        "near_training": float(training.mean()),
        "near_source": float((new == real[sources]).mean()),
        "near_anchors": float(among.mean()),
    }


def _overlap(words: list[str], source: list[str]) -> float:
    return (Counter(words) & Counter(source)).total() / max(len(words), 1)


def _bleus(samples: list[list[str]], sources: Ints, corpus: list[list[str]], seed: int, draw: int) -> float:
    chosen = one_per_source(sources, generator(seed, "quality", "self-BLEU", draw))
    return self_bleu([samples[i] for i in chosen])


def _as_written(text: str, span: Span) -> str:
    words, gaps = words_and_gaps(text)
    chosen = slice(span.start, span.start + span.length)
    return (
        join_words(words[chosen], ["", *gaps[span.start + 1 : span.start + span.length], ""])
        if span.length
        else ""
    )
