"""``counterpoise predict``: score files of any size, piece by piece, their columns and the order of rows unchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, running

if TYPE_CHECKING:
    from counterpoise.estimators.file_inputs import Piece


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
            "standard output. A folder where DATA names several files by * or ?.",
        ),
    ] = "-",
    text: options.Text = None,
    image: options.Image = None,
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    threshold: options.OtherThreshold = None,
    executor: options.ExecutorName = "local",
    address: options.Address = "auto",
    pretrained: options.Pretrained = None,
    yes_send: options.YesSend = False,
    random_state: options.NothingRandom = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score texts or images, whichever the model takes: the input's columns, then prediction and probability.

    DATA for a model of images is a folder of them, whether in folders or not, of which the output has the column file;
    or a Parquet file, saved dataset or known set, whose images are left out of the output.

    The probability is that of the class that matters, which is predicted where it is above the model's own threshold or
    that of --threshold; with several classes there is one column for each, probability_CLASS. A Parquet output has the
    threshold in its metadata.

    DATA such as 'new/*.parquet' names many files: each is scored into one of its name in the folder FILE, on every core
    of a Ray cluster with --executor ray. Files that are there already are left as they are, so that the same command
    goes on where it was stopped.
    """
    with running("predict", as_json, quiet) as screen:
        from counterpoise.cli.many_files import check_one, names_many
        from counterpoise.cli.outputs import settle_output
        from counterpoise.estimators.file_inputs import load_file_model
        from counterpoise.estimators.scoring import score_file
        from counterpoise.progress import bar

        reading = {
            "text": text,
            "image": image,
            "split": split,
            "encoding": encoding,
            "data_dir": data_dir,
        }
        if names_many(source):
            grid = {"executor": executor, "address": address}
            _many(screen, model, source, output, grid, reading, yes_send, pretrained, threshold)
            return
        check_one(executor, address)
        settle_output(screen, source, output)
        classifier = load_file_model(
            model, allow_sending=yes_send, pretrained=pretrained, threshold=threshold
        )
        with bar("rows scored") as progress:

            def on_piece(piece: Piece) -> None:
                for note in piece.notes:
                    screen.note(note)
                progress.advance(len(piece))

            counts = score_file(classifier, source, output, on_piece=on_piece, **reading)
        _print_summary(screen, counts, model, output)


def _many(
    screen: Screen,
    model: Path,
    source: str,
    output: str,
    grid: dict[str, str],
    reading: dict[str, Any],
    yes_send: bool,
    pretrained: Path | None,
    threshold: float | None,
) -> None:
    """Score each of several files into a folder."""
    from counterpoise.cli.many_files import each_file
    from counterpoise.estimators.scoring import FileScorer, content_of

    # Workers may have another working directory.
    place = None if pretrained is None else str(pretrained.resolve())
    found, failed = each_file(
        screen,
        source,
        output,
        worker=FileScorer,
        arguments=(content_of(model, place, threshold), reading, yes_send, place, threshold),
        what="scored",
        **grid,
    )
    total: Counter[str] = Counter()
    for counts in found.values():
        total.update(counts)
    _print_summary(screen, dict(total), model, output, failed)
    if failed:
        raise typer.Exit(1)


def _print_summary(
    screen: Screen, counts: dict[str, int], model: Path, output: str, failed: Mapping[str, str] | None = None
) -> None:
    total = sum(counts.values())
    shown = ", ".join(f"{n:,} {name!r}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
    screen.note(f"{total:,} rows scored: {shown}")
    if output != "-":
        screen.line(f"Scores: {output}")
    row = {"model": str(model), "output": output, "rows": total, "predicted": counts}
    screen.rows([row], failed=failed or {})
