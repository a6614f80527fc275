"""SharpReCL's experiments (Li et al., WWW 2026) on data that can be had, beside the authors' own script.

    runs = runs_of("main", task, SETS[0], BUDGETS["small"])
    table = TABLES["main"]({"TREC": comparison}, {"TREC": task})

``main``: all methods; ``ablation``: SharpReCL's parts switched off one by one; ``imbalance``: methods on sets thinned
to long tails. The paper's tables could not be had, so none of its numbers stand here. Where runs of both protocols are
there, the one that chooses its epoch on the test side stands beside the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from counterpoise.experiments import stopping_side
from counterpoise.experiments.papers import sharprecl_numbers as theirs
from counterpoise.experiments.papers.base import Line, Set, Table, percent, row_of, spread_of
from counterpoise.experiments.papers.held_out import held_out
from counterpoise.experiments.papers.sharprecl_figure import figure_1
from counterpoise.experiments.papers.sharprecl_lines import (
    ABLATION,
    AS_SCRIPT,
    ASKED,
    BUDGETS,
    IMBALANCE,
    MAIN,
    PUT_BACK,
    SETS,
    about,
    lacking,
    lines_of,
    runs_of,
)
from counterpoise.experiments.stopping_side import LEAST, OPTIMISTIC, SELECTION
from counterpoise.experiments.table import Comparison, Metric, Row
from counterpoise.experiments.task import Task
from counterpoise.metrics.many_classes import PRIOR_CORRECTED

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
    "lacking",
    "lines_of",
    "runs_of",
]

DEFAULT_SETS = {
    "small": ("trec", "toutiao"),
    "medium": ("trec", "ohsumed_titles", "r8", "toutiao", "ag_news"),
    "paper": ("trec", "ohsumed_titles", "r8", "toutiao", "ag_news"),
}
"""Where no data are named; a table leaves out those that it is not about."""

SELECTIONS = (*stopping_side.SELECTIONS, "both")
TAKES = frozenset({"llm", "data_dir"})
DEFAULT_TABLE = "main"
EXAMPLES: dict[str, Callable[[Set, Task, int], Table]] = {}
METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1", "f1_rarest_third": "F1, rarest third"}

Found = Mapping[str, Comparison]


def main(found: Found, tasks: Mapping[str, Task]) -> Table:
    """All methods on all sets that were run, and what the authors' script gives."""
    made = _table("SharpReCL and its rivals", MAIN, found, tasks)
    sets = [each for each in _sets(found) if any(each.name in own for own in theirs.SCRIPT.values())]
    if not sets:
        return replace(made, foot=(*made.foot, _NO_NUMBERS))
    shown = {name: own for name, own in theirs.SCRIPT.items() if any(each.name in own for each in sets)}
    both, hopeful = len(_selections(found)) > 1, [name for name in shown if theirs.ON_TEST in name]
    rows = []
    for name, scores in shown.items():
        cells = [name]
        for each in _sets(found):
            for metric in METRICS:
                value = scores.get(each.name, {}).get(metric)
                said = "-" if value is None else f"{100 * value:.1f}"
                # Beside the runs that were chosen as it was.
                pair = ("-", said) if name in hopeful else (said, "-")
                cells += [*pair, "-"] if both else [said]
        rows.append(tuple(cells))
    warned = [*([made.warning] if made.warning else []), *([_THEIRS_HOPEFUL] if hopeful else [])]
    foot = (*made.foot, theirs.ORIGIN, *_other_encoders(found), _NO_NUMBERS)
    return replace(made, rows=(*made.rows, *rows), foot=foot, warning=" ".join(warned))


def ablation(found: Found, tasks: Mapping[str, Task]) -> Table:
    """SharpReCL with its parts switched off one by one."""
    return _table("SharpReCL, part by part", ABLATION, found, tasks)


def imbalance(found: Found, tasks: Mapping[str, Task]) -> Table:
    """All methods by the ratio of the largest to the smallest class."""
    return _table("SharpReCL and its rivals by imbalance", IMBALANCE, found, tasks)


