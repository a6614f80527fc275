"""``counterpoise demo``: compare, fit, save and predict on the built-in corpus, so that nothing else is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number, running

if TYPE_CHECKING:
    import numpy as np

    from counterpoise.estimators.text import TextClassifier

METHODS = ("erm", "class_weight", "word_swap", "tfidf_lr")
"""Doing nothing, the plain remedy, and the two strongest cheap ones."""

FOLDS = 3
HELD_OUT = 0.25
# Few epochs keep the demonstration short; a side of 15% is the least on which the threshold can be tuned. The
# number format is fixed since the fastest one is not the same on every machine, and the results are to be.
SETTINGS: dict[str, Any] = {
    "max_epochs": 4,
    "validation_fraction": 0.15,
    "precision": "float32",
    "device": "cpu",
}
_TEXTS_SHOWN = 4


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder to write the model to.")
    ] = Path("counterpoise-demo-model"),
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare methods on a built-in corpus, fit the best one, save it and find rare texts with it.

    The corpus is made by this package: 6,000 messages to a help desk, of which one in forty tells of a fraud.
    A quarter is held out from the beginning and only the last step looks at it.
    """
    with running("demo", as_json, quiet) as screen:
        from counterpoise.cli.comparisons import json_row, print_rows
        from counterpoise.cli.labelled import in_words
        from counterpoise.crossfit import holdout
        from counterpoise.data.demo import MINORITY, make_corpus
        from counterpoise.estimators.text import TextClassifier
        from counterpoise.experiments.compare import compare
        from counterpoise.groups import text_groups
        from counterpoise.persistence import check_target
        from counterpoise.seeding import derive_seed

        check_target(output)
        texts, labels = make_corpus(random_state=random_state)
        side = holdout(labels, HELD_OUT, groups=text_groups(texts), seed=derive_seed(random_state, "demo"))
        screen.note(f"The built-in corpus has {in_words(labels)}.")
        screen.line(
            f"1. Compare on {len(side.train):,} texts, {FOLDS} folds; {len(side.test):,} are held out\n"
        )
        rows = compare(
            texts[side.train],
            labels[side.train],
            METHODS,
            minority=MINORITY,
            n_folds=FOLDS,
            random_state=random_state,
            settings=SETTINGS,
            on_row=lambda row: screen.note(f"{row.method} is done"),
        )
        print_rows(screen, rows)
        best = max(rows, key=lambda row: row.metrics["average_precision"].mean or 0.0)
        screen.line(f"\n2. Fit {best.method}, the best by average precision, and save it\n")
        classifier = TextClassifier(best.method, pos_label=MINORITY, random_state=random_state, **SETTINGS)
        classifier.fit(texts[side.train], labels[side.train])
        classifier.save(output, data=f"built-in corpus, {len(side.train):,} of {len(texts):,} rows")
        screen.line(classifier.threshold_note_)
        screen.line(f"Model: {output}")
        screen.line("\n3. Load it, and find the rare class in the texts held out\n")
        found = _judged(screen, TextClassifier.load(output), texts[side.test], labels[side.test], MINORITY)
        screen.line(
            f"\nNext, with a file of your own:\n  counterpoise predict {output} new.csv -o scored.csv"
        )
        screen.line("  counterpoise fit reviews.csv --text body --label topic -o model")
        compared = [json_row(row, "demo") for row in rows]
        screen.rows([{"model": str(output), "method": best.method, **found, "compared": compared}])


def _judged(
    screen: Screen, classifier: TextClassifier, texts: np.ndarray, labels: np.ndarray, minority: str
) -> dict[str, Any]:
    """Score the held-out texts, show some that were found, and return the figures."""
    import numpy as np

    from counterpoise.metrics.confusion import confusion, outcomes
    from counterpoise.metrics.scores import score
    from counterpoise.metrics.thresholds import decide

    at = int(np.flatnonzero(classifier.classes_ == minority)[0])
    numbers = np.where(labels == minority, at, 1 - at)
    probabilities = classifier.predict_proba(texts)
    decided = decide(probabilities, classifier.thresholds_)
    row = score(numbers, probabilities, at, decisions_tuned=decided)
    shown = ("f1", "f1_tuned", "average_precision", "prevalence", "brier")
    screen.table(("method", *shown), [(str(classifier.method), *(number(row[name]) for name in shown))])
    hits = np.flatnonzero((decided == at) & (numbers == at))
    counts = outcomes(confusion(numbers, decided, 2), at)
    n_rare = counts["found"] + counts["missed"]
    screen.line(f"\n{counts['found']} of {n_rare} found, {counts['false_alarms']} false alarms. Some found:")
    for i in hits[np.argsort(-probabilities[hits, at], kind="stable")][:_TEXTS_SHOWN]:
        screen.line(f"  {probabilities[i, at]:.2f}  {texts[i]}")
    return {**row, **counts}
