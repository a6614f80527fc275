"""The commands and their help. Nothing heavy is imported before a command runs, so that help comes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

import counterpoise
from counterpoise.cli.compare import compare
from counterpoise.cli.datasets import datasets
from counterpoise.cli.demo import demo
from counterpoise.cli.diagnose import diagnose
from counterpoise.cli.evaluate import evaluate
from counterpoise.cli.fit import fit
from counterpoise.cli.leaderboard import leaderboard
from counterpoise.cli.methods import methods
from counterpoise.cli.oversample import oversample
from counterpoise.cli.predict import predict
from counterpoise.cli.reproduce import reproduce
from counterpoise.cli.tune import tune
from counterpoise.cli.usage import Commands

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    demo: ("counterpoise demo", "counterpoise demo --output my-first-model"),
    diagnose: (
        "counterpoise diagnose reviews.csv --text body --label topic",
        "counterpoise diagnose sms_spam --minority spam --keep 10% -k 10",
        "counterpoise diagnose photos",
    ),
    fit: (
        "counterpoise fit reviews.csv -o model",
        "counterpoise fit sms_spam --minority spam --method word_swap -o model",
        "counterpoise fit mails.parquet --text subject --text body --group thread -o model",
        "counterpoise fit photos --image-size 64 -o model",
    ),
    predict: (
        "counterpoise predict model new.csv -o scored.parquet",
        "zcat new.jsonl.gz | counterpoise predict model - > scored.csv",
        "counterpoise predict model 'new/*.parquet' -o scored --executor ray",
        "counterpoise predict model new_photos -o scored.csv",
    ),
    evaluate: (
        "counterpoise evaluate model labelled.csv --label topic",
        "counterpoise evaluate model trec --json",
    ),
    compare: (
        "counterpoise compare reviews.csv --minority complaint",
        "counterpoise compare sms_spam --minority spam --keep 10% --methods erm,word_swap",
        "counterpoise compare reviews.csv --seeds 3 --store reviews.runs --jobs 4",
        "counterpoise compare pictures.parquet --image photo --label class --methods erm,mamix",
    ),
    leaderboard: (
        "counterpoise leaderboard reviews.runs",
        "counterpoise leaderboard reviews.runs --metric f1_tuned --against erm -o table.tex",
    ),
    tune: (
        "counterpoise tune reviews.csv --method tfidf_lr --trials 50",
        "counterpoise tune reviews.csv --method word_swap --store search.runs --jobs 4",
    ),
    reproduce: (
        "counterpoise reproduce miso --table 3 --datasets sms_spam",
        "counterpoise reproduce miso --table 4 --budget medium --jobs 2",
    ),
    oversample: (
        "counterpoise oversample reviews.csv --method word_swap -o anchors.parquet",
        "counterpoise oversample reviews.csv --set rate=0.25 --with-originals -o balanced.jsonl",
        "counterpoise oversample reviews.csv --method miso --keep 50 --check -o anchors.parquet",
    ),
    methods: ("counterpoise methods", "counterpoise methods word_swap", "counterpoise methods --json"),
    datasets: ("counterpoise datasets", "counterpoise datasets --data-dir ~/corpora"),
}


def _flowing(docstring: str | None) -> str:
    """Paragraphs without the line breaks of the source, which help would keep."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (docstring or "").split("\n\n"))


def _epilog(examples: tuple[str, ...]) -> str:
    return "\n\n".join(["Examples:", *examples])


for _command, _examples in _EXAMPLES.items():
    app.command(help=_flowing(_command.__doc__), epilog=_epilog(_examples))(_command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"counterpoise {counterpoise.__version__}")
        raise typer.Exit


_WELCOME = """
Find the rare class in labelled texts or images.

DATA is a CSV, TSV, JSON Lines or Parquet file, a folder saved by Hugging Face datasets, a folder with a folder of
images for each class, - for standard input, or the name of a known data set. Results go to standard output, remarks to
standard error.
"""


@app.callback(
    help=_flowing(_WELCOME), epilog=_epilog(("counterpoise demo", "counterpoise fit reviews.csv -o model"))
)
def counterpoise_(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
