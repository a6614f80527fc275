"""Rows of a long benchmark, written after each run, so that a killed benchmark goes on where it stopped.

rows = Rows(path, settings={"epochs": 5})
if not rows.find(dataset="sms_spam", seed=0):
    rows.add(dataset="sms_spam", seed=0, seconds=1.2)
rows.finish({"table": ...})
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import machine

Row = dict[str, Any]


class Rows:
    """The rows of one result file.

    Parameters
    ----------
    path : Path
        Read when it exists; replaced as a whole, atomically, after each row.
    settings : dict
        Whatever decides the rows besides their own fields; a file with other settings is refused.
    *packages : str
        Whose versions are recorded besides those of :func:`machine.describe`.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *packages: str) -> None:
        self.path = path
        self.settings = json.loads(json.dumps(settings))
        self.rows: list[Row] = []
        self.processes: list[dict[str, Any]] = []
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["settings"] != self.settings:
                sys.exit(f"{path} was made with other settings; delete it or give another --output")
            self.rows, self.processes = found["rows"], found["processes"]
        # Each process that adds rows is a process: rows of one process are of one machine and one hour.
        self.process = len(self.processes)
        self.here = machine.describe(*packages)

    def find(self, **fields: Any) -> list[Row]:
        """Rows with all of these values."""
        return [row for row in self.rows if all(row[key] == value for key, value in fields.items())]

    def drop(self, **fields: Any) -> None:
        """Forget rows with all of these values."""
        gone = [id(row) for row in self.find(**fields)]
        self.rows = [row for row in self.rows if id(row) not in gone]

    def add(self, **row: Any) -> None:
        """Append a row and write the file."""
        if self.process == len(self.processes):
            self.processes.append(self.here)
        self.rows.append({**row, "process": self.process})
        self._write({})

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the file with what the rows say together."""
        self._write(summary)

    def _write(self, summary: dict[str, Any]) -> None:
        machine.write(
            self.path,
            {"settings": self.settings, "processes": self.processes, **summary, "rows": self.rows},
        )
