"""``counterpoise diagnose``: how rare, how repetitive, how overlapping; which samples are difficult, and why."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from counterpoise.cli import options
from counterpoise.cli.screen import Screen, number, running

_CONFLICTS_SHOWN = 3
_NEARLY_ALL = 0.9
_WIDTH_WITHOUT_TERMINAL = 110


def diagnose(
    source: options.Source,
    k: Annotated[
        int,
        typer.Option("--neighbours", "-k", min=1, metavar="N", help="Nearest texts or images to look at."),
    ] = 5,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Compare texts in a network, textcnn or textrnn, instead of word vectors learnt without labels, or "
            "images in convnet instead of resnet; each half is judged by a network trained on the other half."
        ),
    ] = None,
    max_epochs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Epochs of that network at most; 10 by default, and 5 for images."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The input's rows with what is found of each; CSV, TSV, JSON Lines or Parquet by its ending. A folder "
            "where DATA names several files by * or ?.",
        ),
    ] = None,
    text: options.Text = None,
    image: options.Image = None,
    image_size: options.ImageSize = None,
    label: options.Label = None,
    minority: options.Minority = None,
    keep: options.Keep = None,
    group: options.Group = None,
    split: options.Split = None,
    encoding: options.Encoding = None,
    data_dir: options.DataDir = None,
    executor: options.ExecutorName = "local",
    address: options.Address = "auto",
    random_state: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what is hard about the data: rarity, repeats, doubtful labels, and difficult samples.

    A text or image of the rare class is difficult when one of another class is among its nearest. Repeats of it
    do not count as near it, and none is compared by a model that has learnt its label.

    Images are repeats when they are the same in every pixel. They are compared in networks that are trained for that,
    each half of them in one that was trained on the other half.

    DATA such as 'new/*.parquet' names many files: each is looked at by itself, on every core of a Ray cluster with
    --executor ray, and comes out in the folder FILE. Files that are there already are left as they are.
    """
    with running("diagnose", as_json, quiet) as screen:
        from counterpoise.cli.findings import diagnosed
        from counterpoise.cli.many_files import check_one, names_many
        from counterpoise.cli.outputs import settle_output

        asked: dict[str, Any] = {
            "k": k,
            "backbone": backbone,
            "max_epochs": max_epochs,
            "keep": keep,
            "random_state": random_state,
            "text": text,
            "image": image,
            "image_size": image_size,
            "label": label,
            "group": group,
            "split": split,
            "encoding": encoding,
            "data_dir": data_dir,
            "minority": minority,
        }
        if names_many(source):
            _many(screen, source, output, {"executor": executor, "address": address}, asked)
            return
        check_one(executor, address)
        if output is not None:
            settle_output(screen, source, output)
        row = diagnosed(screen, source, output=output, **asked)
        _print_counts(screen, row)
        _print_repeats(screen, row)
        _print_overlap(screen, row)
        _print_difficult(screen, row)
        if output not in (None, "-"):
            screen.note(f"what is found of each row: {output}")
        screen.rows([row])


def _many(
    screen: Screen, source: str, output: str | None, grid: dict[str, str], asked: dict[str, Any]
) -> None:
    """Look at each of several files, and print a line of each."""
    from counterpoise.cli.findings import FileDiagnoser
    from counterpoise.cli.many_files import each_file

    found, failed = each_file(
        screen, source, output or "", worker=FileDiagnoser, arguments=(asked,), what="diagnosed", **grid
    )
    rows = [found[name] for name in sorted(found)]
    cells = [
        (
            row["dataset"],
            row["minority"] or "-",
            f"{row['rows']:,}",
            number(row["ratio"], 1),
            number(row["difficult_share"]),
            f"{sum(row['repeats_within'].values()):,}",
            f"{row['repeats_across']:,}",
        )
        for row in rows
    ]
    if cells:
        headers = ("file", "class", "rows", "ratio", "difficult share", "repeats", "in two classes")
        screen.table(headers, cells, words=2)
    screen.note(f"{len(rows):,} files diagnosed into {output}")
    screen.rows(rows, failed=failed)
    if failed:
        raise typer.Exit(1)


def _print_counts(screen: Screen, row: dict[str, Any]) -> None:
    counts, n = row["classes"], row["rows"]
    largest, rarest = next(iter(counts)), row["minority"] or list(counts)[-1]
    n_rare, others = counts[rarest], "" if len(counts) == 2 else f", {len(counts)} classes"
    screen.line(
        f"1 {row['data']} in {n / n_rare:.1f} is {rarest!r}: {n_rare:,} of {n:,}, with {counts[largest] / n_rare:.1f} "
        f"{largest!r} for each{others}."
    )
    if row["ratio"] < 1.5:
        screen.line("  The classes are nearly even: remedies for imbalance have little to do here.")
    else:
        screen.line(
            f"  To call every {row['data']} {largest!r} is right for {counts[largest] / n:.1%} of them: judge by "
            "average precision and F1 of the rare class, never by accuracy."
        )


