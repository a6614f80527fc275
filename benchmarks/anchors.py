"""What the new texts of each sampler are like: ``counterpoise oversample --check`` on three data sets.

    COUNTERPOISE_DATA=... python benchmarks/anchors.py       # writes benchmarks/results/anchors.json; minutes

The commands are those a user would type; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
from rows import Rows

SETS = {
    "sms_spam, 59 spam": ["sms_spam", "--minority", "spam", "--keep", "59"],
    "trec, 60 abbreviation": ["trec", "--minority", "abbreviation", "--split", "train", "--keep", "60"],
    "toutiao, 28% of news_car": ["toutiao", "--minority", "news_car", "--keep", "0.28"],
}
METHODS = ("random_oversample", "word_swap", "miso_edit", "miso")


def main() -> None:
    rows = Rows(machine.RESULTS / "anchors.json", {"sets": SETS, "methods": METHODS})
    with tempfile.TemporaryDirectory() as folder:
        for name, source in SETS.items():
            for method in METHODS:
                if rows.find(set=name, method=method):
                    continue
                command = [
                    "oversample",
                    *source,
                    "--method",
                    method,
                    "--check",
                    "--random-state",
                    "0",
                    "--json",
                ]
                done = subprocess.run(
                    [sys.executable, "-m", "counterpoise", *command, "-o", str(Path(folder) / "a.parquet")],
                    stdout=subprocess.PIPE,
                    check=True,
                    text=True,
                )
                (found,) = json.loads(done.stdout)["rows"]
                (figures,) = found["check"].values()
                rows.add(
                    set=name,
                    method=method,
                    new_texts=found["new_texts"],
                    command=" ".join(["counterpoise", *command, "-o", "a.parquet"]),
                    figures=figures,
                )
                print(name, method, {key: value["value"] for key, value in figures.items()}, flush=True)
    rows.finish({"seeds": [0]})


if __name__ == "__main__":
    main()
