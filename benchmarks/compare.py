"""The README's comparison: the command a user would type, its rows kept with versions, machine and date.

    COUNTERPOISE_DATA=... python benchmarks/compare.py

Quality is what counts here; the seconds in the rows are those of whatever else the machine was doing.
"""

from __future__ import annotations

import json
import subprocess
import sys

import machine

COMMAND = [
    *("compare", "sms_spam", "--minority", "spam", "--keep", "0.1", "--folds", "5", "--random-state", "0"),
    *("--methods", "erm,class_weight,random_oversample,word_swap,tfidf_lr", "--json"),
]


def main() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise", *COMMAND], stdout=subprocess.PIPE, check=True, text=True
    )
    result = {
        **machine.describe(),
        "counterpoise_command": " ".join(["counterpoise", *COMMAND]),
        "rows": json.loads(done.stdout)["rows"],
    }
    machine.write(machine.RESULTS / "compare.json", result)


if __name__ == "__main__":
    main()