def _print_repeats(screen: Screen, row: dict[str, Any]) -> None:
    what, repeat = ("text", "nearly repeat") if row["data"] == "text" else ("image", "repeat")
    within, counts = row["repeats_within"], row["classes"]
    n_within = sum(within.values())
    parts = ", ".join(f"{within[name]:,} of {counts[name]:,} {name!r}" for name in counts if within[name])
    screen.line(
        f"\n{n_within:,} {what}s ({n_within / row['rows']:.1%}) {repeat} another of their own class"
        f"{': ' + parts if parts else ''}."
    )
    if n_within:
        screen.line(
            "  Keep repeats on one side of every split, as the commands here do, or a model is tested on what it "
            "has seen."
        )
    if what == "image":
        screen.line(
            "  Only images that are the same in every pixel count: copies compressed or cut anew are not found."
        )
    if not row["conflicts"]:
        screen.line(f"\nNo {what} {repeat}s one of another class.")
        return
    screen.line(f"\n{row['repeats_across']:,} {what}s {repeat} one of another class, such as")
    for conflict in row["conflicts"][:_CONFLICTS_SHOWN]:
        for sample in conflict:
            screen.line(_quoted(sample, "  "))
        screen.line()
    screen.line("  One of the two labels is probably wrong: correct these rows first (--json lists all).")


def _print_overlap(screen: Screen, row: dict[str, Any]) -> None:
    rare, k, n_difficult = row["minority"], row["k"], len(row["difficult"])
    what = row["data"]
    whose = f"{what}s of the rarer classes" if rare is None else repr(rare)
    n_rare = (
        sum(row["classes"].values()) - max(row["classes"].values()) if rare is None else row["classes"][rare]
    )
    screen.line(
        f"\n{n_difficult:,} of {n_rare:,} {whose} ({row['difficult_share']:.1%}) are difficult: {_a(what)} of another "
        f"class is among their {k} nearest."
    )
    if "epochs" in row:
        screen.line(
            f"  They were compared in {row['embedding']}, trained for {row['epochs']} epochs at most, each in the one "
            f"of two networks that had not seen it."
        )
    screen.line(
        f"  Of the other {what}s, {row['majority_difficult_share']:.1%} have one of theirs among their {k} nearest."
    )
    if row["difficult_share"] > _NEARLY_ALL:
        screen.line(
            "  That is nearly all: at this size they have hardly a neighbourhood of their own. Let the order below "
            "guide you, and collect more of them."
        )
    elif n_difficult:
        screen.line(
            "  Most errors are to be expected there; `counterpoise compare` tells which method finds them "
            "(recall_difficult)."
        )
    if len(row["classes"]) > 2:
        cells = []
        for name, by_class in row["by_class"].items():
            others = {other: share for other, share in by_class["neighbours"].items() if other != name}
            nearest = max(others, key=others.__getitem__)
            shares = (number(by_class["difficult_share"]), number(others[nearest]))
            cells.append((name, nearest, f"{row['classes'][name]:,}", *shares))
        screen.line()
        screen.table(("class", "mostly near", f"{what}s", "difficult share", "share near it"), cells, words=2)


def _print_difficult(screen: Screen, row: dict[str, Any]) -> None:
    if not row["most_difficult"]:
        return
    what = row["data"]
    screen.line(f"\nThe most difficult, with the nearest {what}s of other classes (rows counted from 0):\n")
    for case in row["most_difficult"]:
        screen.line(_quoted(case, f"  {case['gamma']} of {row['k']}  "))
        for near in case["nearest"]:
            screen.line(_quoted(near, "          near "))
    screen.line(
        f"\n  {'Read' if what == 'text' else 'Look at'} them: correct a wrong label, drop {_a(what)} that says too "
        f"little, and look for more {what}s like the rest."
    )


def _a(what: str) -> str:
    return f"{'an' if what == 'image' else 'a'} {what}"


def _quoted(sample: dict[str, Any], lead: str) -> str:
    """A text on one line, shortened to the screen, or where an image lies, whole; with its row and label."""
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console

    line = f"{lead}row {sample['row']} {sample['label']!r}"
    if "text" not in sample:
        return line if sample["image"] is None else f"{line}: {sample['image']}"
    line += f": {' '.join(sample['text'].split())}"
    width = Console().width if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"
