"""What the rows say of the claims of MISO's paper: a line each, and one word.

    python benchmarks/miso_claims.py

reads benchmarks/results/miso_grid.csv (six tasks, TextCNN and TextRNN) and design_*.csv (``miso_design.py``, TextCNN).
MISO stands here with our defaults and, where there are rows of that, with its published settings; a claim of which
there is no row at all has a line of its own, and is open. F1 is at a threshold of one half and at the thinned
prevalence, which is that of the paper's data.

**The best rival** is, as in the paper, the best one of each task by the very rows that it is judged by, and so a
little lucky: a method without pretrained parts that is not the paper's own, of those that were run. The best of the
paper's own rivals is known only where all of them were run.

Differences are paired by seed and fold, intervals those of ``claims.py``: about these very tasks. **Confirmed**: the
95% interval lies above what is claimed. **Refuted**: it lies below that. **Open**: neither, or nothing has been run.
That something does not fall is refuted where the interval ends below 0, and confirmed where it begins above -.01. Of
MISO being best on every set each task is a test of its own. Intervals are not corrected for the number of lines.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import machine
import paired
from claims import NOTHING, Claim, Scores, differences, judged
from counterpoise.experiments.paired_tests import corrected_t_test
from counterpoise.experiments.papers.miso_lines import AS_PUBLISHED, OWN
from design_lines import COMMON, EDITOR, MISO, RANKED
from gathered import Row, numbers_of, read_rows, row_settings
from markdown import table_of

THEIRS = ("erm", "adasyn", "mixtext", "focal", "dice", "crt", "tau_norm")
"""The paper's rivals, but for those over a pretrained encoder."""

FAMILY = (*OWN, "miso_edit")
OTHERS = tuple(
    dict.fromkeys(line.method for line in RANKED if line.league == "closed" and line.method not in FAMILY)
)
"""Whatever else has no pretrained part."""

BEST, BEST_OF_THEIRS = "the best rival", "the best of the paper's rivals"
TRAINED = ", trained encoder"

SPARSE = 0.0101
"""Share of the class on the fitting side at most, where data are sparse: that of the paper's sets with 1% kept."""

GRID, DESIGN = "miso_grid.csv", "design_*.csv"
PLACES = ((GRID, "textcnn"), (GRID, "textrnn"), (DESIGN, "textcnn"))
"""Where rows are, and of which network."""

Cells = dict[tuple[int, int], float]


@dataclass(frozen=True)
class PaperClaim(Claim):
    """A claim of the paper; see :class:`claims.Claim`, whose ``grid`` is filled in for each place.

    Attributes
    ----------
    by : float, default=0.0
        How much is claimed at least.
    falls_not : bool, default=False
        Whether what is claimed is that the metric does not fall.
    every : bool, default=False
        Whether it is claimed of each task by itself.
    sparse : bool, default=False
        Whether it is about sparse data alone.
    """

    by: float = 0.0
    falls_not: bool = False
    every: bool = False
    sparse: bool = False


F1, RANKING, DIFFICULT = "f1", "average_precision", "difficult_share_after"
THINNED = (F1, "f1_difficult", "f1_easy")
"""Metrics that are read at the thinned prevalence where there is one."""


def _claim(words: str, one: str, other: str, metric: str, **more: Any) -> PaperClaim:
    return PaperClaim(words, "", one, other, metric, **more)


