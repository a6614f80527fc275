"""MISO's experiments (Tian et al., EMNLP 2021), run again on data that can be had; ours beside theirs.

    runs = runs_of("3", task, BUDGETS["small"])
    table = TABLES["3"]({"SMS Spam": comparison}, {"SMS Spam": task})

Table 1 and 4: difficult samples before and after; 3: all methods; 5: the generator alone; 2: the data. What differs
from the paper in data and settings stands in the foot of each table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.data.imbalance import parse_keep
from counterpoise.experiments.grid import plan
from counterpoise.experiments.papers import miso_numbers as theirs
from counterpoise.experiments.papers.base import Budget, Set, Table, beside, find_row, percent
from counterpoise.experiments.papers.miso_examples import figure_1, table_6
from counterpoise.experiments.runs import Run
from counterpoise.experiments.table import Comparison
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS
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
]

CNN, RNN, ENCODER = "textcnn", "textrnn", "encoder"

SETS = (
    Set(
        "SMS Spam",
        "sms_spam",
        "spam",
        differs="the paper prints the sizes of UCI Spambase, which holds no texts; ours are the SMS collection's",
    ),
    Set(
        "Toutiao",
        "toutiao",
        "news_car",
        keep="11%",
        differs="4,293 titles of the same topics; the class is not named in the paper; thinned to its ratio of 1:122",
    ),
    Set("IMDB (1%)", "imdb", "pos", keep="1%", whole=True),
    Set("IMDB (5%)", "imdb", "pos", keep="5%", whole=True),
    Set(
        "AG_News (1%)",
        "ag_news",
        "World",
        keep="1%",
        differs="7,600 of the texts; the paper's class is not named",
    ),
    Set(
        "AG_News (5%)",
        "ag_news",
        "World",
        keep="5%",
        differs="7,600 of the texts; the paper's class is not named",
    ),
)
"""Of the paper's data; Opin-Rank and Yelp.P cannot be had whole."""

BUDGETS = {
    "small": Budget(folds=2, seeds=1, settings={"max_epochs": 6, "method__preset": None}),
    "medium": Budget(folds=5, seeds=1),
    "paper": Budget(
        folds=5, seeds=3, settings={"max_epochs": 30, "method__preset": "paper"}, stop_words=False
    ),
}
"""Minutes; hours on two cores; everything, with MISO's published settings, all texts without English stop words."""

DEFAULT_SETS = {
    "small": ("sms_spam",),
    "medium": ("sms_spam", "toutiao", "ag_news"),
    "paper": ("sms_spam", "toutiao", "imdb", "ag_news"),
}
"""Where no data are named."""

SELECTIONS: tuple[str, ...] = ()
TAKES: frozenset[str] = frozenset()
DEFAULT_TABLE = "3"
EXAMPLES = {"6": table_6}
"""Tables that need no runs."""


@dataclass(frozen=True)
class Line:
    """A line of table 3: what the paper calls it, and what it is here."""

    name: str
    method: str
    backbone: str | None


LINES = (
    Line("TextCNN", "erm", CNN),
    Line("TextRNN", "erm", RNN),
    Line("XLNet", "erm", ENCODER),
    Line("ADASYN", "adasyn", None),
    Line("MixText", "mixtext", CNN),
    Line("Focal", "focal", CNN),
    Line("Dice", "dice", CNN),
    Line("cRT", "crt", CNN),
    Line("tau-norm", "tau_norm", CNN),
    Line("CAG only", "cag", CNN),
    Line("M-CNN", "miso", CNN),
    Line("M-RNN", "miso", RNN),
    Line("M-XLNet", "miso", ENCODER),
    Line("class weights", "class_weight", CNN),
    Line("random over-sampling", "random_oversample", CNN),
    Line("word swap", "word_swap", CNN),
    Line("TF-IDF + logistic regression", "tfidf_lr", None),
    Line("frozen encoder + logistic regression", "encoder_lr", None),
    Line("blend of the last two", "blend", None),
)
"""The paper's, then plain ones that it leaves out."""