TABLES: dict[str, Callable[[Found, Mapping[str, Task]], Table]] = {
    "main": main,
    "ablation": ablation,
    "imbalance": imbalance,
}

_NO_NUMBERS = "The paper's own tables could not be had; no number of theirs stands here."
_THEIRS_HOPEFUL = (
    "OPTIMISTIC: lines of the authors' script that say so have the epoch that the test rows chose."
)
_DECISIONS = (
    "The class with the largest logit is predicted, as the authors do. Where a method takes the classes' shares out of "
    f"the logits, a second line, '{PUT_BACK.removeprefix(', ')}', is the same networks with these shares put back, "
    "which is what prior_correction does and this library's default."
)
_FOLDS = (
    "Thinned sets have folds: each thins the classes anew, starts from another seed and is tested on other rows, so "
    "that folds differ in all that seeds would change."
)
_TWO_LINES = (
    "Frozen encoder and trained encoder are two lines: in the one head and projections learn from vectors that stay as "
    "they are, in the other all of the encoder learns; none is frozen first and trained afterwards."
)
_LIKE_THE_SCRIPT = (
    f"{AS_SCRIPT.name}: first token, logits of length 1, no built targets, batches of 128, weight decay 4e-5, constant "
    "rate of 5e-5 for the encoder, 30 epochs (fewer where the budget has fewer), one run. What cannot be set here: the "
    "script has that rate for head and projections too (here 20 times it), no dropout in the encoder, batch norm for "
    "prototypes and frozen statistics from epoch 2 on, the weight of its class 0 for all anchors, and the epoch chosen "
    "by accuracy (here by average precision)."
)


def _table(title: str, lines: Sequence[Line], found: Found, tasks: Mapping[str, Task]) -> Table:
    """Lines of which some run is there, one column a metric and set, or three where both protocols are there."""
    sets, selections = _sets(found), _selections(found)
    both = len(selections) > 1
    parts = {name: {made.name: _chosen_on(found[made.name], name) for made in sets} for name in selections}
    headers, hopeful = ["method"], []
    for made in sets:
        for what in METRICS.values():
            headers.append(f"{made.name}: {what}")
            if both:
                hopeful.append(len(headers))
                headers += [f"{made.name}: {what}, chosen on the test", f"{made.name}: {what}: difference"]
            elif "test" in selections:
                hopeful.append(len(headers) - 1)
    rows, there = [], []
    for line in lines:
        own = {
            name: [row_of(part[made.name], line, (*MAIN, *ABLATION)) for made in sets]
            for name, part in parts.items()
        }
        if not any(row for each in own.values() for row in each):
            continue
        there.append(line)
        for name, ending in _decisions(line, [row for each in own.values() for row in each if row]):
            cells = [name]
            for found_in in zip(*own.values(), strict=True):
                for metric in (f"{metric}{ending}" for metric in METRICS):
                    cells += [percent(row, metric) for row in found_in]
                    cells += [_gain(found_in[0], found_in[1], metric)] if both else []
            rows.append(tuple(cells))
    foot = _foot(sets, found, tasks, there, both)
    warning = f"{OPTIMISTIC}{' in the red columns' if both else ''}." if "test" in selections else ""
    return Table(title, tuple(headers), tuple(rows), 1, foot, warning, tuple(hopeful))