CLAIMS = (
    _claim("MISO is best on every set", "miso", BEST, F1, every=True),
    _claim("MISO beats the best rival on average", "miso", BEST, F1),
    _claim("MISO beats the best rival on average", "miso", BEST, RANKING),
    _claim("by 2.7 points of F1", "miso", BEST, F1, by=0.027),
    _claim("by 2.7 points, its own rivals alone", "miso", BEST_OF_THEIRS, F1, by=0.027),
    _claim("by 3.5 points where data are sparse", "miso", BEST, F1, by=0.035, sparse=True),
    _claim("fewer rare samples are difficult", "miso", "erm", DIFFICULT, less=True),
    _claim("13.7 points fewer", "miso", "erm", DIFFICULT, less=True, by=0.137),
    _claim(
        "and no more of the others, which it does not say",
        "miso",
        "erm",
        "majority_difficult_share_after",
        less=True,
        falls_not=True,
    ),
    _claim("F1 does not fall on difficult samples", "miso", "erm", "f1_difficult", falls_not=True),
    _claim("nor on the others", "miso", "erm", "f1_easy", falls_not=True),
    _claim("CAG alone is behind the best rival", BEST, "cag", F1),
    _claim("by 1.1 points", BEST, "cag", F1, by=0.011),
    _claim("SFM and mutual information add to CAG", "miso", "cag", F1),
    _claim("SFM and mutual information add to CAG", "miso", "cag", RANKING),
    _claim("by 3.8 points of F1", "miso", "cag", F1, by=0.038),
    _claim("CAG alone hurts the samples that are not difficult", "erm", "cag", "f1_easy"),
    _claim("MISO beats a plain XLNet, here a trained encoder", "miso", f"erm{TRAINED}", F1),
)

UNMEASURED = (
    ("CAG alone repeats tokens", "no row counts them"),
    ("ADASYN and MixText distort the distribution of texts", "no row measures it"),
)
"""What no row tells of, and why."""


def contestant(row: Row) -> str:
    """What a row is of: a method as it is, MISO's as it is or as published, a trained encoder; empty for all else."""
    given = {**json.loads(row["estimator"]), **row_settings(row)}
    own = _without_format(given)
    settings = {name: value for name, value in own.items() if (name, value) not in COMMON.items()}
    as_they_are = (
        {},
        *(_without_format(line.settings) for line in (MISO, EDITOR) if line.method == row["method"]),
    )
    if row["backbone"] == "encoder":
        trained = {*settings} <= {"backbone__name", "backbone__frozen", "max_epochs"}
        return f"{row['method']}{TRAINED}" if trained and settings.get("backbone__frozen") is False else ""
    if settings in as_they_are:
        return row["method"]
    published = row["method"] in OWN and settings.get("method__preset") == "paper"
    return f"{row['method']}{AS_PUBLISHED}" if published else ""