_OVER_AN_ENCODER = ("encoder_lr", "blend")

_ASKED = {
    "1": ("erm",),
    "2": (),
    "3": tuple(dict.fromkeys(line.method for line in LINES)),
    "4": ("erm", "miso"),
    "5": ("erm", "cag"),
}


def about(table: str, made: Set) -> bool:
    """Whether a table has a place for a set: each has for all."""
    return True


def lines_of(table: str) -> tuple[str, ...]:
    """What the table calls its methods; the other tables than 3 have a line for each set."""
    return tuple(line.name for line in LINES) if table == "3" else ()


def runs_of(
    table: str,
    task: Task,
    made: Set,
    budget: Budget,
    seed: int = 0,
    encoder: str | None = None,
    *,
    lines: Collection[str] | None = None,
) -> list[Run]:
    """Runs that a table needs of one set.

    Parameters
    ----------
    table : str
        Its number, 1 to 5.
    task : Task
    made : Set
    budget : Budget
    seed : int, default=0
        The first one.
    encoder : str or None, default=None
        Pretrained encoder for the lines of table 3 that have one, which are not run without.
    lines : collection of str or None, default=None
        Names of the lines that are wanted, of those of :func:`lines_of`; None wants all.
    """
    runs: list[Run] = []
    for backbone in (CNN, RNN, *([ENCODER] if encoder and table == "3" else [])):
        wanted = [line for line in LINES if lines is None or line.name in lines]
        own = [line.method for line in wanted if _trained(line) == backbone]
        methods = [name for name in own if name in _ASKED[table]]
        if table == "5" and backbone == RNN:
            methods.append("cag")
        for method in methods:
            settings = {
                name: value
                for name, value in budget.settings.items()
                if not name.startswith("method__")
                or name.partition("__")[2] in METHODS[method]().get_params()
            }
            if backbone == ENCODER and method in _OVER_AN_ENCODER:
                settings["method__encoder"] = encoder
            elif backbone == ENCODER:
                settings |= {"backbone__name": encoder, "backbone__frozen": False}
            runs += plan(
                task,
                [method],
                backbone=backbone if METHODS[method]().trains_backbone("text") else None,
                keep=made.keep,
                n_folds=budget.folds,
                seeds=range(seed, seed + budget.seeds),
                settings=settings,
            )
    return runs


def _trained(line: Line) -> str:
    """The network with whose runs those of a line are planned."""
    return line.backbone or (ENCODER if line.method in _OVER_AN_ENCODER else CNN)


def _metric(made: Set, name: str) -> str:
    """At the thinned prevalence where the paper's data are thin throughout."""
    return name if made.keep is None else f"{name}_thinned"


def _foot(sets: Sequence[Set]) -> tuple[str, ...]:
    notes = [f"{made.name}: {made.differs}." for made in sets if made.differs]
    left_out = [name for name in theirs.NAMES if name not in {made.name for made in sets}]
    return (
        "Each cell is ours | the paper's, in percent; ours are means over folds and seeds ± standard deviation.",
        *dict.fromkeys(notes),
        "Test sides of thinned data are whole, and their minority is weighted by the share that was kept.",
        *([f"Not run: {', '.join(left_out)}."] if left_out else []),
    )


