"""The lines of MISO's tables and their runs: data, budgets, and which line is as published.

    runs = runs_of("3", task, SETS[0], BUDGETS["small"])

A line of the paper's own method is two here: with our defaults, and ", as published" with ``preset="paper"``, where the
method has that preset. Budgets run the one or the other; ``medium`` has both of ``M-CNN``, on the data where that takes
hours and not days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from counterpoise.errors import SettingsError
from counterpoise.experiments.papers.base import Budget, Line, Set, runs_of_line
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS

CNN, RNN, ENCODER = "textcnn", "textrnn", "encoder"

_AG_NEWS = "7,600 of the texts; the paper's class is not named"
_AGAINST_ONE = (
    f"{_AG_NEWS}; its majority of 30,000 has the size of one class, so this reading stands beside the other"
)

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
        differs="4,293 titles of the same topics; the class is not named in the paper; thinned to its ratio of 1:122; "
        "Chinese stop words, which it leaves out by a list that is not at hand, stay in",
    ),
    Set("IMDB (1%)", "imdb", "pos", keep="1%", whole=True),
    Set("IMDB (5%)", "imdb", "pos", keep="5%", whole=True),
    *(
        Set(f"AG_News ({keep})", "ag_news", "World", keep=keep, differs=f"{_AG_NEWS}; against all others")
        for keep in ("1%", "5%")
    ),
    *(
        Set(
            f"AG_News ({keep}) against Business",
            "ag_news",
            "World",
            keep=keep,
            differs=_AGAINST_ONE,
            against="Business",
        )
        for keep in ("1%", "5%")
    ),
)
"""Of the paper's data; Opin-Rank and Yelp.P cannot be had whole."""


def name_in_paper(made: Set) -> str:
    """What the paper calls a set, of which there may be two readings."""
    return made.name.partition(" against ")[0]


OWN = ("miso", "cag")
"""Methods of the paper itself."""

AS_PUBLISHED = ", as published"
"""Ends the name of a line with ``preset="paper"``."""


def _and_as_published(*lines: Line) -> Iterator[Line]:
    """Each line, and beside those of the paper's methods the same with the preset, if the method has one."""
    for line in lines:
        yield line
        if line.method in OWN and "preset" in METHODS[line.method]().get_params():
            yield Line(f"{line.name}{AS_PUBLISHED}", line.method, line.backbone, {"method__preset": "paper"})


LINES = tuple(
    _and_as_published(
        Line("TextCNN", "erm", CNN),
        Line("TextRNN", "erm", RNN),
        Line("XLNet", "erm", ENCODER),
        Line("ADASYN", "adasyn"),
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
        Line("TF-IDF + logistic regression", "tfidf_lr"),
        Line("frozen encoder + logistic regression", "encoder_lr"),
        Line("blend of the last two", "blend"),
    )
)
"""Of table 3: the paper's, then plain ones that it leaves out."""

_CAG_RNN = tuple(_and_as_published(Line("CAG only, TextRNN", "cag", RNN)))
_EVERY = (*LINES, *_CAG_RNN)
_PUBLISHED = tuple(line.name for line in _EVERY if line.settings)


BUDGETS = {
    "small": Budget(folds=2, seeds=1, settings={"max_epochs": 6}, without=_PUBLISHED),
    "medium": Budget(
        folds=3,
        seeds=1,
        at_most={"imdb": 2000},
        without=tuple(name for name in _PUBLISHED if name != f"M-CNN{AS_PUBLISHED}"),
    ),
    "paper": Budget(
        folds=5,
        seeds=3,
        settings={"max_epochs": 30},
        without=tuple(name.removesuffix(AS_PUBLISHED) for name in _PUBLISHED),
        stop_words=False,
    ),
}
"""Minutes; a night on two cores; everything, with MISO's published settings, all texts without English stop words.

``medium`` takes so many reviews that a dozen of the rarer class stay on a fitting side where one in a hundred is kept.
"""

HOURS = {"sms_spam": 1.3, "toutiao": 2.0, "ag_news": 8.0, "imdb": 10.0}
"""Of one core that a run as published takes at most: 3,200 steps, told from a few of them (of IMDB from the length of
its texts), and those of three folds more where only these give a threshold. A trial for an estimate would take as
long."""

MOST_HOURS = 1.5
"""Of a run as published where it stands beside the one with our defaults."""

_OVER_AN_ENCODER = ("encoder_lr", "blend")

_BY_DIFFICULTY = {"1": ("erm",), "4": ("erm", "miso"), "5": ("erm", "cag")}


def lines_in(table: str) -> tuple[Line, ...]:
    """All lines whose runs a table needs, those of networks that it has no line of its own for included."""
    if table == "3":
        return LINES
    methods = _BY_DIFFICULTY.get(table, ())
    return tuple(line for line in _EVERY if line.method in methods and line.backbone in (CNN, RNN))


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
        Its settings are those of all runs: what a method lacks is refused, not dropped.
    seed : int, default=0
        The first one.
    encoder : str or None, default=None
        Pretrained encoder for the lines of table 3 that have one, which are not run without.
    lines : collection of str or None, default=None
        Names of the lines that are wanted, of those of :func:`lines_of`; None wants all.

    Raises
    ------
    SettingsError
        For settings of the budget that the method of a line lacks, and where the budget has none of the lines.
    """
    wanted = [line for line in lines_in(table) if lines is None or line.name in lines]
    there = [line for line in wanted if line.name not in budget.without]
    if wanted and not there:
        raise SettingsError(
            f"this budget does not run {'; '.join(line.name for line in wanted)}; give --lines that it runs, or "
            "another --budget"
        )
    runs: list[Run] = []
    for line in there:
        if _has_the_time(line, made, budget) and (encoder is not None or not _needs_encoder(line)):
            runs += runs_of_line(
                line,
                task,
                made,
                budget,
                range(seed, seed + budget.seeds),
                {**budget.settings, **line.settings, **_encoder_of(line, encoder)},
            )
    return runs


def seconds_of(run: Run) -> float | None:
    """What a run takes where a trial would take as long: of those as published; None for all others."""
    published = run.method in OWN and run.method_settings.get("preset") == "paper"
    hours = HOURS.get(run.dataset.partition(",")[0]) if published else None
    return None if hours is None else 3600 * hours


def _has_the_time(line: Line, made: Set, budget: Budget) -> bool:
    """Whether a line is run on a set: one as published beside its twin only where that is a matter of hours."""
    beside = line.settings and line.name.removesuffix(AS_PUBLISHED) not in budget.without
    return not beside or HOURS.get(made.dataset, 0.0) <= MOST_HOURS


def _needs_encoder(line: Line) -> bool:
    return line.backbone == ENCODER or line.method in _OVER_AN_ENCODER


def _encoder_of(line: Line, encoder: str | None) -> dict[str, Any]:
    """Settings by which a line has the encoder that was named."""
    if line.method in _OVER_AN_ENCODER:
        return {"method__encoder": encoder}
    return {"backbone__name": encoder, "backbone__frozen": False} if line.backbone == ENCODER else {}
