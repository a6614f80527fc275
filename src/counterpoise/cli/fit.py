"""``counterpoise fit``: train, tune the threshold on held-out rows, save the model folder."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, filled_up, number, running

if TYPE_CHECKING:
    from counterpoise.estimators.base import RareClassClassifier

_SHOWN = ("f1", "f1_tuned", "average_precision")
_NO_SETTINGS = {
    "method": "use --method",
    "checkpoint": "fit keeps one by itself, and goes on from it with --resume",
}


@options.unfolded
def fit(
    source: options.Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder to write.", show_default=False)
    ],
    *,
    method: Annotated[
        str | None,
        typer.Option(
            help="What is done about the imbalance; see `counterpoise methods`. By default auto for texts and "
            "class_weight for images."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint of an interrupted run.")
    ] = False,
    reading: options.Reading,
    keep: options.Keep = None,
    group: options.Group = None,
    time: options.Time = None,
    training: options.Training,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            rich_help_panel="Training",
            help="Folds of the out-of-fold predictions that tune the threshold; 3 by default.",
        ),
    ] = None,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier, tune its threshold on held-out rows, and save it in a folder.

    DATA may be images: a folder with a folder of them for each class, a Parquet file or saved dataset with a column of
    them, or a known set.
    """
    with running("fit", as_json, quiet) as screen:
        from counterpoise.cli.labelled import kind_of_source, read_labelled, thinned
        from counterpoise.cli.settings import training_settings
        from counterpoise.errors import SettingsError
        from counterpoise.estimators.loading import CLASSIFIERS
        from counterpoise.persistence import check_target

        kind = kind_of_source(source, **vars(reading))
        estimator = CLASSIFIERS[kind]
        method = method or estimator.default_method
        settings = training_settings([method], _NO_SETTINGS, kind, threshold_folds=folds, **vars(training))
        if folds is not None and settings.get("threshold", "tune") != "tune":
            raise SettingsError(
                "--folds has no use: the threshold is given and not tuned; leave one of them out"
            )
        if reading.image_size is not None:
            settings["image_size"] = reading.image_size
        classifier = estimator(method, training.backbone, random_state=random_state, **settings)
        classifier._checked_settings()
        classifier.check_savable()
        check_target(output)
        data = read_labelled(screen, source, kind, group=group, time=time, **vars(reading))
        data = thinned(screen, data, keep, random_state)
        classifier.set_params(pos_label=data.minority)
        with _checkpoint(screen, output, classifier.trains_backbone, resume) as checkpoint:
            classifier.set_params(checkpoint=checkpoint)
            classifier.fit(data.inputs, data.labels, groups=data.groups, time=data.times)
            classifier.save(
                output, data=", ".join(filter(None, (data.name, data.story))), columns=data.columns
            )
        _print_summary(screen, classifier, data.name, output)


@contextmanager
def _checkpoint(screen: Screen, output: Path, trains: bool, resume: bool) -> Iterator[Path | None]:
    """Name the checkpoint of a training; it goes when the model stands, and stays when the run is cut short."""
    if not trains:
        if resume:
            screen.note("this method trains no network, so there is nothing to resume")
        yield None
        return
    name = output.resolve()
    checkpoint = name.with_name(f"{name.name}.checkpoint.safetensors")

    def files() -> list[Path]:
        # Each out-of-fold training has a checkpoint of its own beside the main one.
        pattern = glob.escape(str(checkpoint).removesuffix(".safetensors"))
        return [Path(path) for path in glob.glob(f"{pattern}*.safetensors")]

    found = files()
    if resume:
        screen.note(f"going on from {checkpoint}" if found else "there is no checkpoint; starting afresh")
    else:
        for path in found:
            path.unlink()
        if found:
            screen.note(
                f"an earlier checkpoint {checkpoint} was dropped; --resume would have gone on from it"
            )
    screen.on_interrupt = "no model was written"
    try:
        yield checkpoint
    except BaseException:
        if files():
            kept = f"what was trained is kept in {checkpoint}: give the same command with --resume to go on"
            screen.on_interrupt += f"; {kept}"
        raise
    for path in files():
        path.unlink()


def _print_summary(screen: Screen, classifier: RareClassClassifier, dataset: str, output: Path) -> None:
    fitted = classifier.fitted_
    scores = {name: fitted.scores.get(name) for name in _SHOWN}
    backbone = getattr(fitted.predictor, "backbone", None)
    held_out = (
        f"{fitted.scored_on}, {fitted.choice.n_rows:,} rows" if fitted.choice.n_rows else fitted.scored_on
    )
    thresholds = {str(c): float(t) for c, t in zip(classifier.classes_, classifier.thresholds_, strict=True)}
    cells = (
        str(classifier.method),
        backbone or "-",
        held_out or "none",
        *(number(value) for value in scores.values()),
        _threshold(classifier),
    )
    screen.table(("method", "backbone", "held-out rows", *_SHOWN, "threshold"), [cells], words=3)
    screen.line(f"\n{classifier.threshold_note_}")
    for line in classifier.remarks_:
        screen.line(line)
    shares = getattr(fitted.predictor, "notes", {}).get("balance", [])
    balance = {
        str(c): share for c, share in zip(classifier.classes_, shares, strict=False) if share is not None
    }
    for name, share in balance.items():
        screen.line(filled_up(name, share))
    warning = fitted.warning and (
        f"{'At a threshold of 0.5' if len(thresholds) == 2 else 'By the most probable class'}: {fitted.warning}"
    )
    if warning:
        screen.line(warning)
    screen.line(f"Model: {output}")
    row: dict[str, Any] = {
        "method": classifier.method,
        "backbone": backbone,
        "dataset": dataset,
        "model": str(output),
        **fitted.scores,
        "scored_on": fitted.scored_on,
        "class_counts": {
            str(c): int(n) for c, n in zip(classifier.classes_, classifier.class_counts_, strict=True)
        },
        "pos_label": None if classifier.pos_label_ is None else str(classifier.pos_label_),
        "thresholds": thresholds,
        "threshold_tuned": fitted.choice.tuned,
        "notes": [classifier.threshold_note_, *classifier.remarks_, *([warning] if warning else [])],
        **({"balance": balance} if balance else {}),
    }
    screen.rows([row])


def _threshold(classifier: RareClassClassifier) -> str:
    """The threshold of the class that matters, or of each class."""
    by_class = dict(zip(classifier.classes_, classifier.thresholds_, strict=True))
    if classifier.pos_label_ is not None and len(by_class) == 2:
        return number(float(by_class[classifier.pos_label_]))
    return "one a class" if classifier.fitted_.choice.tuned else "equal"
