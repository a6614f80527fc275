"""``counterpoise evaluate``: a saved model on labelled data, at their natural prevalence."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number, running

if TYPE_CHECKING:
    import numpy as np

    from counterpoise.estimators.base import RareClassClassifier


def evaluate(
    model: options.Model,
    source: options.Source,
    text: options.Text = None,
    image: options.Image = None,
    label: options.Label = None,
    minority: options.Minority = None,
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    threshold: options.OtherThreshold = None,
    pretrained: options.Pretrained = None,
    yes_send: options.YesSend = False,
    random_state: options.NothingRandom = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Judge a saved model on labelled texts or images; of a known data set, on its test split.

    f1_tuned, precision_tuned and recall_tuned are of what `counterpoise predict` decides, by the model's own threshold
    or the one of --threshold. f1, precision, recall, macro_f1, mcc, balanced_accuracy and g_mean are of the most
    probable class, which with two classes is a threshold of 0.5. All others ask for no threshold.

    A model trained with one class against the rest takes every other label for the rest.
    """
    with running("evaluate", as_json, quiet) as screen:
        from counterpoise.cli.labelled import dataset_name
        from counterpoise.estimators.file_inputs import load_file_model, read_for

        classifier = load_file_model(
            model, allow_sending=yes_send, pretrained=pretrained, threshold=threshold
        )
        inputs, table = read_for(
            classifier,
            source,
            text=text,
            image=image,
            label=label,
            split=split,
            default_split="test",
            encoding=encoding,
            data_dir=data_dir,
        )
        for note in table.notes:
            screen.note(note)
        assert table.labels is not None  # they were asked for
        labels = _numbers(screen, classifier, table.labels, table.source)
        decided_by = "the model's own threshold" if threshold is None else "the threshold given"
        row = _judged(classifier, inputs, labels, _number_of(classifier, minority), decided_by)
        row["dataset"] = dataset_name(source)
        _print(screen, row, decided_by)


def _number_of(classifier: RareClassClassifier, minority: str | None) -> int | None:
    from counterpoise.data.near import listed
    from counterpoise.errors import SettingsError

    names = [str(name) for name in classifier.classes_]
    if minority is None:
        return None if classifier.pos_label_ is None else names.index(str(classifier.pos_label_))
    if minority not in names:
        raise SettingsError(f"the model knows no class {minority!r} for --minority; it has {listed(names)}")
    return names.index(minority)


def _numbers(screen: Screen, classifier: RareClassClassifier, labels: np.ndarray, source: str) -> np.ndarray:
    """Class numbers of labels; those a model against the rest was not told apart become the rest."""
    import numpy as np

    from counterpoise.data.imbalance import REST
    from counterpoise.data.near import listed
    from counterpoise.errors import DataError

    names = [str(name) for name in classifier.classes_]
    unknown = np.flatnonzero(~np.isin(labels, names))
    at_rest = REST in names and len(names) == 2
    if len(unknown) and at_rest and len(unknown) < len(labels):
        labels = labels.copy()
        labels[unknown] = REST
        screen.note(f"{len(unknown):,} rows of classes not named in the model count as {REST!r}")
    elif len(unknown):
        raise DataError(
            f"{source}: row {unknown[0] + 1} (counted from 1) has label {labels[unknown[0]]!r}, which the model "
            f"does not know; it knows {listed(names)}: name another column with --label, or drop such rows"
        )
    return np.array([names.index(label) for label in labels])


def _judged(
    classifier: RareClassClassifier,
    inputs: Any,
    labels: np.ndarray,
    minority: int | None,
    decided_by: str,
) -> dict[str, Any]:
    from counterpoise.metrics.by_class import score_by_class
    from counterpoise.metrics.confusion import confusion, outcomes
    from counterpoise.metrics.diagnosis import one_class_predicted
    from counterpoise.metrics.scores import score
    from counterpoise.metrics.thresholds import decide

    start = clock.perf_counter()
    probabilities = classifier.predict_proba(inputs)
    seconds = clock.perf_counter() - start
    names = [str(name) for name in classifier.classes_]
    choice = classifier.fitted_.choice
    plain, tuned = probabilities.argmax(axis=1), decide(probabilities, classifier.thresholds_)
    at_half = one_class_predicted(labels, probabilities, plain, minority, names, tuned=choice.tuned)
    at_own = one_class_predicted(labels, probabilities, tuned, minority, names, tuned=False)
    notes = [f"With {decided_by}: {at_own}"] if at_own else []
    if at_half and not at_own:
        notes.append(f"By the most probable class: {at_half}")
    thresholds = dict(zip(names, map(float, classifier.thresholds_), strict=True))
    return {
        "method": classifier.method,
        "backbone": getattr(classifier.fitted_.predictor, "backbone", None),
        "dataset": "",
        **score(labels, probabilities, minority, decisions_tuned=tuned),
        **(score_by_class(labels, probabilities, names, decisions_tuned=tuned) if len(names) > 2 else {}),
        "predict_seconds": seconds,
        "rows": len(labels),
        "thresholds": thresholds,
        **({} if minority is None else outcomes(confusion(labels, tuned, len(names)), minority)),
        "class_counts": {name: int((labels == i).sum()) for i, name in enumerate(names)},
        "minority": None if minority is None else names[minority],
        "notes": notes,
    }


def _print(screen: Screen, row: dict[str, Any], decided_by: str) -> None:
    from counterpoise.metrics.by_class import MEASURES
    from counterpoise.metrics.scores import NAMES

    of = "all classes alike" if row["minority"] is None else f"class {row['minority']!r}"
    plain = "at 0.5" if len(row["class_counts"]) == 2 else "by the most probable class"
    screen.note(
        f"{row['rows']:,} rows; f1, precision, recall and average precision of {of}, those ending in _tuned by "
        f"{decided_by}, the others {plain}"
    )
    cells = (row["method"], row["backbone"] or "-", *(number(row[name]) for name in NAMES))
    screen.table(("method", "backbone", *NAMES), [cells], words=2)
    if row["minority"] is not None:
        screen.line(f"\n{_found(row, decided_by)}")
    if len(row["class_counts"]) > 2:
        screen.line("\nEach class against the others:\n")
        lines = [
            (name, f"{n:,}", *(number(row[f"{measure}[{name}]"]) for measure in MEASURES))
            for name, n in row["class_counts"].items()
        ]
        screen.table(("class", "rows", *MEASURES), lines)
    for note in row["notes"]:
        screen.line(f"\n{note}")
    screen.rows([row])


def _found(row: dict[str, Any], decided_by: str) -> str:
    """What becomes of the class that matters, in rows."""
    name = row["minority"]
    at = f", {number(row['thresholds'][name])}" if len(row["class_counts"]) == 2 else "s"
    return (
        f"By {decided_by}{at}: {row['found']:,} of the {row['class_counts'][name]:,} rows of class {name!r} are found, "
        f"{row['missed']:,} missed; {row['false_alarms']:,} of the {row['rows'] - row['class_counts'][name]:,} others "
        "are taken for it."
    )
