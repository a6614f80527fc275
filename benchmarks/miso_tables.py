"""Tables of what MISO is worth and what it costs, for ``tables.py``."""

from __future__ import annotations

from typing import Any

from markdown import origin_of, table_of


def miso_evidence(result: dict[str, Any]) -> str:
    """Means of all variants, then what MISO gains over some."""
    tasks = list(result["settings"]["tasks"])
    means = {(row["task"], row["variant"]): row for row in result["means"]}
    lines = [
        [f"`{name}`"]
        + [
            f"{means[task, name][metric]:.3f}" if (task, name) in means else "-"
            for task in tasks
            for metric in ("average_precision", "f1")
        ]
        for name in dict.fromkeys(name for _, name in means)
    ]
    head = ["method", *(f"{task}, {metric}" for task in tasks for metric in ("average precision", "F1"))]
    gaps = [
        [
            f"`{row['against']}`",
            row["task"],
            f"{row['mean']:+.3f}"
            + ("" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"),
        ]
        for row in result["differences"]
    ]
    table = table_of(["`miso` against", "over", "average precision, mean [95% interval]"], gaps)
    return (
        f"{table_of(head, lines)}\n\n{table}\n\n{origin_of(result)}, seeds {result['seeds']}, five folds each"
    )


def miso_example(result: dict[str, Any]) -> str:
    """A sample before and after, and a source with its anchors."""

    def quoted(text: str) -> str:
        return "> " + text.replace("\n", " ").replace("|", "\\|")

    share = result["share_difficult"]
    parts = [
        f"With {result['kept']} spam messages to learn from, {share['erm']:.1%} of the test spam is difficult in the "
        f"embedding of plain training, and {share['miso']:.1%} in that of training with anchors. One that moved:",
        quoted(result["sample"]),
    ]
    for method, when in (("erm", "after plain training"), ("miso", "after training with anchors")):
        near = [[row["label"], row["text"].replace("|", "\\|")[:100]] for row in result["neighbours"][method]]
        parts += [f"Its nearest training texts {when}:", table_of(["class", "text"], near)]
    parts += [
        f"The most difficult training sample ({result['difficulty']:.0%} of its neighbours are ham in the label-free "
        "embedding) and three anchors written from it:",
        quoted(result["source"]),
    ]
    rows = [
        [one["partner"][:100], ", ".join(one["shared"]) or "-", ", ".join(one["injected"]), one["text"]]
        for one in result["anchors"]
    ]
    clean = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    parts += [table_of(["majority partner", "shared with it", "borrowed from it", "anchor"], clean)]
    return "\n\n".join([*parts, origin_of(result)])


def miso_cost(result: dict[str, Any]) -> str:
    """Seconds by part, and times those of class weights."""
    lines = []
    for row in result["ratios"]:
        times = f"{row['times_class_weight']:.1f} [{row['least']:.1f}, {row['most']:.1f}]"
        bar = (
            "" if row["bar"] is None else f"at most {row['bar']:.0f}: " + ("met" if row["met"] else "missed")
        )
        parts = [
            f"{row[part]:.1f}" for part in ("difficulty", "training", "writing", "classifier", "seconds")
        ]
        lines.append([row["task"], f"`{row['contender']}`", *parts, times, bar])
    head = ["task", "method", "difficulty", "training", "writing", "classifier", "all, s"]
    return f"{table_of([*head, 'times class weights', 'bar'], lines)}\n\n{origin_of(result)}, one thread"


def miso_decoding(result: dict[str, Any]) -> str:
    """Seconds of the decoder's products alone and of writing, by way of choosing tokens."""
    lines = [
        [name, f"{row['floor_seconds']:.1f}", f"{row['write_seconds']:.1f}", f"{row['share_of_floor']:.0%}"]
        for name, row in result["decodings"].items()
    ]
    head = ["decoding", "matrix products alone, s", "writing, s", "share"]
    what = f"{result['texts']:,} texts of {result['tokens']} tokens, {result['subwords']:,} sub-words"
    return f"{table_of(head, lines)}\n\n{origin_of(result)}, {what}, one thread; the goal is {result['goal']:.0%}"


def miso_memory(result: dict[str, Any]) -> str:
    """The peak of one process."""
    verdict = "met" if result["met"] else "missed"
    return (
        f"{result['majority']:,} majority and {result['minority']:,} minority texts, {result['anchors']:,} anchors: "
        f"a peak of {result['peak_gib']:.2f} GiB (bar {result['bar_gib']:g}: {verdict}), "
        f"{result['seconds']:.0f} s.\n\n{origin_of(result)}"
    )


def miso_leaning(result: dict[str, Any]) -> str:
    """What anchors change, of each data set and sampler the mean over folds."""
    rows = result["rows"]
    lines = []
    for dataset, sampler in dict.fromkeys((row["dataset"], row["sampler"]) for row in rows):
        own = [row for row in rows if (row["dataset"], row["sampler"]) == (dataset, sampler)]

        def mean(name: str, own: list[dict[str, Any]] = own) -> float:
            return sum(row[name] for row in own) / len(own)

        lines.append(
            [
                dataset,
                f"`{sampler}`",
                f"{mean('leaning_copies'):.2f} to {mean('leaning'):.2f}",
                f"{mean('shared_copies'):.2f} to {mean('shared'):.2f}",
                f"{mean('others_copies'):.2f} to {mean('others'):.2f}",
                f"{sum(row['leaning'] < row['leaning_copies'] for row in own)} of {len(own)}",
                f"{mean('near'):.0%} to {mean('near_with_anchors'):.0%}",
            ]
        )
    head = [
        "data",
        "anchors by",
        "shared words over others, after copies to after anchors",
        "shared words, log-odds",
        "others, log-odds",
        "folds in which the first falls",
        "difficult in the fixed embedding, without to with anchors",
    ]
    return f"{table_of(head, lines)}\n\n{origin_of(result)}"
