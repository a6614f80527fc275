"""The quality report of anchors, of any sampler: what they look like, and whether they do what they are for.

    sampler = WordSwap(random_state=0)
    sampler.fit_resample(texts, labels)
    for figure in check_anchors(texts, labels, sampler.anchors_, "spam", held_back=more_spam):
        print(figure.what, figure.shown, figure.compared, figure.verdict)

Anchors (Tian et al., EMNLP 2021) are to keep the surface of the difficult sample that they were made from
(:mod:`counterpoise.oversampling.quality`), to take the words that it shares with the majority out of the evidence
(:mod:`counterpoise.experiments.occlusion`), and to stay inside the distribution of the minority
(:mod:`counterpoise.experiments.membership`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from counterpoise.data.python_inputs import as_labels, as_texts
from counterpoise.difficulty import difficult_samples
from counterpoise.errors import DataError
from counterpoise.experiments.membership import Apart, Called, called_minority, tell_apart
from counterpoise.experiments.occlusion import Occlusion, occlusion_of_shared
from counterpoise.gamma import measure_difficulty
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context
from counterpoise.oversampling.quality import Figure, check_surface
from counterpoise.progress import bar
from counterpoise.text.embedding import label_free_embedding

Texts: TypeAlias = NDArray[np.object_]


def check_anchors(
    texts: Any,
    labels: Any,
    anchors: pa.Table,
    label: Any,
    *,
    held_back: Any = None,
    difficult: ArrayLike | None = None,
    context: Context | None = None,
    seed: int = 0,
) -> list[Figure]:
    """Measure all of it: surface, evidence, distribution.

    Parameters
    ----------
    texts : sequence of n str
        What the sampler was given: a list, an array, a column of a table or whatever else
        :func:`counterpoise.data.python_inputs.as_texts` takes.
    labels : sequence of n labels
        As :func:`counterpoise.data.python_inputs.as_labels` takes them.
    anchors : pyarrow.Table
        The sampler's ``anchors_``.
    label : object
        The class whose anchors are checked, against all others.
    held_back : sequence of m str or None, default=None
        More texts of the class, that the sampler has not seen. Those that nearly repeat one it has seen are left out.
        Without them one figure is missing, and another is cross-fitted.
    difficult : array-like of int or None, default=None
        Rows of difficult samples of the class; None finds them (:func:`counterpoise.difficulty.difficult_samples`).
    context : Context or None, default=None
        What occlusion trains; see :func:`counterpoise.experiments.occlusion.occlusion_of_shared`.
    seed : int, default=0

    Returns
    -------
    list of Figure
        A figure that cannot be measured on these data has no value, and its verdict says why.

    Raises
    ------
    DataError
        If there are no anchors of the class, or texts and labels that cannot be used.
    """
    texts, labels = as_texts(texts), as_labels(labels)
    if len(texts) != len(labels):
        raise DataError(f"there are {len(texts)} texts and {len(labels)} labels; give one label a text")
    held_back = None if held_back is None or not len(held_back) else as_texts(held_back)
    surface = check_surface(texts, labels, anchors, label, seed=seed).figures()
    groups = text_groups(texts if held_back is None else np.concatenate([texts, held_back]))
    known, new = np.split(groups, [len(texts)])
    fresh = ~np.isin(new, known)
    unseen = None if held_back is None or not fresh.any() else held_back[fresh]
    if difficult is None:
        found = difficult_samples(texts, labels, minority=label, repeats=known, random_state=seed)
        difficult = found.difficult if len(found.difficult) else found.rows
    rows = np.asarray(difficult, dtype=np.int64)

    def occlusion() -> Occlusion:
        judged = None if unseen is None else _difficult_of(unseen, texts, labels == label, seed)
        return occlusion_of_shared(
            texts, labels, anchors, label, held_back=judged, difficult=rows, context=context, seed=seed
        )

    def apart() -> Apart:
        if unseen is None:
            raise DataError(
                "no texts of the class that the sampler has not seen were held back (--keep does)"
            )
        return tell_apart(texts, labels, anchors, label, unseen, seed=seed)

    def called() -> Called:
        return called_minority(texts, labels, anchors, label, difficult=rows, seed=seed)

    figures = surface
    with bar("check", 3) as progress:
        for kind, measure in ((Occlusion, occlusion), (Apart, apart), (Called, called)):
            figures.append(_measured(kind, measure))
            progress.advance()
    return figures


def _measured(
    kind: type[Occlusion | Apart | Called], measure: Callable[[], Occlusion | Apart | Called]
) -> Figure:
    try:
        return measure().figure()
    except DataError as error:
        return Figure(kind.name, kind.what, None, verdict=f"not measured: {error}")


def _difficult_of(held_back: Texts, texts: Texts, rare: NDArray[np.bool_], seed: int) -> Texts | None:
    """Those held-back texts of the minority that have a majority text among the nearest training texts."""
    space = label_free_embedding(np.concatenate([texts, held_back]), seed)
    index, queries = np.split(space, [len(texts)])
    found = measure_difficulty(queries, np.ones(len(queries), dtype=bool), index, rare)
    return held_back[found.difficult] if len(found.difficult) else None
