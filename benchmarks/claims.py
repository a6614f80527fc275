"""What the rows say of the claims about mixing and deep over-sampling: a line each, and one word.

    python benchmarks/claims.py

reads benchmarks/results/mixing_*.csv (benchmarks/mixing_evidence.py). Differences are paired: of the same seed on a
test side that is given, whose interval is over the seeds; else of the same seed and fold, with the interval of the
corrected resampled t-test. The interval of a mean over several tasks is about these tasks and no others: the variances
of their means add up, and how much tasks differ among themselves does not widen it.

**Confirmed**: the 95% interval lies on the claimed side of 0. **Refuted**: it lies on the other side. **Open**: it does
neither, or nothing has been run. That something does not help is confirmed where the interval ends below +.01, and
refuted where it begins above 0. Intervals are not corrected for the number of lines.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

import machine
import paired
from counterpoise.experiments.paired_tests import CorrectedTTest, corrected_t_test
from counterpoise.experiments.papers.dos import SETS
from gathered import numbers_of, read_rows
from markdown import table_of
from mixing_lines import name_of

NOTHING = 0.01
"""A gain that is none, where a claim is that there is none."""

Cells = dict[tuple[int, int], float]
"""By seed and fold."""


@dataclass(frozen=True)
class Claim:
    """Something said, and the difference that decides it.

    Attributes
    ----------
    words : str
    grid : str
        Of :data:`mixing_evidence.GRIDS`.
    one, other : str
        Contestants, whose difference is above 0 where the claim holds; ``other`` is empty where one alone decides.
    metric : str
        ``"unevenness"`` is the share of the common classes' margin that the rare ones lack, which no scale of the
        logits changes: 0 where margins are even, above 1 where those of the rare classes are below 0; runs whose common
        classes have no margin have none. ``"fitted_unevenness"`` is that of the rows fitted to. ``"relative_spread"``
        is how wide rare classes lie by how wide the others do, in which the distance between classes has no part.
    keep : str, default=""
        Only rows thinned so.
    dataset : str, default=""
        Only rows of it.
    less : bool, default=False
        Whether less of the metric is claimed; the difference is turned round, and shown as ``other`` - ``one``.
    none : bool, default=False
        Whether what is claimed is that there is no gain.
    """

    words: str
    grid: str
    one: str
    other: str
    metric: str
    keep: str = ""
    dataset: str = ""
    less: bool = False
    none: bool = False


_WHERE_MARGINS_ARE = (
    ("arrays", ""),
    ("texts", ""),
    *(("images", f"exponential:{ratio}") for ratio in (50, 100, 200)),
)


def _everywhere(words: str, one: str, other: str, *metrics: str, **more: Any) -> list[Claim]:
    return [Claim(words, grid, one, other, each, **more) for grid in ("arrays", "texts") for each in metrics]


RANKING, DECISION = "average_precision_rare", "f1_rare"

BY_RULE = ("mixup", "remix", "mamix")

TAIL = "exponential:100"

MIXING: list[Claim] = [
    *_everywhere("hard SMOTE does not help", "hard_smote", "erm", DECISION, RANKING, none=True),
    Claim("hard SMOTE does not help", "images", "hard_smote", "erm", "accuracy", TAIL, none=True),
    *_everywhere("soft SMOTE helps", "soft_smote", "erm", DECISION, RANKING),
    Claim("soft SMOTE helps", "images", "soft_smote", "erm", "accuracy", TAIL),
    *(
        claim
        for words, one, other in (
            ("soft labels mend SMOTE", "soft_smote", "hard_smote"),
            ("hard SMOTE beats repeating rows", "hard_smote", "random_oversample"),
            ("soft SMOTE beats repeating rows", "soft_smote", "random_oversample"),
        )
        for claim in (
            *_everywhere(words, one, other, DECISION, RANKING),
            Claim(words, "images", one, other, "accuracy", TAIL),
        )
    ),
    *_everywhere("Mixup's margins are uneven", "mixup", "", "unevenness"),
    *(
        Claim("Mixup's margins are uneven", "images", "mixup", "", "unevenness", f"exponential:{ratio}")
        for ratio in (50, 100, 200)
    ),
    *(
        Claim("Mixup's margins are less even than plain training's", grid, "mixup", "erm", "unevenness", keep)
        for grid, keep in _WHERE_MARGINS_ARE
    ),
    *(
        Claim(
            f"MAMix's margins are more even than Mixup's{late}",
            grid,
            f"mamix{late}",
            f"mixup{late}",
            "unevenness",
            keep,
            less=True,
        )
        for grid, keep in _WHERE_MARGINS_ARE
        for late in (("", ", drw") if grid == "images" else ("",))
    ),
    Claim("so on rows fitted to", "images", "mixup", "erm", "fitted_unevenness", TAIL),
    Claim("so on rows fitted to", "images", "mamix", "mixup", "fitted_unevenness", TAIL, less=True),
    *(
        Claim(f"MAMix leads Mixup at {ratio}:1{late}", "images", f"mamix{late}", f"mixup{late}", metric, keep)
        for ratio, keep in ((ratio, f"exponential:{ratio}") for ratio in (50, 100, 200))
        for late in ("", ", drw")
        for metric in ("accuracy",)
    ),
    *(
        Claim(words, "images", one, other, "accuracy", TAIL)
        for words, one, other in (
            ("Mixup adds to late class weights", "mixup, drw", "drw"),
            ("and is ahead of margins in the loss", "mixup, drw", "ldam_drw"),
            ("MAMix is ahead of Remix, both with late weights", "mamix, drw", "remix, drw"),
        )
    ),
    *(
        Claim(f"`{name}` helps texts, beyond class weights", "texts", name, "class_weight", metric)
        for name in (
            *("drw", "ldam_drw", "hard_smote", "soft_smote"),
            *BY_RULE,
            *(f"{rule}, drw" for rule in BY_RULE),
        )
        for metric in (DECISION, RANKING)
    ),
]
_DIGITS = "dos, k 5, rounds 3"
"""As the paper has it for these digits."""

_REDUCED = tuple(str(made.keep) for made in SETS if made.dataset == "mnist" and made.keep)
"""How four classes of them are reduced; each by itself, since the digits are the same."""

_MANY = ("ohsumed_titles", "toutiao")

_SPREADS = (
    ("DOS lowers in-class variance", "erm", "spread_rare"),
    ("more than repeating rare rows does", "random_oversample", "spread_rare"),
    ("in rare classes more than in others", "erm", "relative_spread"),
)

DEEP: list[Claim] = [
    *(
        claim
        for words, other, metric in _SPREADS
        for claim in (
            *_everywhere(words, "dos", other, metric, less=True),
            *(Claim(words, "digits", _DIGITS, other, metric, keep, less=True) for keep in _REDUCED),
            *(Claim(words, "many", "dos", other, metric, "", dataset, less=True) for dataset in _MANY),
        )
    ),
    *_everywhere("it is the drawing that lowers it", "dos", "dos, weight 0", "spread_rare", less=True),
    *(
        Claim(
            "it is the drawing that lowers it",
            "many",
            "dos",
            "dos, weight 0",
            "spread_rare",
            "",
            dataset,
            less=True,
        )
        for dataset in _MANY
    ),
    *_everywhere("DOS raises minority F1", "dos", "erm", DECISION),
    *_everywhere("DOS raises minority average precision", "dos", "erm", RANKING),
    *_everywhere("DOS beats repeating rare rows", "dos", "random_oversample", DECISION, RANKING),
    *(
        claim
        for words, other, metric in (
            ("DOS raises minority F1", "erm", DECISION),
            ("DOS raises minority average precision", "erm", RANKING),
            ("DOS beats repeating rare rows", "random_oversample", DECISION),
            ("DOS beats repeating rare rows", "random_oversample", RANKING),
        )
        for claim in (
            *(Claim(words, "digits", _DIGITS, other, metric, keep) for keep in _REDUCED),
            *(Claim(words, "many", "dos", other, metric, "", dataset) for dataset in _MANY),
        )
    ),
    *(
        Claim(words, "many", "dos, abstract labels", other, "macro_f1", dataset=dataset)
        for words, other in (
            ("abstract labels add to DOS", "dos"),
            ("they add more than random groups do", "dos, random groups"),
        )
        for dataset in _MANY
    ),
    *(
        Claim(f"`{name}` helps texts, beyond class weights", "texts", name, "class_weight", metric)
        for name in ("dos", "dos, abstract labels")
        for metric in (DECISION, RANKING)
    ),
]


@dataclass(frozen=True)
class Scores:
    """Rows of a grid: by task, contestant and metric, then seed and fold; folds of each task; where they come from."""

    values: Mapping[tuple[str, str], Mapping[str, Mapping[str, Cells]]]
    n_folds: Mapping[tuple[str, str], int]
    origin: str

    @classmethod
    def of(cls, path: Path) -> Scores:
        """Read a file; of runs that are in it twice the later row counts."""
        values: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
        n_folds = {}
        rows = [row for row in read_rows(path) if row["status"] == "done"]
        for row in rows:
            task, cell = (row["dataset"], row["keep"]), (int(row["seed"]), int(row["fold"]))
            n_folds[task] = int(row["n_folds"])
            own = values[task][name_of(row["method"], json.loads(row["method_settings"]))]
            for metric, value in numbers_of(row).items():
                own[metric][cell] = value
            for side in ("", "fitted_"):
                margins = [own.get(f"{side}margin_{group}", {}).get(cell) for group in ("rare", "common")]
                if None not in margins and margins[1] > 0:
                    own[f"{side}unevenness"][cell] = 1 - margins[0] / margins[1]
            spreads = [own.get(f"spread_{group}", {}).get(cell) for group in ("rare", "common")]
            if all(spreads):
                own["relative_spread"][cell] = spreads[0] / spreads[1]
        days, machines, arithmetic = (
            sorted({row[name] for row in rows}) for name in ("finished_at", "machine", "arithmetic")
        )
        when = f", {days[0][:10]} to {days[-1][:10]}" if days else ""
        origin = (
            f"{len(rows)} runs{when}, {', '.join((*machines, *arithmetic))}; settings, versions and keys stand in "
            f"`{path.parent.name}/{path.name}`"
        )
        return cls(values, n_folds, origin)


NOTHING_RUN = Scores({}, {}, "")


def differences(claim: Claim, scores: Scores) -> dict[tuple[str, str], list[float]]:
    """Of each task that has both contestants in the same cells, the paired differences, better above 0."""
    found = {}
    for task, by in scores.values.items():
        if (claim.dataset and task[0] != claim.dataset) or (claim.keep and task[1] != claim.keep):
            continue
        own = by.get(claim.one, {}).get(claim.metric, {})
        theirs = by.get(claim.other, {}).get(claim.metric, {}) if claim.other else dict.fromkeys(own, 0.0)
        cells = sorted(set(own) & set(theirs))
        if cells:
            sign = -1.0 if claim.less else 1.0
            found[task] = [sign * (own[cell] - theirs[cell]) for cell in cells]
    return found


def judged(claim: Claim, scores: Scores) -> tuple[dict[str, Any] | None, str]:
    """The difference with its interval, and over what it is; None without rows."""
    found = differences(claim, scores)
    if not found:
        return None, "-"
    tests = [
        corrected_t_test(gaps, 1 / (scores.n_folds[task] - 1) if scores.n_folds[task] > 1 else 0.0)
        for task, gaps in found.items()
    ]
    if len(tests) == 1:
        ((task, gaps),) = found.items()
        what = "seed" if scores.n_folds[task] == 1 else "fold"
        over = f"{len(gaps)} {what}{'s' if len(gaps) > 1 else ''}"
        return {"mean": tests[0].mean, "low": tests[0].low, "high": tests[0].high}, over
    return _mean_of(tests), f"{len(tests)} tasks"


def _mean_of(tests: Sequence[CorrectedTTest]) -> dict[str, Any]:
    """Mean over tasks, each with an interval of its own: variances add up, degrees of freedom after Satterthwaite."""
    mean = float(np.mean([test.mean for test in tests]))
    if any(test.pairs < 2 for test in tests):
        return {"mean": mean, "low": None, "high": None}
    freedom = np.array([test.pairs - 1.0 for test in tests])
    # Differences that are all one have no interval, and no variance.
    reaches = np.array([0.0 if test.high is None else test.high - float(test.mean or 0.0) for test in tests])
    errors = reaches / t.ppf(0.975, freedom)
    variances = (errors / len(tests)) ** 2
    whole = float(variances.sum())
    if not whole:
        return {"mean": mean, "low": mean, "high": mean}
    reach = t.ppf(0.975, whole**2 / float((variances**2 / freedom).sum())) * whole**0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


def verdict(claim: Claim, found: Mapping[str, Any] | None) -> str:
    """``confirmed``, ``refuted`` or ``open``, by the rule that stands above."""
    if found is None or found["low"] is None:
        return "open"
    if claim.none:
        return "refuted" if found["low"] > 0 else "confirmed" if found["high"] < NOTHING else "open"
    return "confirmed" if found["low"] > 0 else "refuted" if found["high"] < 0 else "open"


def claims(paths: Sequence[Path], asked: Sequence[Claim]) -> str:
    """A table of claims; those whose rows are not there have no numbers, and are open."""
    grids = {path.stem.removeprefix("mixing_"): Scores.of(path) for path in paths}
    lines = []
    for claim in asked:
        scores = grids.get(claim.grid, NOTHING_RUN)
        found, over = judged(claim, scores)
        pair = [f"`{claim.one}`", f"`{claim.other}`" if claim.other else "0"]
        against = " - ".join(reversed(pair) if claim.less else pair).removesuffix(" - 0")
        where = ", ".join(filter(None, (claim.grid, claim.dataset, claim.keep)))
        means = [float(np.mean(gaps)) for gaps in differences(claim, scores).values()]
        each = ", ".join(f"{mean:+.3f}" for mean in means) if len(means) > 1 else "-"
        shown = "not run" if found is None else paired.in_words(found)
        lines.append(
            [claim.words, where, against, claim.metric, over, each, shown, f"**{verdict(claim, found)}**"]
        )
    head = ["claim", "on", "difference", "metric", "over", "of each task", "mean [95% interval]", "verdict"]
    return table_of(head, lines)


def mixing_claims(paths: Sequence[Path]) -> str:
    """The claims about the Mixup family."""
    return claims(paths, MIXING)


def deep_claims(paths: Sequence[Path]) -> str:
    """The claims about deep over-sampling."""
    return claims(paths, DEEP)


def main() -> None:
    paths = sorted(machine.RESULTS.glob("mixing_*.csv"))
    print(f"{mixing_claims(paths)}\n\n{deep_claims(paths)}")


if __name__ == "__main__":
    main()
