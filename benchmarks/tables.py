"""Write the tables of README.md and of the pages in docs/ from the committed result files.

    python benchmarks/tables.py

Each stands between ``<!-- results:NAME -->`` and ``<!-- /results:NAME -->``; nothing else is touched, and a result
file that is not there leaves its tables empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
from claims import deep_claims, mixing_claims
from confirm_tables import answers, by_task, in_short
from design_tables import broken, effects, finalists, gaps, ranking, why
from markdown import origin_of, table_of
from method_tables import (
    blend,
    contrastive,
    encoder_neighbors,
    methods,
    miso_grid,
    mixing_cost,
    mixing_means,
    mixing_norm,
    rivals,
    samplers,
    textcnn,
)
from miso_claims import miso_claims
from miso_tables import miso_cost, miso_decoding, miso_evidence, miso_example, miso_leaning, miso_memory
from sharprecl_tables import sharprecl, sharprecl_ablation, sharprecl_ablation_tail, sharprecl_selection

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    ROOT / "README.md",
    *(
        ROOT / "docs" / name
        for name in (
            "benchmarks.md",
            "anchors.md",
            "helps.md",
            "miso.md",
            "rivals.md",
            "sharprecl.md",
            "mixing.md",
            "deep_oversampling.md",
        )
    ),
)


def compare(result: dict[str, Any]) -> str:
    names = ["average_precision", "f1_tuned", "f1", "f1_tuned_thinned", "brier"]
    rows = [
        [f"`{row['method']}`", *(f"{row[name]['mean']:.3f} ± {row[name]['std']:.3f}" for name in names)]
        for row in result["rows"]
    ]
    head = [
        "method",
        "average precision",
        "F1, tuned",
        "F1 at 0.5",
        "F1, tuned, at the thinned share",
        "Brier",
    ]
    return f"`{result['counterpoise_command']}`\n\n{table_of(head, rows)}\n\n{origin_of(result)}"


def defaults(result: dict[str, Any]) -> str:
    variants = ["default", "float32", "random, trained", "shuffled, frozen"]
    parts = []
    for method in ("erm", "word_swap"):
        rows = []
        for task in result["settings"]["tasks"]:
            cells = [f"`{method}`", task]
            for variant in variants:
                found = [
                    row["average_precision"]
                    for row in result["rows"]
                    if (row["method"], row["task"], row["variant"]) == (method, task, variant)
                ]
                cells.append(f"{sum(found) / len(found):.3f}")
            rows.append(cells)
        parts += rows
    table = table_of(["method", "task", *variants], parts)
    rows = [
        [
            f"`{row['method']}`",
            row["contrast"],
            row["task"],
            f"{row['mean']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]",
        ]
        for row in result["differences"]
        if row["task"] == "mean of tasks"
    ]
    gaps = table_of(["method", "difference in average precision", "over", "mean [95% interval]"], rows)
    return f"{table}\n\n{gaps}\n\n{origin_of(result)}, seeds {result['seeds']}"


def speed(result: dict[str, Any]) -> str:
    """One line a cell, one column a peer."""
    key = ("vectors", "task", "network", "peer", "ours")
    found = {tuple(row[name] for name in key): row for row in result["ratios"]}
    cells = list(dict.fromkeys(place[:3] for place in found))
    peers = list(dict.fromkeys(place[3] for place in found))
    ours = list(dict.fromkeys(place[4] for place in found))
    rows = []
    for cell in cells:
        line = list(cell)
        for peer in peers:
            ratios = [found[(*cell, peer, name)]["whole"] for name in ours]
            line.append(" / ".join(f"{r['median']:.2f} [{r['min']:.2f}, {r['max']:.2f}]" for r in ratios))
        rows.append(line)
    names = " / ".join(name.removeprefix("ours_") for name in ours)
    head = ["vectors", "task", "network", *(peer.replace("_", " ") for peer in peers)]
    intro = f"Times as fast as each peer, ours in {names}: median [least, greatest] over turns."
    seeds = sorted({row["seed"] for row in result["rows"]})
    return f"{intro}\n\n{table_of(head, rows)}\n\n{origin_of(result)}, seeds {seeds}"


def quality(result: dict[str, Any]) -> str:
    """Whether what is fast learns as much."""
    said = {True: "yes", False: "not shown", None: "too few seeds"}
    rows = []
    for row in result["equivalence"]:
        if row["vectors"] == "learnt, frozen":
            spread = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
            names = [row["metric"].replace("_", " "), row["contrast"], row["task"], row["network"]]
            rows.append([*names, f"{row['mean']:+.3f}{spread}", said[row["equivalent"]]])
    head = ["metric", "difference", "task", "network", "mean [90% interval]", "equal within .01"]
    return table_of(head, rows)


def text(result: dict[str, Any]) -> str:
    rows = []
    for name, found in result["datasets"].items():
        times, seconds = found["times_the_analyser"], found["seconds"]
        rows.append(
            [
                name,
                *(f"{times[key]:.2f}" for key in ("tokenize", "encode_256", "encode_whole", "fit")),
                f"{seconds['learn_vectors']:.1f}",
                f"{seconds['textcnn_one_epoch']:.1f}",
                f"{seconds['near_duplicate_groups']:.1f}",
            ]
        )
    head = ["set", "words", "ids, first 256", "ids, whole texts", "vocabulary"]
    head += ["vectors, s", "TextCNN, one epoch, s", "near duplicates, s"]
    return f"{table_of(head, rows)}\n\n{origin_of(result)}, one thread"


_ANCHORS = {
    "copies": "copies",
    "near_repeats": "near repeats",
    "overlap": "words in common with the source",
    "self_bleu": "self-BLEU",
    "longest_span": "longest span of another text",
    "shared_weight": "weight of shared words",
    "told_apart": "told from held-back texts",
    "called_minority": "called minority",
}


def anchors(result: dict[str, Any]) -> str:
    """One table a data set: figures down, samplers across; a value that misses its bar is marked."""
    methods = result["settings"]["methods"]
    parts = []
    for name in result["settings"]["sets"]:
        found = {row["method"]: row for row in result["rows"] if row["set"] == name}
        lines = []
        for key, what in _ANCHORS.items():
            cells = [found[method]["figures"][key] for method in methods]
            # A bar may be a real text's figure, which differs a little with the sources; the last column is MISO's.
            lines.append([what, *map(_anchor_cell, [key] * len(cells), cells), cells[-1]["compared"]])
        head = ["figure", *(f"`{method}`" for method in methods), "bar for `miso`"]
        parts.append(f"**{name}**, {found['miso']['new_texts']:,} new texts\n\n{table_of(head, lines)}")
    parts.append("† misses the bar that its own sources and texts set it.")
    return "\n\n".join([*parts, f"{origin_of(result)}"])


def _anchor_cell(key: str, figure: dict[str, Any]) -> str:
    value = figure["value"]
    if value is None:
        return "-"
    form = {"copies": ",.0f", "longest_span": ".0f"}.get(key)
    form = form or (".1%" if key in ("near_repeats", "overlap", "called_minority") else ".3f")
    return format(value, form) + (" †" if figure["met"] is False else "")


def neighbors(result: dict[str, Any]) -> str:
    """Queries a second of each library, and ours over the faster of the others."""
    lines = []
    for row in result["summary"]:
        speed, against = row["queries_per_second"], row["times_the_faster_peer_by_seconds"]
        exact = row["search"] == "exact"
        ratio = against if exact else row["times_the_scikit-learn_by_seconds"]
        goal = 0.95 if exact else 5.0
        lines.append(
            [
                row["search"],
                f"{row['rows']:,} x {row['features']}",
                f"{row['queries']:,}",
                *(f"{speed[name]:,}" if name in speed else "-" for name in ("scikit-learn", "faiss", "ours")),
                f"{ratio['median']:.2f} [{ratio['min']:.2f}, {ratio['max']:.2f}]",
                f"{goal:g} x {'the faster' if exact else 'scikit-learn'}: "
                + ("met" if ratio["median"] >= goal else "missed"),
                "-" if row["recall"] is None else f"{row['recall']:.3f}",
            ]
        )
    head = ["search", "rows", "queries", "scikit-learn, a second", "FAISS", "ours", "times", "goal", "recall"]
    return f"{table_of(head, lines)}\n\n{origin_of(result)}, one thread"


def kill_resume(result: dict[str, Any]) -> str:
    """What was killed, and what was lost."""
    kills = result["kills"]
    head = ["killed", "times"]
    names = {
        "here": "processes that execute runs themselves",
        "processes": "processes with two workers, and the workers",
        "command": "`counterpoise compare`",
    }
    table = table_of(head, [[names[kind], str(n)] for kind, n in kills.items()])
    return (
        f"{table}\n\n{result['grids_finished']} grids of {result['runs']} runs were finished on the way: "
        f"{result['lost']} rows lost, {result['double']} double, {result['half']} half, and every grid equal to "
        f"one left alone.\n\n{origin_of(result)}"
    )


def grid(result: dict[str, Any]) -> str:
    """How much of the machine 40 runs use, by executor."""
    lines = [
        [
            name,
            str(row["width"]),
            f"{row['seconds']:.0f}",
            *("-" if row[n] is None else f"{row[n]:.0%}" for n in ("used", "gained")),
            "yes" if row["same_rows"] else "NO",
        ]
        for name, row in result["executors"].items()
    ]
    head = ["executor", "runs at a time", "seconds", "cores x time used", "gained", "same rows"]
    verdict = "met" if result["met"] else "missed"
    return (
        f"{table_of(head, lines)}\n\n{result['runs']} runs of one thread; the goal for local processes is "
        f"{result['goal']:.0%}: {verdict}.\n\n{origin_of(result)}"
    )


TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "compare": ("compare.json", compare),
    "defaults": ("defaults.json", defaults),
    "speed": ("training.json", speed),
    "quality": ("training.json", quality),
    "text": ("text.json", text),
    "textcnn": ("textcnn.json", textcnn),
    "anchors": ("anchors.json", anchors),
    "miso_evidence": ("miso_evidence.json", miso_evidence),
    "miso_grid": ("miso_grid.csv", miso_grid),
    "miso_example": ("miso_example.json", miso_example),
    "miso_cost": ("miso.json", miso_cost),
    "miso_decoding": ("miso_decoding.json", miso_decoding),
    "miso_memory": ("miso_memory.json", miso_memory),
    "neighbors": ("neighbors.json", neighbors),
    "blend": ("rivals_blend.csv", blend),
    "encoder_neighbors": ("rivals_neighbors.csv", encoder_neighbors),
    "rivals_networks": ("rivals_networks.csv", rivals),
    "rivals_encoder": ("rivals_encoder.csv", rivals),
    "methods": ("methods.json", methods),
    "samplers": ("samplers.json", samplers),
    "contrastive": ("contrastive.json", contrastive),
    "sharprecl": ("sharprecl_textcnn.csv", sharprecl),
    "sharprecl_ablation": ("sharprecl_ablation.csv", sharprecl_ablation),
    "sharprecl_ablation_tail": ("sharprecl_ablation_tail.csv", sharprecl_ablation_tail),
    "sharprecl_selection": ("sharprecl_selection.csv", sharprecl_selection),
    "kill_resume": ("kill_resume.json", kill_resume),
    "grid": ("grid.json", grid),
    "miso_confirmed": ("confirm_*.csv", answers),
    "miso_in_short": ("confirm_*.csv", in_short),
    "miso_confirming_tasks": ("confirm_*.csv", by_task),
    "miso_effects": ("design_*.csv", effects),
    "miso_gaps": ("design_*.csv", gaps),
    "miso_rivals": ("design_*.csv", ranking),
    "miso_finalists": ("design_*.csv", finalists),
    "miso_broken": ("design_*.csv", broken),
    "miso_why": ("design_*.csv", why),
    "miso_leaning": ("miso_why.json", miso_leaning),
    "miso_claims": ("miso_grid.csv", miso_claims),
    "mixing_cost": ("mixing.json", mixing_cost),
    "mixing_norm": ("mixing_norm.json", mixing_norm),
    "mixing_claims": ("mixing_*.csv", mixing_claims),
    "deep_claims": ("mixing_*.csv", deep_claims),
    **{
        f"mixing_{name}": (f"mixing_{name}.csv", mixing_means)
        for name in ("arrays", "texts", "digits", "images", "many")
    },
}


def _result(source: Path) -> Any:
    """What a table is made from: a result, or the path of exported rows; None without any or while it is running.

    A pattern stands for the paths of all such files.
    """
    if "*" in source.name:
        return sorted(source.parent.glob(source.name)) or None
    if not source.exists():
        return None
    if source.suffix == ".csv":
        return source
    result = json.loads(source.read_text(encoding="utf-8"))
    return result if "processes" not in result or {"seeds", "summary"} & set(result) else None


def main() -> None:
    for path in DOCUMENTS:
        document = path.read_text(encoding="utf-8")
        for name, (file, table) in TABLES.items():
            source = machine.RESULTS / file
            result = _result(source)
            if result is not None:
                body = table(result)
                block = f"<!-- results:{name} -->\n\n{body}\n\n<!-- /results:{name} -->"
                pattern = rf"<!-- results:{name} -->.*?<!-- /results:{name} -->"
                document = re.sub(pattern, lambda _, block=block: block, document, flags=re.DOTALL)
        path.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