def _decisions(line: Line, own: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """A line as the authors decide, and where it changes a score the same with the prior put back; ends of metrics."""
    yield line.name, ""
    pairs = [
        (row.metrics[metric], row.metrics.get(f"{metric}{PRIOR_CORRECTED}"))
        for row in own
        for metric in METRICS
    ]
    if any(other is not None and other.folds != metric.folds for metric, other in pairs):
        yield f"{line.name}{PUT_BACK}", PRIOR_CORRECTED


def _sets(found: Found) -> list[Set]:
    return [made for made in SETS if made.name in found]


def _selections(found: Found) -> list[str]:
    """Protocols of which there are runs, the honest one first."""
    rows = [row for comparison in found.values() for row in comparison.rows]
    there = {row.settings.get(SELECTION) for row in rows}
    return [name for name in ("validation", "test") if name in there]


def _chosen_on(comparison: Comparison, selection: str) -> Comparison:
    """The rows of one protocol."""
    rows = tuple(row for row in comparison.rows if row.settings.get(SELECTION) == selection)
    return replace(comparison, rows=rows)


def _gain(honest: Row | None, hopeful: Row | None, metric: str) -> str:
    """Points by which the second is better, run by run."""
    if honest is None or hopeful is None:
        return "-"
    pairs = zip(honest.metrics[metric].folds, hopeful.metrics[metric].folds, strict=True)
    gains = Metric.of([None if None in (a, b) else b - a for a, b in pairs])  # type: ignore[operator]
    if gains.mean is None:
        return "-"
    return f"{100 * gains.mean:+.1f}{spread_of(gains)}"


def _other_encoders(found: Found) -> tuple[str, ...]:
    """Whether our lines have the encoder that the authors' script was run with."""
    rows = [row for comparison in found.values() for row in comparison.rows]
    names = [str(row.settings["backbone__name"]) for row in rows if "backbone__name" in row.settings]
    ours = sorted({Path(name).name for name in names})
    if ours == [theirs.ENCODER]:
        return ()
    said = f"ours has {', '.join(ours)}" if ours else "no line of ours above has an encoder"
    return (f"The authors' script was run with the encoder {theirs.ENCODER}; {said}, so compare with care.",)


def _foot(
    sets: Sequence[Set], found: Found, tasks: Mapping[str, Task], lines: Sequence[Line], both: bool
) -> tuple[str, ...]:
    runs = ", ".join(f"{made.name} {len(found[made.name].cells)}" for made in sets)
    notes = {
        f"In percent, means ± standard deviation over runs (seeds on a given test side, else folds): {runs}.": True,
        "F1, rarest third: mean F1 of the third of the classes with the fewest rows to learn from.": True,
        _DECISIONS: True,
        "A tenth of the fitting side is held out, by each run anew, and decides when to stop unless the test side "
        f"does. Where fewer than {LEAST} of its rows would be of the rarest third of the classes, nothing is held out "
        "and, unless the test side decides, all epochs are trained.": True,
        f"Held-out rows of the rarest third, in the first run: {_held_out(sets, found, tasks)}.": True,
        "Differences are chosen on the test minus chosen on a validation side, run by run.": both,
        _FOLDS: any(made.keep for made in sets),
        _TWO_LINES: any("backbone__frozen" in line.settings for line in lines),
        _fine_tuned(found): bool(_fine_tuned(found)),
        _LIKE_THE_SCRIPT: AS_SCRIPT in lines,
        "The language model's line is one seed's, since it answers alike whatever the seed.": ASKED in lines,
    }
    differ = (f"{made.name}: {made.differs}." for made in sets if made.differs)
    return (*(note for note, wanted in notes.items() if wanted), *dict.fromkeys(differ))


def _fine_tuned(found: Found) -> str:
    """How long trained encoders were trained, and what they read, where the budget has settings of their own."""
    for row in (row for comparison in found.values() for row in comparison.rows):
        epochs, tokens = (row.settings.get(name) for name in ("max_epochs", "backbone__max_length"))
        # The line as the script has other settings, and says so itself.
        if (
            tokens
            and row.settings.get("backbone__frozen") is False
            and "backbone__pooling" not in row.settings
        ):
            return (
                f"Trained encoders have {epochs} epochs, as fine-tuning commonly takes, and read the first {tokens} "
                "tokens of a text; the other lines train for as long as the budget gives and read whole texts."
            )
    return ""


def _held_out(sets: Sequence[Set], found: Found, tasks: Mapping[str, Task]) -> str:
    said = []
    for made in sets:
        counts = held_out(found[made.name], tasks[made.name])
        rows = ", ".join(f"{name} {count}" for name, count in counts.items()) if counts else "none"
        said.append(f"{made.name}: {rows}")
    return "; ".join(said)
