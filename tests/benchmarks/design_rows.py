"""Rows of MISO's design, made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from counterpoise.data.imbalance import parse_keep
from design_lines import (
    CELLS,
    COMMON,
    FACTORS,
    PLAIN,
    PUBLISHED,
    RIVALS,
    ROUTES,
)
from miso_design import TASKS

EVERY = list({line.name: line for line in (*PLAIN, *ROUTES, *CELLS, *RIVALS, *PUBLISHED)}.values())
SETTINGS = ("method_settings", "backbone_settings", "estimator")
FIELDS = ("dataset", "minority", "keep", "method", "backbone", *SETTINGS, "seed", "fold", "status", "machine")
METRICS = ("average_precision", "difficult_share_after", "margin_rare", "fit_seconds")


def named(*names: str) -> list:
    found = {line.name: line for line in EVERY}
    return [found[name] for name in names]


def written(
    path: Path, lines, score, *, sets=TASKS, whole=False, seeds=(0, 1), machine="a", **metrics
) -> Path:
    """Rows of lines by ``score(line, dataset, seed, fold)``; ``metrics`` are functions of the line's name."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*FIELDS, *METRICS])
        if not file.tell():
            writer.writeheader()
        for line in lines:
            own = {"method": {}, "backbone": {}, "": {}}
            for name, value in {**COMMON, **line.settings}.items():
                kind, nested, setting = name.partition("__")
                own[kind if nested else ""][setting if nested else name] = value
            settings = dict(zip(SETTINGS, map(json.dumps, own.values()), strict=True))
            for made in sets:
                keep = "" if whole or made.keep is None else str(parse_keep(made.keep))
                place = {"dataset": made.dataset, "minority": made.minority, "keep": keep}
                for seed, fold in ((seed, fold) for seed in seeds for fold in range(3)):
                    row = {"method": line.method, "backbone": line.backbone or "", "status": "done"}
                    row["machine"] = machine
                    row |= {"seed": seed, "fold": fold, **place, **settings}
                    row |= {name: of(line.name) for name, of in metrics.items()}
                    writer.writerow(row | {"average_precision": score(line, made.dataset, seed, fold)})
    return path


def line_of(table: str, name: str) -> list[str]:
    (found,) = (row for row in table.splitlines() if row.startswith(f"| {name} |"))
    return found.removeprefix("| ").removesuffix(" |").split(" | ")


def on_in(line) -> set[str]:
    """Factors that are on in a cell."""
    return {name for name, (key, _, on) in FACTORS.items() if line.settings.get(f"method__{key}") == on}