def _without_format(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings but for the decoders' number format, which makes no other contestant of one."""
    return {name: value for name, value in settings.items() if name != "method__precision"}


def scores_of(rows: Iterable[Row], network: str) -> dict[str, Scores]:
    """Scores of finished rows of a network and of methods without one, of all tasks and of the sparse ones."""
    values: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    n_folds, shares = {}, {}
    for row in rows:
        name = contestant(row)
        if row["status"] != "done" or not name or row["backbone"] not in (network, "encoder", ""):
            continue
        task, cell = (
            (f"{row['dataset']} {row['minority']}", row["keep"]),
            (int(row["seed"]), int(row["fold"])),
        )
        n_folds[task] = int(row["n_folds"])
        shares[task] = float(row.get("prevalence_thinned") or row.get("prevalence") or "nan")
        own = values[task][name]
        at_share = {name: row.get(f"{name}_thinned") or row.get(name) for name in THINNED}
        for metric, value in numbers_of({**row, **at_share}).items():
            own[metric][cell] = value
    for by in values.values():
        for best, among in ((BEST, [*THEIRS, *OTHERS]), (BEST_OF_THEIRS, [*THEIRS])):
            if best == BEST or set(THEIRS) <= set(by):
                by[best] = {metric: _best(by, among, metric) for metric in (F1, RANKING)}
    sparse = {task: by for task, by in values.items() if shares[task] <= SPARSE}
    return {"": Scores(values, n_folds, ""), "sparse": Scores(sparse, n_folds, "")}


def _best(by: Mapping[str, Mapping[str, Cells]], among: Sequence[str], metric: str) -> Cells:
    """Values of whoever has the best mean; who lacks cells that another one has takes no part."""
    found = [by[name].get(metric, {}) for name in dict.fromkeys(among) if name in by]
    most = max(map(len, found), default=0)
    return max((own for own in found if own and len(own) == most), key=_mean, default={})


def _mean(cells: Cells) -> float:
    return float(np.mean(list(cells.values())))


def verdict(claim: PaperClaim, found: Mapping[str, Any] | None) -> str:
    """``confirmed``, ``refuted`` or ``open``, by the rules that stand above."""
    if found is None or found["low"] is None:
        return "open"
    if claim.falls_not:
        return "refuted" if found["high"] < 0 else "confirmed" if found["low"] > -NOTHING else "open"
    return "confirmed" if found["low"] > claim.by else "refuted" if found["high"] < claim.by else "open"


def of_each(claim: PaperClaim, scores: Scores) -> str:
    """The word on a claim about each task: confirmed of all of them, or refuted of one."""
    tests = [
        corrected_t_test(gaps, 1 / (scores.n_folds[task] - 1))
        for task, gaps in differences(claim, scores).items()
    ]
    words = [verdict(claim, {"low": test.low, "high": test.high}) for test in tests]
    return "refuted" if "refuted" in words else "confirmed" if set(words) == {"confirmed"} else "open"


def _lines(claim: PaperClaim, places: Mapping[tuple[str, str], Mapping[str, Scores]]) -> Iterator[list[str]]:
    """Lines of the places that have rows of a claim; one without numbers if none has."""
    pair = [f"`{claim.one}`", f"`{claim.other}`"]
    against = " - ".join(reversed(pair) if claim.less else pair)
    there = False
    for (file, network), scores_by in places.items():
        scores = scores_by["sparse" if claim.sparse else ""]
        found, over = judged(claim, scores)
        if found is None:
            continue
        there = True
        means = [float(np.mean(gaps)) for gaps in differences(claim, scores).values()]
        word = of_each(claim, scores) if claim.every else verdict(claim, found)
        each = ", ".join(f"{mean:+.3f}" for mean in means) if len(means) > 1 else "-"
        yield [
            claim.words,
            f"{file}, {network}",
            against,
            claim.metric,
            over,
            each,
            paired.in_words(found),
            f"**{word}**",
        ]
    if not there:
        yield [claim.words, "-", against, claim.metric, "-", "-", "not run", "**open**"]


def _as_published(claim: PaperClaim) -> PaperClaim:
    """The same claim about the published settings."""
    own = {name: f"{name}{AS_PUBLISHED}" for name in OWN}
    return replace(claim, one=own.get(claim.one, claim.one), other=own.get(claim.other, claim.other))


def miso_claims(grid: Path) -> str:
    """The claims about our defaults, then those about the published settings, then what no row tells of.

    Parameters
    ----------
    grid : Path
        ``miso_grid.csv``; the rows of the design lie beside it.
    """
    by_file = {
        GRID: read_rows(grid),
        DESIGN: [row for path in sorted(grid.parent.glob(DESIGN)) for row in read_rows(path)],
    }
    places = {(file, network): scores_of(by_file[file], network) for file, network in PLACES}
    lines = [line for claim in CLAIMS for line in _lines(claim, places)]
    if any(AS_PUBLISHED in name for own in places.values() for by in own[""].values.values() for name in by):
        lines += [line for claim in CLAIMS for line in _lines(_as_published(claim), places)]
    else:
        lines.append(
            ["all of this, of the published settings", "-", "-", "-", "-", "-", "not run", "**open**"]
        )
    lines += [[words, "-", "-", "-", "-", "-", why, "**open**"] for words, why in UNMEASURED]
    head = ["claim", "on", "difference", "metric", "over", "of each task", "mean [95% interval]", "verdict"]
    counts = "; ".join(
        f"{file}: {sum(row['status'] == 'done' for row in rows):,} runs"
        for file, rows in by_file.items()
        if rows
    )
    return f"{table_of(head, lines)}\n\nRows: {counts or 'none'}; settings, versions and keys stand in the files."


def main() -> None:
    print(miso_claims(machine.RESULTS / GRID))


if __name__ == "__main__":
    main()
