"""``counterpoise oversample``: new texts of the smaller classes, each with where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, filled_up, running

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from counterpoise.cli.labelled import Labelled
    from counterpoise.oversampling.base import TextSampler
    from counterpoise.oversampling.quality import Figure


@options.unfolded
def oversample(
    source: options.TextSource,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Parquet, JSON Lines, CSV or TSV by its ending; in the last two, lists are JSON text.",
        ),
    ],
    *,
    method: Annotated[
        str,
        typer.Option(
            help="A sampler, such as word_swap, random_oversample, word_replacement or miso; "
            "`counterpoise methods` says what each does."
        ),
    ] = "word_swap",
    with_originals: Annotated[
        bool, typer.Option("--with-originals", help="Put the given texts before the new ones.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Measure the new texts: repeats, variety, how real ones differ from them. Best with --keep, which "
            "leaves real texts to compare with.",
        ),
    ] = False,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the method, such as rate=0.25 or sampling_strategy=0.5. Repeatable.",
        ),
    ] = None,
    yes_send: options.YesSend = False,
    reading: options.TextReading,
    keep: options.Keep = None,
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write new texts for the smaller classes, until all are as large as the largest.

    Columns: text, label, source_row and source_text (what it was made from, rows counted from 0), partner_rows
    (which rows lent it words), difficulty (share of the source's neighbours that are of another class, where the
    method asks), method, and the words kept, shared and injected.
    """
    with running("oversample", as_json, quiet) as screen:
        from counterpoise.cli.labelled import kind_of_source, read_labelled, thinned
        from counterpoise.cli.outputs import settle_output
        from counterpoise.data.writers import TableWriter
        from counterpoise.errors import SettingsError
        from counterpoise.oversampling.anchors import file_table

        sampler = _sampler(method, sets, random_state, yes_send)
        sampler.check()
        settle_output(screen, source, output)
        with TableWriter(output) as out:
            kind = kind_of_source(source, **vars(reading))
            if kind != "text":
                raise SettingsError(
                    f"new texts are written here, and {source} holds images; give texts, or name their "
                    "column with --text"
                )
            whole = read_labelled(screen, source, kind, **vars(reading))
            data = thinned(screen, whole, keep, random_state)
            labels = sampler.fit_resample(data.inputs, data.labels)[1]
            originals = data.labels if with_originals else None
            out.write(file_table(sampler.anchors_, data.inputs, data.rows, method, originals))
        screen.on_interrupt = f"{output} was written, but not checked"
        row = _summary(data, labels, method, output)
        if sampler.chooses_balance:
            row["balance"] = {str(name): share for name, share in sampler.balance_.items()}
        if hasattr(sampler, "calls_"):
            row["calls"] = _spent(sampler.calls_)
        _print_summary(screen, row)
        if check:
            row["check"] = _checked(screen, sampler, whole, data, random_state)
        screen.rows([row])


def _sampler(method: str, sets: list[str] | None, random_state: int, yes_send: bool) -> TextSampler:
    from counterpoise.cli.kinds import kinds_of
    from counterpoise.cli.settings import parsed
    from counterpoise.data.near import listed, near_match
    from counterpoise.errors import SettingsError
    from counterpoise.samplers import SAMPLERS

    if method not in SAMPLERS:
        raise SettingsError(
            f"there is no sampler {method!r}; choose one of {listed(SAMPLERS)}{near_match(method, SAMPLERS)}"
        )
    sampler = SAMPLERS[method](random_state=random_state)
    own = {key: value for key, value in sampler.get_params().items() if key != "random_state"}
    if own.pop("allow_sending", None) is not None:
        sampler.set_params(allow_sending=yes_send)
    elif yes_send:
        raise SettingsError(f"--yes-send has no use: {method} sends nothing; leave it out")
    refused = {"random_state": "use --random-state", "allow_sending": "give --yes-send"}
    return sampler.set_params(**parsed(sets, own, refused, kinds_of(sampler)))


def _summary(data: Labelled, labels: np.ndarray, method: str, output: Path) -> dict[str, Any]:
    from collections import Counter

    return {
        "method": method,
        "dataset": data.name,
        "output": str(output),
        "before": dict(Counter(data.labels.tolist())),
        "after": dict(Counter(labels.tolist())),
        "new_texts": len(labels) - len(data.labels),
    }


def _print_summary(screen: Screen, row: dict[str, Any]) -> None:
    before, after = row["before"], row["after"]
    cells = [
        (name, f"{before[name]:,}", f"{after[name]:,}", f"{after[name] - before[name]:,}")
        for name in sorted(before)
    ]
    screen.table(("class", "before", "after", "new texts"), cells)
    for name, share in row.get("balance", {}).items():
        screen.line(f"\n{filled_up(name, share)}")
    if "calls" in row:
        screen.line("\n" + _spent_words(row["calls"]))
    if row["output"] != "-":
        screen.line(f"\nTexts: {row['output']}")


def _spent(calls: pa.Table) -> dict[str, Any]:
    """What the prompts to a language model came to; those whose replies were known cost nothing now."""
    columns = calls.select(["tokens_in", "tokens_out", "price", "cached"]).to_pydict()
    new = [i for i, cached in enumerate(columns["cached"]) if not cached]
    prices = [price for price in columns["price"] if price is not None]
    return {
        "prompts": len(calls),
        "cached": len(calls) - len(new),
        "tokens_in": sum(columns["tokens_in"][i] for i in new),
        "tokens_out": sum(columns["tokens_out"][i] for i in new),
        "price": sum(columns["price"][i] for i in new) if prices else None,
    }


def _spent_words(spent: dict[str, Any]) -> str:
    price = "" if spent["price"] is None else f", price {spent['price']:.4g}"
    return (
        f"{spent['prompts']:,} prompts, {spent['cached']:,} of them answered before; for the others "
        f"{spent['tokens_in']:,} tokens read and {spent['tokens_out']:,} written{price}."
    )


def _checked(
    screen: Screen, sampler: TextSampler, whole: Labelled, data: Labelled, seed: int
) -> dict[str, dict[str, Any]]:
    """Check the new texts of each class, print the figures, and give them by class and name."""
    import numpy as np

    from counterpoise.experiments.anchor_check import check_anchors

    left_out = whole.take(np.setdiff1d(whole.rows, data.rows))
    found = {}
    for label, count in sampler.sampling_strategy_.items():
        if count:
            more = left_out.inputs[left_out.labels == label]
            held_back = more if len(more) else None
            figures = check_anchors(
                data.inputs, data.labels, sampler.anchors_, label, held_back=held_back, seed=seed
            )
            screen.line(f"\nThe {count:,} new texts of {label!r}:\n")
            cells = [(figure.what, figure.shown, figure.compared, figure.verdict) for figure in figures]
            screen.table(("figure", "value", "compare with", "verdict"), cells, words=4)
            found[str(label)] = {figure.name: _judged(figure) for figure in figures}
    if not found:
        screen.line("\nThere are no new texts to check.")
    return found


def _judged(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "compared": figure.compared,
        "verdict": figure.verdict,
        "met": figure.met,
    }