def table_1(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """Difficult samples under plain training."""
    return _by_difficulty(
        "Table 1: difficult samples, plain training", found, "erm", theirs.TABLE_1, "before"
    )


def table_4(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """Difficult samples after MISO."""
    return _by_difficulty("Table 4: difficult samples, after MISO", found, "miso", theirs.TABLE_4, "after")


def table_5(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """Difficult samples after the generator alone."""
    return _by_difficulty("Table 5: difficult samples, CAG alone", found, "cag", theirs.TABLE_5, "after")


def _by_difficulty(
    title: str,
    found: Mapping[str, Comparison],
    method: str,
    numbers: Mapping[str, tuple[float, str, str]],
    moment: str,
) -> Table:
    rows = []
    sets = [made for made in SETS if made.name in found]
    for made in sets:
        share, *pairs = numbers[made.name]
        comparison = found[made.name]
        first = find_row(comparison, method, CNN)
        cells = [made.name, beside(percent(first, f"difficult_share_{moment}"), share)]
        for backbone, pair in zip((CNN, RNN), pairs, strict=True):
            row = find_row(comparison, method, backbone)
            ours = " / ".join(percent(row, f"f1_{kind}").partition(" ")[0] for kind in ("difficult", "easy"))
            recalls = " / ".join(
                percent(row, f"recall_{kind}").partition(" ")[0] for kind in ("difficult", "easy")
            )
            cells += [beside(ours, pair), recalls]
        rows.append(tuple(cells))
    foot = (
        *_foot(sets),
        "F1 and recall: difficult / other samples, at the tuned threshold. A false alarm counts where the sample "
        "itself stands: among the difficult ones if it has a minority sample among its neighbours. The paper leaves "
        "that open.",
        "Difficult: a majority sample among the 5 nearest training samples in the embedding of plain training (before) "
        "or of the method itself (after), anchors left out; the paper gives no number of neighbours.",
    )
    headers = ("data", "% difficult", "F1 TextCNN", "recall TextCNN", "F1 TextRNN", "recall TextRNN")
    return Table(title, headers, tuple(rows), 1, foot)


def table_2(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """Sizes of the data."""
    rows = []
    sets = [made for made in SETS if made.name in tasks]
    for made in sets:
        task = tasks[made.name]
        rare = task.numbers == task.number
        kept = _n_kept(int(rare.sum()), made)
        length = float(np.mean([len(words) for words in tokenize(task.inputs).to_list()]))
        ours = (len(task.names), round(length), int((~rare).sum()), kept)
        cells = [f"{a:,} | {b:,}" for a, b in zip(ours, theirs.TABLE_2[made.name], strict=True)]
        rows.append((made.name, made.dataset, *cells))
    return Table(
        "Table 2: data",
        ("data", "ours", "classes", "mean length", "majority", "minority"),
        tuple(rows),
        2,
        (
            *_foot(sets)[1:],
            "Classes are those learnt: one against the rest. Length is in words; each Chinese character is one.",
        ),
    )


def _n_kept(n: int, made: Set) -> int:
    if made.keep is None:
        return n
    keep = parse_keep(made.keep)
    return round(keep * n) if isinstance(keep, float) else int(keep)


def table_3(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """F1 of all methods."""
    sets = [made for made in SETS if made.name in found]
    rows = []
    for line in LINES:
        published = theirs.TABLE_3.get(line.name, {})
        cells = [line.name]
        for made in sets:
            row = find_row(found[made.name], line.method, line.backbone)
            tuned = percent(row, _metric(made, "f1_tuned"))
            half = percent(row, _metric(made, "f1"))
            ranked = percent(row, _metric(made, "average_precision"))
            cells += [beside(half, published.get(made.name)), tuned, ranked]
        rows.append(tuple(cells))
    heads = [
        f"{made.name}: {what}"
        for made in sets
        for what in ("F1 at 0.5", "F1, tuned threshold", "average precision")
    ]
    foot = (
        *_foot(sets),
        "XLNet is here the encoder that --encoder names, fine-tuned; without one the lines that need it are empty.",
        "ADASYN makes points, not texts: here they are points of TF-IDF, and logistic regression learns from them.",
        "The last six lines are plain remedies that the paper does not report.",
    )
    return Table("Table 3: F1", ("method", *heads), tuple(rows), 1, foot)


TABLES: dict[str, Callable[[Mapping[str, Comparison], Mapping[str, Task]], Table]] = {
    "1": table_1,
    "2": table_2,
    "3": table_3,
    "4": table_4,
    "5": table_5,
}
