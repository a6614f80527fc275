"""What a store says, written for other programs: runs as a table, comparisons as Markdown or LaTeX.

    export("rows.csv", comparisons, judgements, records, "average_precision")
    export("table.tex", comparisons, judgements, records, "average_precision")

Runs come one a line with key, fields, metrics, seconds, memory, versions and machine, and with what plain training of
the same fold tells of their difficult samples, where the store has it; LaTeX needs ``booktabs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterpoise.data.atomic import atomic_path
from counterpoise.data.writers import TableWriter, json_text, output_format
from counterpoise.errors import SettingsError
from counterpoise.experiments.difficulty import NAMES as DIFFICULTY
from counterpoise.experiments.leaderboard import smaller_wins
from counterpoise.experiments.results import Record
from counterpoise.experiments.table import Comparison, Metric, Row
from counterpoise.experiments.verdicts import Judgement

SHOWN = ("average_precision", "f1_tuned", "f1_at_threshold", "f1", "macro_f1", "brier")
"""Metrics of a written table, besides the one that the verdicts are about."""

_KEPT = ("keep", "thinned_as")
_TABLES = (".md", ".tex")
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def check_export(path: Path) -> None:
    """Refuse a name that means no format.

    Raises
    ------
    SettingsError
        When it is none of those of :func:`counterpoise.data.writers.output_format`, ``.md`` or ``.tex``.
    """
    if path.suffix.lower() in _TABLES:
        return
    try:
        output_format(path)
    except SettingsError as error:
        raise SettingsError(f"{error} for runs, or {' or '.join(_TABLES)} for the tables") from error


def export(
    path: Path,
    found: Sequence[Comparison],
    judgements: Sequence[Judgement],
    records: Sequence[Record],
    metric: str,
) -> str:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : Path
        Its ending says what is written.
    found : sequence of Comparison
    judgements : sequence of Judgement
        One a comparison.
    records : sequence of Record
        Failed ones included.
    metric : str
        What the judgements are about.

    Returns
    -------
    str
        What was written, in words.
    """
    kind = path.suffix.lower()
    if kind not in _TABLES:
        with TableWriter(path) as out:
            out.write(runs_table(records, found))
        return f"{len(records):,} runs"
    write = _markdown if kind == ".md" else _latex
    text = "\n".join(write(c, j, metric) for c, j in zip(found, judgements, strict=True))
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return f"{len(found)} table{'s' if len(found) != 1 else ''}"


def runs_table(records: Sequence[Record], found: Sequence[Comparison] = ()) -> pa.Table:
    """One row a run: key, fields, metrics, seconds and where it was made; settings and versions as JSON.

    Parameters
    ----------
    records : sequence of Record
    found : sequence of Comparison, default=()
        Comparisons of these runs, which know of difficult samples what only two runs together tell; a run that stands
        in none of them, such as one of older code, lacks that.
    """
    told = {key: measures for each in found for row in each.rows for key, measures in _difficulty(row)}
    measures = {r.key: {**told.get(r.key, {}), **r.metrics} for r in records}
    names = list(dict.fromkeys([*(name for record in records for name in record.metrics), *DIFFICULTY]))
    rows: list[dict[str, Any]] = [
        {
            "key": r.key,
            **r.run.fields,
            **{name: None if (kept := getattr(r.run, name)) is None else str(kept) for name in _KEPT},
            **{
                name: json_text(getattr(r.run, name))
                for name in ("method_settings", "backbone_settings", "estimator")
            },
            "status": r.status,
            **{name: measures[r.key].get(name) for name in names},
            "fit_seconds": r.fit_seconds,
            "predict_seconds": r.predict_seconds,
            "peak_memory": r.peak_memory,
            "fitting_rows": r.fitting_rows,
            "arithmetic": r.surroundings.precision,
            "device": r.surroundings.device,
            "threads": r.surroundings.threads,
            "source": r.surroundings.source,
            "versions": json_text(r.surroundings.versions),
            "machine": r.machine,
            "finished_at": r.finished_at,
            "notes": json_text(list(r.notes)),
            "error": r.error,
        }
        for r in records
    ]
    return pa.Table.from_pylist(rows)


def _difficulty(row: Row) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Of each run of a contestant its key, and what is known of difficult samples."""
    for place, key in enumerate(row.keys):
        if key is not None:
            yield key, {name: row.metrics[name].folds[place] for name in DIFFICULTY}


def _columns(found: Comparison, metric: str) -> list[str]:
    names = dict.fromkeys((metric, *SHOWN))
    return [name for name in names if any(_metric(row, name).mean is not None for row in found.rows)]


def _metric(row: Row, name: str) -> Metric:
    return row.metrics.get(name, Metric(None, None, ()))


def _cells(found: Comparison, judgement: Judgement, metric: str, bold: str, math: str) -> list[list[str]]:
    """Of each row: label, means with deviations, verdict; the best mean of a column in bold."""
    columns = _columns(found, metric)
    verdicts = {verdict.method: verdict.sentence for verdict in judgement.verdicts}
    best = {}
    for name in columns:
        means = [mean for row in found.rows if (mean := _metric(row, name).mean) is not None]
        best[name] = min(means) if smaller_wins(name) else max(means)
    lines = []
    for row in found.rows:
        cells = [row.label]
        for name in columns:
            own = _metric(row, name)
            if own.mean is None:
                cells.append("")
                continue
            shown = f"{own.mean:.3f}"
            shown = bold.format(shown) if own.mean == best[name] else shown
            cells.append(shown + math.format(own.std or 0.0))
        cells.append("reference" if row.label == judgement.reference else verdicts.get(row.label, ""))
        lines.append(cells)
    return lines


def _markdown(found: Comparison, judgement: Judgement, metric: str) -> str:
    headers = ["method", *_columns(found, metric), f"{metric} against {judgement.reference}"]
    head = [
        f"**{found.title}**",
        "",
        f"| {' | '.join(headers)} |",
        f"| --- |{' ---: |' * (len(headers) - 2)} --- |",
    ]
    rows = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        for cells in _cells(found, judgement, metric, "**{}**", " ± {:.3f}")
    ]
    return "\n".join([*head, *rows, "", judgement.sentence, ""])


def _latex(found: Comparison, judgement: Judgement, metric: str) -> str:
    columns = _columns(found, metric)
    headers = ["method", *columns, f"{metric} against {judgement.reference}"]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escaped(found.title)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}l}}",
        r"\toprule",
        rf"{' & '.join(map(_escaped, headers))} \\",
        r"\midrule",
    ]
    for label, *values, verdict in _cells(found, judgement, metric, r"\textbf{{{}}}", r" $\pm$ {:.3f}"):
        lines.append(rf"{' & '.join([_escaped(label), *values, _escaped(verdict)])} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
