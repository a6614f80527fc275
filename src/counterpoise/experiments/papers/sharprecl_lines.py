"""What SharpReCL's tables compare: sets, budgets, methods, and the runs that they need.

    runs = runs_of("main", task, SETS[0], BUDGETS["small"])

Lines whose pretrained encoder is trained have settings of their own in a budget, since each of their epochs costs as
much as the whole training of a small network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from counterpoise.data import catalog
from counterpoise.experiments.papers.base import Budget, Line, Set, runs_of_line
from counterpoise.experiments.runs import Run
from counterpoise.experiments.stopping_side import SELECTION
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS

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

PUBLISHED = ("TREC", "Ohsumed")
"""Sets that the authors' script can be run on."""

_FINE_TUNED: dict[str, Any] = {"max_epochs": 3, "backbone__max_length": 64}
BUDGETS = {
    "small": Budget(folds=2, seeds=1, settings={"max_epochs": 6}, fine_tuned=_FINE_TUNED),
    "medium": Budget(folds=5, seeds=5, fine_tuned=_FINE_TUNED),
    "paper": Budget(
        folds=5, seeds=5, fold_seeds=5, settings={"max_epochs": 30, "batch_size": 128, "patience": 30}
    ),
}
"""Minutes; hours on two cores; as many epochs, and rows in a batch, as the authors' script has. But for the last a
trained encoder has three epochs, as fine-tuning commonly takes, and reads the first 64 tokens of a text, without which
R8 would take days."""

_PLAIN = (
    ("cross-entropy", "erm"),
    ("class weights", "class_weight"),
    ("logit adjustment", "logit_adjustment"),
)
_CONTRASTIVE = (("SupCon", "supcon"), ("BCL", "bcl"), ("KCL", "kcl"), ("SharpReCL", "sharprecl"))
_ON_ENCODERS = (*_PLAIN, _CONTRASTIVE[0], _CONTRASTIVE[3])
# A frozen encoder keeps its weights, so that head and projections learn from its vectors.
_FROZEN, _TRAINED = ({"backbone__frozen": frozen} for frozen in (True, False))

AS_SCRIPT = Line(
    "SharpReCL, as the script",
    "sharprecl",
    ENCODER,
    {
        **_TRAINED,
        "backbone__pooling": "first",
        "method__n_positives": 0,
        "method__n_negatives": 0,
        "method__scale": 1.0,
    },
)
_OF_THE_SCRIPT: dict[str, Any] = {
    "batch_size": 128,
    "learning_rate": 5e-5,
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 4e-5,
    "max_epochs": 30,
    "patience": 30,
    "backbone__max_length": 256,
}
ASKED = Line("language model asked, nothing trained", "llm_zero_shot")
MAIN = (
    *(Line(f"{name}, TextCNN", method, CNN) for name, method in (*_PLAIN, *_CONTRASTIVE)),
    *(Line(f"{name}, frozen encoder", method, ENCODER, _FROZEN) for name, method in _ON_ENCODERS),
    *(Line(f"{name}, trained encoder", method, ENCODER, _TRAINED) for name, method in _ON_ENCODERS),
    AS_SCRIPT,
    Line("frozen encoder + logistic regression", "encoder_lr"),
    Line("TF-IDF + logistic regression", "tfidf_lr"),
    ASKED,
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
        ("prototypes by class mean", {"prototypes": "mean"}),
        ("with 16 past features of each class", {"queue": 16}),
        ("temperature 0.1", {"temperature": 0.1}),
        ("temperature 1", {"temperature": 1.0}),
    )
)
PUT_BACK = ", prior put back"
"""Ends the name of a line that is decided with the classes' shares put back into the logits."""

IMBALANCE = tuple(line for line in MAIN if line is not AS_SCRIPT)
LINES = {"main": MAIN, "ablation": ABLATION, "imbalance": IMBALANCE}
"""By table."""


def about(table: str, made: Set) -> bool:
    """Whether a table has columns for a set: ``imbalance`` for thinned ones, the others for whole ones."""
    return (table == "imbalance") == (made.keep is not None)


