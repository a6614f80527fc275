"""MISO's experiments (Tian et al., EMNLP 2021), run again on data that can be had; ours beside theirs.

    runs = runs_of("3", task, SETS[0], BUDGETS["small"])
    table = TABLES["3"]({"SMS Spam": comparison}, {"SMS Spam": task})

Table 1 and 4: difficult samples before and after; 3: all methods; 5: the generator alone; 2: the data. What differs
from the paper in data and settings stands in the foot of each table (``miso_foot.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from counterpoise.data.imbalance import parse_keep
from counterpoise.experiments.papers import miso_numbers as theirs
from counterpoise.experiments.papers.base import Line, Set, Table, beside, percent, row_of
from counterpoise.experiments.papers.miso_examples import figure_1, table_6
from counterpoise.experiments.papers.miso_foot import about_data, about_runs, printed_otherwise
from counterpoise.experiments.papers.miso_lines import (
    AS_PUBLISHED,
    BUDGETS,
    CNN,
    LINES,
    RNN,
    SETS,
    lines_in,
    lines_of,
    name_in_paper,
    runs_of,
    seconds_of,
)
from counterpoise.experiments.table import Comparison, Row
from counterpoise.experiments.task import Task
from counterpoise.text.tokenizers import tokenize

__all__ = [
    "BUDGETS",
    "DEFAULT_SETS",
    "DEFAULT_TABLE",
    "EXAMPLES",
    "SELECTIONS",
    "SETS",
    "TABLES",
    "TAKES",
    "about",
    "figure_1",
    "lines_of",
    "runs_of",
    "seconds_of",
]

_ALL = ("sms_spam", "toutiao", "imdb", "ag_news")
DEFAULT_SETS = {"small": ("sms_spam",), "medium": _ALL, "paper": _ALL}
"""Where no data are named."""

SELECTIONS: tuple[str, ...] = ()
TAKES: frozenset[str] = frozenset()
DEFAULT_TABLE = "3"
EXAMPLES = {"6": table_6}
"""Tables that need no runs."""

Found = Mapping[str, Comparison]
Tasks = Mapping[str, Task]


def about(table: str, made: Set) -> bool:
    """Whether a table has a place for a set: each has for all."""
    return True


def _metric(made: Set, name: str) -> str:
    """At the thinned prevalence where the paper's data are thin throughout."""
    return name if made.keep is None else f"{name}_thinned"


def _sets(named: Found | Tasks) -> list[Set]:
    return [made for made in SETS if made.name in named]


def table_1(found: Found, tasks: Tasks) -> Table:
    """Difficult samples under plain training."""
    return _by_difficulty("1", "Table 1: difficult samples, plain training", found, tasks, theirs.TABLE_1)


def table_4(found: Found, tasks: Tasks) -> Table:
    """Difficult samples after MISO."""
    return _by_difficulty("4", "Table 4: difficult samples, after MISO", found, tasks, theirs.TABLE_4)


def table_5(found: Found, tasks: Tasks) -> Table:
    """Difficult samples after the generator alone."""
    return _by_difficulty("5", "Table 5: difficult samples, CAG alone", found, tasks, theirs.TABLE_5)


def _by_difficulty(
    table: str, title: str, found: Found, tasks: Tasks, numbers: Mapping[str, tuple[float, str, str]]
) -> Table:
    method, moment = {"1": ("erm", "before"), "4": ("miso", "after"), "5": ("cag", "after")}[table]
    rows = []
    for made in _sets(found):
        share, *pairs = numbers[name_in_paper(made)]
        for ending, own in _variants(found[made.name], table, method):
            cells = [f"{made.name}{ending}", beside(percent(own[CNN], f"difficult_share_{moment}"), share)]
            for backbone, pair in zip((CNN, RNN), pairs, strict=True):
                row = own[backbone]
                f1 = "f1_{}_thinned" if made.keep else "f1_{}"
                cells += [beside(_pair(row, f1), pair), _pair(row, "recall_{}")]
            rows.append(tuple(cells))
    lines = [line for line in lines_in(table) if line.method == method]
    foot = (
        *about_data(_sets(found), tasks),
        *about_runs(lines, found),
        "F1 and recall: difficult / other samples, at the tuned threshold. A false alarm counts where the sample "
        "itself stands: among the difficult ones if it has a minority sample among its neighbours. The paper leaves "
        "that open. In F1 the minority of thinned data is weighted by the share that was kept.",
        "Difficult: a majority sample among the 5 nearest training samples in the embedding of plain training (before) "
        "or of the method itself (after), anchors left out; the paper gives no number of neighbours.",
        *printed_otherwise(table, numbers),
    )
    headers = ("data", "% difficult", "F1 TextCNN", "recall TextCNN", "F1 TextRNN", "recall TextRNN")
    return Table(title, headers, tuple(rows), 1, foot)


