"""``counterpoise predict``: score a file of any size, piece by piece, its columns and their order unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, running

if TYPE_CHECKING:
    import pyarrow as pa

    from counterpoise.data.readers import Chunk
    from counterpoise.estimators.text import TextClassifier


def predict(
    model: options.Model,
    source: options.Source,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="CSV, TSV, JSON Lines or Parquet by its ending, text ones also .gz or .zst; - is CSV on "
            "standard output.",
        ),
    ] = "-",
    text: options.Text = None,
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    random_state: options.NothingRandom = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score texts: the input's columns, then prediction and probability.

    The probability is that of the class that matters; with several classes there is one column for each,
    probability_CLASS. A Parquet output has the threshold in its metadata.
    """
    with running("predict", as_json, quiet) as screen:
        from counterpoise.cli.saved import load_text_model
        from counterpoise.data.readers import stream
        from counterpoise.data.writers import TableWriter
        from counterpoise.errors import SettingsError
        from counterpoise.progress import bar

        if as_json and output == "-":
            raise SettingsError("--json and the scores would both go to standard output; give -o FILE")
        classifier = load_text_model(model)
        chunks = stream(
            source,
            text=text,
            split=split,
            encoding=encoding,
            data_dir=data_dir,
            expected=classifier.columns_,
        )
        counts: dict[str, int] = {str(name): 0 for name in classifier.classes_}
        with TableWriter(output, metadata=_metadata(classifier)) as out, bar("rows scored") as progress:
            for chunk in chunks:
                for note in chunk.notes:
                    screen.note(note)
                table = _scored(classifier, chunk, source)
                out.write(table)
                for name in table.column("prediction").to_pylist():
                    counts[str(name)] += 1
                progress.advance(len(chunk.texts))
        _print_summary(screen, counts, model, output)


def _scored(classifier: TextClassifier, chunk: Chunk, source: str) -> pa.Table:
    """The rows with the new columns behind their own."""
    import pyarrow as pa

    from counterpoise.errors import DataError
    from counterpoise.metrics.thresholds import decide

    probabilities = classifier.predict_proba(chunk.texts)
    decisions = classifier.classes_[decide(probabilities, classifier.thresholds_)]
    new = {"prediction": pa.array(decisions.tolist())}
    if len(classifier.classes_) == 2:
        at = int((classifier.classes_ == classifier.pos_label_).argmax())
        new["probability"] = pa.array(probabilities[:, at])
    else:
        for i, name in enumerate(classifier.classes_):
            new[f"probability_{name}"] = pa.array(probabilities[:, i])
    table = chunk.table
    for name, column in new.items():
        if name in table.column_names:
            raise DataError(f"{source} has a column {name!r} already; rename or drop it, then score again")
        table = table.append_column(name, column)
    return table


def _metadata(classifier: TextClassifier) -> dict[str, str]:
    """What the scores mean, for the schema of a Parquet file."""
    by_class = {str(c): float(t) for c, t in zip(classifier.classes_, classifier.thresholds_, strict=True)}
    metadata = {
        "counterpoise.method": str(classifier.method),
        "counterpoise.thresholds": json.dumps(by_class),
    }
    if classifier.pos_label_ is not None and len(by_class) == 2:
        rare = str(classifier.pos_label_)
        metadata |= {"counterpoise.class": rare, "counterpoise.threshold": json.dumps(by_class[rare])}
    return metadata


def _print_summary(screen: Screen, counts: dict[str, int], model: Path, output: str) -> None:
    total = sum(counts.values())
    shown = ", ".join(f"{n:,} {name!r}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
    screen.note(f"{total:,} rows scored: {shown}")
    if output != "-":
        screen.line(f"Scores: {output}")
    screen.rows([{"model": str(model), "output": output, "rows": total, "predicted": counts}])