def lines_of(table: str) -> tuple[str, ...]:
    """Names of a table's lines."""
    return tuple(line.name for line in LINES[table])


def lacking(
    table: str, lines: Collection[str] | None = None, encoder: str | None = None, llm: str | None = None
) -> tuple[str, ...]:
    """What a reader has to know of lines that are not run because no model was named for them."""
    wanted = [line for line in LINES[table] if lines is None or line.name in lines]
    over_encoder, said = sum(_over_encoder(line) for line in wanted), []
    if encoder is None and over_encoder:
        count, them = ("1 line", "it") if over_encoder == 1 else (f"{over_encoder} lines", "them")
        said.append(f"No encoder named: {count} not run; --encoder NAME|FOLDER runs {them}.")
    if llm is None and ASKED in wanted:
        said.append(f"No language model named: {ASKED.name!r} not run; --llm NAME|FOLDER runs it.")
    return tuple(said)


def runs_of(
    table: str,
    task: Task,
    made: Set,
    budget: Budget,
    seed: int = 0,
    encoder: str | None = None,
    *,
    lines: Collection[str] | None = None,
    llm: str | None = None,
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
    lines : collection of str or None, default=None
        Names of the lines that are wanted, of those of :func:`lines_of`; None wants all.
    llm : str or None, default=None
        Language model on this machine for the line that asks one, which is not run without.
    selection : {"validation", "test"}, default="validation"
        Where the stopping epoch is chosen; see :mod:`counterpoise.experiments.stopping_side`.
    data_dir : str or None, default=None
        Where the sets are, and the views that come with some of them.

    Returns
    -------
    list of Run
        Empty where the table is not :func:`about` the set.
    """
    if not about(table, made):
        return []
    views = _views(made.dataset, data_dir)
    runs: list[Run] = []
    for line in _run_lines(table, made, lines, encoder, llm):
        takes = METHODS[line.method]().get_params()
        settings = settings_of(line, budget, selection)
        settings |= views if "view" in takes else {}
        settings |= {"method__encoder": encoder} if "encoder" in takes else {}
        settings |= {"method__model": llm} if line is ASKED else {}
        if line.backbone == ENCODER:
            settings |= {"backbone__name": encoder}
        n_seeds = budget.seeds if made.given else budget.fold_seeds
        # The script has one run; and a language model answers alike whatever the seed.
        n_seeds = 1 if line in (AS_SCRIPT, ASKED) else n_seeds
        runs += runs_of_line(line, task, made, budget, range(seed, seed + n_seeds), settings)
    return runs


def settings_of(line: Line, budget: Budget, selection: str = "validation") -> dict[str, Any]:
    """Settings of a line's runs, but for those that name data or a model of someone else's."""
    # Decided as the authors do: by the largest logit. Scores with the prior put back stand beside those in each row.
    settings: dict[str, Any] = {**budget.settings, "threshold": None, "prior_correction": False}
    settings |= {SELECTION: selection}
    if line.settings.get("backbone__frozen") is False:
        settings |= budget.fine_tuned
    if line is AS_SCRIPT:
        most = _OF_THE_SCRIPT["max_epochs"]
        settings |= _OF_THE_SCRIPT | {"max_epochs": min(most, budget.settings.get("max_epochs", most))}
    return settings | line.settings


def _run_lines(
    table: str, made: Set, lines: Collection[str] | None, encoder: str | None, llm: str | None
) -> Iterator[Line]:
    for line in LINES[table]:
        wanted = lines is None or line.name in lines
        ready = (encoder is not None or not _over_encoder(line)) and (llm is not None or line is not ASKED)
        if wanted and ready and (line is not AS_SCRIPT or made.name in PUBLISHED):
            yield line


def _over_encoder(line: Line) -> bool:
    return line.backbone == ENCODER or "encoder" in METHODS[line.method]().get_params()


def _views(dataset: str, data_dir: str | None) -> dict[str, Any]:
    """The setting by which contrastive methods take the views that come with a set; none where none do."""
    file = catalog.views_file(dataset, data_dir)
    if file is None:
        return {}
    return {"method__view": dataset if data_dir is None else str(file)}
