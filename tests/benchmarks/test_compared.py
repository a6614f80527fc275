"""The foot of a table of a grid names all rows that stand in it, on rows made by hand."""

from __future__ import annotations

import csv
from pathlib import Path

from compared import read_grid


def rows_of(path: Path, *methods: str, machine: str, day: str) -> Path:
    """Two folds of each method on one task."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        fixed = {"dataset": "a", "minority": "b", "keep": "", "backbone": "", "seed": 0, "n_folds": 2}
        writer = csv.DictWriter(file, [*fixed, "fold", "method", "status", "score", "finished_at", "machine"])
        writer.writeheader()
        for method in methods:
            for fold in (0, 1):
                own = {"fold": fold, "method": method, "score": 0.5, "finished_at": f"{day}T10:00"}
                writer.writerow({**fixed, **own, "status": "done", "machine": machine})
    return path


def test_the_foot_counts_what_was_put_beside(tmp_path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    grid = read_grid(rows_of(folder / "one.csv", "erm", "blend", machine="A", day="2026-01-01"), "score")
    assert grid.origin == (
        "4 runs, 2 folds, seeds [0], 2026-01-01 to 2026-01-01, A; versions and keys stand in `results/one.csv`"
    )
    other = read_grid(rows_of(folder / "two.csv", "erm", "auto", machine="B", day="2026-01-02"), "score")
    grid.put_beside(other, "auto", "another")
    assert grid.scores["-"]["a b"]["another"] == {(0, 0): 0.5, (0, 1): 0.5}
    assert grid.origin == (
        "6 runs, 2 folds, seeds [0], 2026-01-01 to 2026-01-02, A, B; versions and keys stand in `results/one.csv` and "
        "`results/two.csv`"
    )


def test_rows_without_the_metric_are_no_zeros(tmp_path) -> None:
    path = rows_of(tmp_path / "rows.csv", "erm", "blend", machine="A", day="2026-01-01")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1].replace("0.5", "")]) + "\n", encoding="utf-8")
    grid = read_grid(path, "score")
    assert grid.scores["-"]["a b"] == {"erm": {(0, 0): 0.5, (0, 1): 0.5}, "blend": {(0, 0): 0.5}}
