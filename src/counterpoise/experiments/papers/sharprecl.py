"""SharpReCL's experiments (Li et al., WWW 2026) on data that can be had, beside the authors' own script.

    runs = runs_of("main", task, SETS[0], BUDGETS["small"])
    table = TABLES["main"]({"TREC": comparison}, {"TREC": task})

``main``: all methods; ``ablation``: SharpReCL's parts switched off one by one; ``imbalance``: methods on sets thinned
to long tails. The paper's tables could not be had, so none of its numbers stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from counterpoise.data import catalog
from counterpoise.experiments.papers import sharprecl_numbers as theirs
from counterpoise.experiments.papers.base import Budget, Line, Set, Table, percent, row_of, runs_of_line
from counterpoise.experiments.papers.sharprecl_figure import figure_1
from counterpoise.experiments.runs import Run
from counterpoise.experiments.stopping_side import OPTIMISTIC, SELECTION
from counterpoise.experiments.table import Comparison
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS

__all__ = [
    "BUDGETS",
    "DEFAULT_SETS",
    "DEFAULT_TABLE",
    "EXAMPLES",
    "SETS",
    "TABLES",
    "about",
    "figure_1",
    "runs_of",
]

CNN, ENCODER = "textcnn", "encoder"

RATIOS = (10, 50, 100)
SETS = (
    Set("TREC", "trec", None, given=True),
    Set("Ohsumed", "ohsumed_titles", None, given=True),
    Set("R8", "r8", None, given=True, differs="not among the paper's sets"),
    *(
        Set(
            f"{name} {ratio}:1",
            dataset,
            None,
            keep=f"exponential:{ratio}",
            differs="not among the paper's sets",
        )
        for name, dataset in (("Toutiao", "toutiao"), ("AG_News", "ag_news"))
        for ratio in RATIOS
    ),
)
"""The two that the authors have published, and others."""

BUDGETS = {
    "small": Budget(folds=2, seeds=1, settings={"max_epochs": 6}),
    "medium": Budget(folds=5, seeds=5),
    "paper": Budget(folds=5, seeds=5, settings={"max_epochs": 30, "batch_size": 128, "patience": 30}),
}
"""Minutes; hours on two cores; as many epochs, and rows in a batch, as the authors' script has."""

DEFAULT_SETS = {
    "small": ("trec", "toutiao"),
    "medium": ("trec", "ohsumed_titles", "r8", "toutiao", "ag_news"),
    "paper": ("trec", "ohsumed_titles", "r8", "toutiao", "ag_news"),
}
"""Where no data are named; a table leaves out those that it is not about."""

DEFAULT_TABLE = "main"
EXAMPLES: dict[str, Callable[[Set, Task, int], Table]] = {}
METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1", "f1_rarest_third": "F1, rarest third"}


_PLAIN = (
    ("cross-entropy", "erm"),
    ("class weights", "class_weight"),
    ("logit adjustment", "logit_adjustment"),
)
_CONTRASTIVE = (("SupCon", "supcon"), ("BCL", "bcl"), ("KCL", "kcl"), ("SharpReCL", "sharprecl"))
_ON_ENCODERS = (*_PLAIN, _CONTRASTIVE[0], _CONTRASTIVE[3])
# A frozen encoder keeps its weights, so that head and projections learn from its vectors.
_FROZEN, _TRAINED = ({"backbone__frozen": frozen} for frozen in (True, False))
MAIN = (
    *(Line(f"{name}, TextCNN", method, CNN) for name, method in (*_PLAIN, *_CONTRASTIVE)),
    *(Line(f"{name}, frozen encoder", method, ENCODER, _FROZEN) for name, method in _ON_ENCODERS),
    *(Line(f"{name}, trained encoder", method, ENCODER, _TRAINED) for name, method in _ON_ENCODERS),
    Line("frozen encoder + logistic regression", "encoder_lr"),
    Line("TF-IDF + logistic regression", "tfidf_lr"),
)
ABLATION = tuple(
    Line(name, "sharprecl", CNN, {f"method__{switch}": value for switch, value in settings.items()})
    for name, settings in (
        ("SharpReCL, TextCNN", {}),
        ("no log prior in the loss", {"compensation": False}),
        ("no prototypes in the pool", {"prototypes": False}),
        ("no weights by class", {"beta": 0.0}),
        ("no built targets", {"n_positives": 0, "n_negatives": 0}),
        ("no built positives", {"n_positives": 0}),
        ("no built negatives", {"n_negatives": 0}),
        ("built targets simple throughout", {"hard_from": 0.0, "hard_to": 0.0}),
        ("built targets hard throughout", {"hard_from": 1.0, "hard_to": 1.0}),
        ("half of them hard throughout", {"hard_from": 0.5, "hard_to": 0.5}),
        ("hard members unmixed", {"alpha": 0.0}),
        ("no contrastive loss", {"weight": 0.0}),
        ("logits of length 1, as in the script", {"scale": 1.0}),
    )
)
_LINES = {"main": MAIN, "ablation": ABLATION, "imbalance": MAIN}


def about(table: str, made: Set) -> bool:
    """Whether a table has columns for a set: ``imbalance`` for thinned ones, the others for whole ones."""
    return (table == "imbalance") == (made.keep is not None)


