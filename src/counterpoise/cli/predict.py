"""``counterpoise predict``: score files of any size, piece by piece, their columns and the order of rows unchanged."""

from __future__ import annotations

import json
from collections import Counter
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, running

if TYPE_CHECKING:
    from counterpoise.data.readers import Chunk


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
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    executor: options.ExecutorName = "local",
    address: options.Address = "auto",
    random_state: options.NothingRandom = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score texts: the input's columns, then prediction and probability.

    The probability is that of the class that matters; with several classes there is one column for each,
    probability_CLASS. A Parquet output has the threshold in its metadata.

    DATA such as 'new/*.parquet' names many files: each is scored into one of its name in the folder FILE, on every core
    of a Ray cluster with --executor ray. Files that are there already are left as they are, so that the same command
    goes on where it was stopped.
    """
    with running("predict", as_json, quiet) as screen:
        from counterpoise.errors import SettingsError
        from counterpoise.estimators.scoring import load_text_model, score_file
        from counterpoise.progress import bar

        if as_json and output == "-":
            raise SettingsError("--json and the scores would both go to standard output; give -o FILE")
        reading = {"text": text, "split": split, "encoding": encoding, "data_dir": data_dir}
        if has_magic(source) and not Path(source).exists():
            _many(screen, model, source, output, executor, address, reading)
            return
        if executor != "local":
            raise SettingsError(f"--executor {executor} is for several files; name them by * or ?")
        classifier = load_text_model(model)
        with bar("rows scored") as progress:

            def on_chunk(chunk: Chunk) -> None:
                for note in chunk.notes:
                    screen.note(note)
                progress.advance(len(chunk.texts))

            counts = score_file(classifier, source, output, on_chunk=on_chunk, **reading)
        _print_summary(screen, counts, model, output)


def _many(
    screen: Screen,
    model: Path,
    source: str,
    output: str,
    executor: str,
    address: str,
    reading: dict[str, Any],
) -> None:
    """Score each of several files into a folder."""
    from counterpoise.errors import CounterpoiseError, SettingsError
    from counterpoise.estimators.scoring import load_text_model, score_file, score_files
    from counterpoise.progress import bar

    files = _outputs(source, output)
    left = {name: target for name, target in files.items() if not Path(target).exists()}
    screen.on_interrupt = f"what is ready is in {output}; the same command goes on"
    if len(left) < len(files):
        screen.note(
            f"{len(files) - len(left):,} of {len(files):,} files are in {output} already and left as they are"
        )
    Path(output).mkdir(parents=True, exist_ok=True)
    total: Counter[str] = Counter()
    failed = []

    def take(name: str, counts: dict[str, int], error: str | None) -> None:
        total.update(counts)
        if error is not None:
            failed.append(name)
            screen.note(f"error: {' '.join(error.split())}")

    with bar("files scored", len(left)) as progress:
        if executor == "ray" and left:
            for row in score_files(model, left, address=address, **reading):
                take(row["source"], json.loads(row["counts"]), row["error"])
                progress.advance(1)
        elif executor == "local":
            classifier = load_text_model(model)
            for name, target in left.items():
                try:
                    take(name, score_file(classifier, name, target, **reading), None)
                except CounterpoiseError as error:
                    take(name, {}, str(error))
                progress.advance(1)
        elif executor != "ray":
            raise SettingsError(f"there is no executor {executor!r}; choose from local, ray")
    _print_summary(screen, dict(total), model, output)
    if failed:
        raise typer.Exit(1)


def _outputs(source: str, output: str) -> dict[str, str]:
    """The file that each source is scored into."""
    from counterpoise.errors import DataError, SettingsError

    names = sorted(name for name in glob(source, recursive=True) if Path(name).is_file())
    if not names:
        raise DataError(f"no file is named like {source}; check the path")
    if output == "-" or Path(output).is_file():
        raise SettingsError(f"{len(names)} files are scored into as many; give a folder with -o FOLDER")
    files = {name: str(Path(output) / Path(name).name) for name in names}
    if len(set(files.values())) < len(files):
        twice = next(t for t, n in Counter(files.values()).items() if n > 1)
        raise SettingsError(
            f"two of the files are called {Path(twice).name} and would be scored into one; score one folder at a time"
        )
    return files


def _print_summary(screen: Screen, counts: dict[str, int], model: Path, output: str) -> None:
    total = sum(counts.values())
    shown = ", ".join(f"{n:,} {name!r}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
    screen.note(f"{total:,} rows scored: {shown}")
    if output != "-":
        screen.line(f"Scores: {output}")
    screen.rows([{"model": str(model), "output": output, "rows": total, "predicted": counts}])