def _variants(
    comparison: Comparison, table: str, method: str
) -> Iterator[tuple[str, dict[str | None, Row | None]]]:
    """A method's rows by network, with our defaults and as published: of the two what was run, or else the first."""
    by_ending: dict[str, dict[str | None, Row | None]] = {}
    for line in (line for line in lines_in(table) if line.method == method):
        ending = AS_PUBLISHED if line.settings else ""
        by_ending.setdefault(ending, {})[line.backbone] = row_of(comparison, line, LINES)
    there = {ending: own for ending, own in by_ending.items() if any(own.values())}
    yield from (there or {"": by_ending[""]}).items()


def _pair(row: Row | None, metric: str) -> str:
    """A metric of difficult and of other samples."""
    return " / ".join(percent(row, metric.format(kind)).partition(" ")[0] for kind in ("difficult", "easy"))


def table_2(found: Found, tasks: Tasks) -> Table:
    """Sizes of the data."""
    rows = []
    for made in _sets(tasks):
        task = tasks[made.name]
        rare = task.numbers == task.number
        kept = _n_kept(int(rare.sum()), made)
        length = float(np.mean([len(words) for words in tokenize(task.inputs).to_list()]))
        ours = (len(task.names), round(length), int((~rare).sum()), kept)
        published = theirs.TABLE_2[name_in_paper(made)]
        cells = [f"{a:,} | {b:,}" for a, b in zip(ours, published, strict=True)]
        rows.append((made.name, made.dataset, *cells))
    return Table(
        "Table 2: data",
        ("data", "ours", "classes", "mean length", "majority", "minority"),
        tuple(rows),
        2,
        (
            *about_data(_sets(tasks), tasks),
            "Classes are those learnt: one against the rest. Length is in words; each Chinese character is one.",
        ),
    )


def _n_kept(n: int, made: Set) -> int:
    if made.keep is None:
        return n
    keep = parse_keep(made.keep)
    return round(keep * n) if isinstance(keep, float) else int(keep)


def table_3(found: Found, tasks: Tasks) -> Table:
    """F1 of all methods."""
    sets = _sets(found)
    rows = []
    for line in _shown(found):
        published = theirs.TABLE_3.get(line.name.removesuffix(AS_PUBLISHED), {})
        cells = [line.name]
        for made in sets:
            row = row_of(found[made.name], line, LINES)
            half, tuned, ranked = (
                percent(row, _metric(made, metric)) for metric in ("f1", "f1_tuned", "average_precision")
            )
            cells += [beside(half, published.get(name_in_paper(made))), tuned, ranked]
        rows.append(tuple(cells))
    heads = [
        f"{made.name}: {what}"
        for made in sets
        for what in ("F1 at 0.5", "F1, tuned threshold", "average precision")
    ]
    foot = (
        *about_data(sets, tasks),
        *about_runs(LINES, found),
        "Test sides of thinned data are whole, and their minority is weighted by the share that was kept.",
        "XLNet is here the encoder that --encoder names, fine-tuned; without one the lines that need it are empty.",
        "ADASYN makes points, not texts: here they are points of TF-IDF, and logistic regression learns from them.",
        "The last six lines are plain remedies that the paper does not report.",
    )
    return Table("Table 3: F1", ("method", *heads), tuple(rows), 1, foot)


def _shown(found: Found) -> Iterator[Line]:
    """Of a line with our defaults and its twin as published those that were run, or else the first; all other lines."""
    ran = {line.name for line in LINES for each in found.values() if row_of(each, line, LINES) is not None}
    for line in LINES:
        if line.name in ran or (not line.settings and f"{line.name}{AS_PUBLISHED}" not in ran):
            yield line


TABLES: dict[str, Callable[[Found, Tasks], Table]] = {
    "1": table_1,
    "2": table_2,
    "3": table_3,
    "4": table_4,
    "5": table_5,
}
