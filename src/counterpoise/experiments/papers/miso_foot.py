"""What has to be known when MISO's tables are read: which data stand for which, and what is not set as published.

Settings that differ are looked up, those of a line's rows and the defaults against ``PUBLISHED``, so that the foot
says what was run whatever becomes the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from counterpoise.data.near import enumerated
from counterpoise.experiments.papers import miso_numbers as theirs
from counterpoise.experiments.papers.base import Line, Set, row_of
from counterpoise.experiments.papers.miso_lines import (
    BUDGETS,
    HOURS,
    LINES,
    OWN,
    name_in_paper,
)
from counterpoise.experiments.table import Comparison
from counterpoise.experiments.task import Task
from counterpoise.miso.oversampler import MISO
from counterpoise.miso.recipe import PUBLISHED, as_tuple
from counterpoise.miso.variants import CAG
from counterpoise.text.stop_words import without_stop_words

FOLDS = 5
"""Of the paper."""

_SAMPLERS: dict[str, type[MISO]] = {"miso": MISO, "cag": CAG}
_ABLATED = {"miso": (), "cag": ("sfm", "mi_weight")}  # what a method leaves out by what it is
_LOOKED_AT = 500  # texts of a set, for stop words


def about_data(sets: Sequence[Set], tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Which data stand for those of the paper, and what was left out of them."""
    notes = [f"{made.name}: {made.differs}." for made in sets if made.differs]
    caps = {made.name: {budget.cap(made) for budget in BUDGETS.values()} - {None} for made in sets}
    cut = {
        made.name: most
        for made in sets
        if (most := int(np.bincount(tasks[made.name].numbers).max())) in caps[made.name]
    }
    there = {name_in_paper(made) for made in sets}
    left_out = [name for name in theirs.NAMES if name not in there]
    whole = [made.name for made in sets if _has_stop_words(tasks[made.name])]
    return (
        *dict.fromkeys(notes),
        *(
            [
                f"{enumerated([*cut])}: some of the texts, drawn, of each class at most {max(cut.values()):,}, since "
                "all would take days; --budget paper takes all."
            ]
            if cut
            else []
        ),
        *([f"{enumerated(whole)}: read with stop words, which the paper leaves out."] if whole else []),
        *([f"Not run: {', '.join(left_out)}."] if left_out else []),
    )


def _has_stop_words(task: Task) -> bool:
    texts = task.inputs[:_LOOKED_AT]
    return any(
        text.split() != left.split() for text, left in zip(texts, without_stop_words(texts), strict=True)
    )


def about_runs(lines: Sequence[Line], found: Mapping[str, Comparison]) -> tuple[str, ...]:
    """What the cells are, and which lines of the paper's own methods are not as published, in what.

    Parameters
    ----------
    lines : sequence of Line
        Of the table.
    found : mapping of Comparison
        By the names of the sets.
    """
    folds = ", ".join(sorted({str(comparison.n_folds) for comparison in found.values()}))
    fewer = f"Ours have {folds} folds, the paper's {FOLDS}."
    return (
        "Each cell is ours | the paper's, in percent; ours are means over folds and seeds ± standard deviation.",
        *([fewer] if folds not in ("", str(FOLDS)) else []),
        *_settings_that_differ(lines, found),
        *_of_published_lines(lines, found),
    )


def _settings_that_differ(lines: Sequence[Line], found: Mapping[str, Comparison]) -> Iterator[str]:
    """Of each way to be set otherwise the lines that are."""
    names: dict[str, list[str]] = {}
    for line in (line for line in lines if line.method in OWN):
        rows = (row_of(comparison, line, LINES) for comparison in found.values())
        for said in dict.fromkeys(unlike_published(row.method, row.settings) for row in rows if row):
            if said:
                names.setdefault(said, []).append(line.name)
    for said, own in names.items():
        yield f"{enumerated(own)}: not as published, which stands in brackets: {said}."


def unlike_published(method: str, settings: Mapping[str, Any]) -> str:
    """Settings of MISO or its generator that are not the published ones, with these in brackets.

    Parameters
    ----------
    method : str
        Of ``OWN``.
    settings : mapping
        Those that were given, as a row has them: ``method__x`` and others, which do not matter here.

    Returns
    -------
    str
        Empty for one with ``preset="paper"``. What the method leaves out by what it is, is not named.
    """
    given = {
        name.removeprefix("method__"): as_tuple(value)
        for name, value in settings.items()
        if name.startswith("method__")
    }
    sampler = _SAMPLERS[method](**given)
    if sampler.preset == "paper":
        return ""
    return ", ".join(
        f"{name} {own!r} ({published!r})"
        for name, published in PUBLISHED.items()
        if name not in _ABLATED[method] and (own := as_tuple(getattr(sampler, name))) != published
    )


def _of_published_lines(lines: Sequence[Line], found: Mapping[str, Comparison]) -> Iterator[str]:
    """What stays ours in lines as published, and why some cells of theirs are empty."""
    published = [line for line in lines if line.settings]
    there = {
        line.name: [name for name, comparison in found.items() if row_of(comparison, line, LINES)]
        for line in published
    }
    run = [name for name, own in there.items() if own]
    if not run:
        return
    yield (
        f'{enumerated(run)}: preset="paper"; ours are the numbers of steps, and what else docs/miso.md lists.'
    )
    partly = [name for name in run if len(there[name]) < len(found)]
    if partly:
        on = (name for line in partly for name in there[line])
        hours = ", ".join(f"{name} {most:g}" for name, most in HOURS.items())
        yield (
            f"{enumerated(partly)}: on {enumerated(dict.fromkeys(on))} alone. A run as published takes up to so many "
            f"hours of one core, told from a few steps: {hours}. --budget paper runs them all, and with --lines "
            f"'{partly[0]}' this one."
        )


def printed_otherwise(table: str, numbers: Mapping[str, tuple[float, str, str]]) -> tuple[str, ...]:
    """Where the published numbers of a table do not agree with each other."""
    notes = []
    falls = {name: theirs.TABLE_1[name][0] - numbers[name][0] for name in theirs.NAMES}
    for name, printed in theirs.PRINTED_FALLS.get(table, {}).items():
        as_printed, by_shares = (np.mean(list(each.values())) for each in ({**falls, name: printed}, falls))
        notes.append(
            f"The paper prints that the share of difficult samples falls by {printed:.1f} points on {name}, where its "
            f"own shares fall by {falls[name]:.1f}: a mean of {as_printed:.1f} points over its data, where its shares "
            f"make {by_shares:.1f}."
        )
    if table == "4":
        share, pair, _ = numbers["SMS Spam"]
        hard, easy = map(float, pair.split(" / "))
        whole = (share * hard + (100 - share) * easy) / 100
        notes.append(
            "The paper's F1 of both groups, weighted by their shares, give its overall F1 before MISO but not after: "
            f"on SMS Spam {whole:.1f}, where its table 3 has {theirs.TABLE_3['M-CNN']['SMS Spam']:.1f}."
        )
    return tuple(notes)