def runs_of(
    table: str,
    task: Task,
    made: Set,
    budget: Budget,
    seed: int = 0,
    encoder: str | None = None,
    *,
    selection: str = "validation",
    data_dir: str | None = None,
) -> list[Run]:
    """Runs that a table needs of one set.

    Parameters
    ----------
    table : {"main", "ablation", "imbalance"}
    task : Task
    made : Set
    budget : Budget
    seed : int, default=0
        The first one.
    encoder : str or None, default=None
        Pretrained encoder for the lines that have one, which are not run without.
    selection : {"validation", "test"}, default="validation"
        Where the stopping epoch is chosen; see :data:`counterpoise.experiments.stopping_side.SELECTIONS`.
    data_dir : str or None, default=None
        Where the sets are, and the views that come with some of them.

    Returns
    -------
    list of Run
        None where the table is not :func:`about` the set.
    """
    if not about(table, made):
        return []
    views = _views(made.dataset, data_dir)
    runs: list[Run] = []
    for line in _LINES[table]:
        takes = METHODS[line.method]().get_params()
        if encoder is None and (line.backbone == ENCODER or "encoder" in takes):
            continue
        # Decided as the authors do: by the largest logit, no prior put back.
        settings: dict[str, Any] = {**budget.settings, "threshold": None, "prior_correction": False}
        settings |= {SELECTION: selection}
        settings |= line.settings
        settings |= views if "view" in takes else {}
        settings |= {"method__encoder": encoder} if "encoder" in takes else {}
        if line.backbone == ENCODER:
            settings |= {"backbone__name": encoder}
        seeds = range(seed, seed + budget.seeds) if made.given else (seed,)
        runs += runs_of_line(line, task, made, budget, seeds, settings)
    return runs


def _views(dataset: str, data_dir: str | None) -> dict[str, Any]:
    """The setting by which contrastive methods take the views that come with a set; none where none do."""
    file = catalog.views_file(dataset, data_dir)
    if file is None:
        return {}
    return {"method__view": dataset if data_dir is None else str(file)}


def main(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """All methods on all sets that were run, and what the authors' script gives."""
    sets = [made for made in SETS if made.name in found]
    rows = _rows(MAIN, sets, found)
    for name, scores in theirs.SCRIPT.items():
        cells = [name]
        for made in sets:
            own = scores.get(made.name, {})
            cells += [f"{100 * own[metric]:.1f}" if metric in own else "-" for metric in METRICS]
        if any(cell != "-" for cell in cells[1:]):
            rows.append(tuple(cells))
    foot = (
        *_foot(sets, found),
        *(
            (theirs.ORIGIN,)
            if any(made.name in each for each in theirs.SCRIPT.values() for made in sets)
            else ()
        ),
        "The paper's own tables could not be had; no number of theirs stands here.",
    )
    return Table("SharpReCL and its rivals", _headers(sets), tuple(rows), 1, foot, _warning(found))


def ablation(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """SharpReCL with its parts switched off one by one."""
    sets = [made for made in SETS if made.name in found]
    rows = tuple(_rows(ABLATION, sets, found))
    return Table("SharpReCL, part by part", _headers(sets), rows, 1, _foot(sets, found), _warning(found))


def imbalance(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """All methods by the ratio of the largest to the smallest class."""
    sets = [made for made in SETS if made.name in found]
    rows = tuple(_rows(MAIN, sets, found))
    title = "SharpReCL and its rivals by imbalance"
    return Table(title, _headers(sets), rows, 1, _foot(sets, found), _warning(found))


TABLES: dict[str, Callable[[Mapping[str, Comparison], Mapping[str, Task]], Table]] = {
    "main": main,
    "ablation": ablation,
    "imbalance": imbalance,
}


def _headers(sets: Sequence[Set]) -> tuple[str, ...]:
    return ("method", *(f"{made.name}: {what}" for made in sets for what in METRICS.values()))


def _rows(
    lines: Sequence[Line], sets: Sequence[Set], found: Mapping[str, Comparison]
) -> list[tuple[str, ...]]:
    """Lines of which some run is there."""
    rows = []
    for line in lines:
        own = [row_of(found[made.name], line, (*MAIN, *ABLATION)) for made in sets]
        if any(own):
            rows.append((line.name, *(percent(row, metric) for row in own for metric in METRICS)))
    return rows


def _warning(found: Mapping[str, Comparison]) -> str:
    """What has to be said where the test side has chosen."""
    rows = [row for comparison in found.values() for row in comparison.rows]
    return f"{OPTIMISTIC}." if any(row.settings.get(SELECTION) == "test" for row in rows) else ""


def _foot(sets: Sequence[Set], found: Mapping[str, Comparison]) -> tuple[str, ...]:
    runs = ", ".join(f"{made.name} {len(found[made.name].cells)}" for made in sets)
    return (
        f"In percent, means ± standard deviation over runs (seeds on a given test side, else folds): {runs}.",
        "F1, rarest third: mean F1 of the third of the classes with the fewest rows to learn from.",
        "The class with the largest logit is predicted, and no prior put back, as the authors do. A tenth of the "
        "fitting side is held out in all runs, and decides when to stop unless the test side does.",
        *dict.fromkeys(f"{made.name}: {made.differs}." for made in sets if made.differs),
    )
