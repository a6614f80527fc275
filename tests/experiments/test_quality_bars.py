"""The contract of the anchors on real data, by the very command that a user types."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.real_data

SETS = {
    "sms_spam": ["sms_spam", "--minority", "spam", "--keep", "59"],
    "trec": ["trec", "--minority", "abbreviation", "--split", "train", "--keep", "60"],
}
BARS = [
    "copies",
    "unknown",
    "near_repeats",
    "overlap",
    "self_bleu",
    "shared_weight",
    "told_apart",
    "called_minority",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sms_spam", "trec"])
def test_anchors_keep_all_bars(name, tmp_path) -> None:
    command = ["oversample", *SETS[name], "--method", "miso", "--check", "--json", "--random-state", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise", *command, "-o", str(tmp_path / "anchors.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    (figures,) = row["check"].values()
    assert {bar: figures[bar] for bar in BARS if not figures[bar]["met"]} == {}
    (minority,) = (label for label, count in row["after"].items() if count > row["before"][label])
    assert len(set(row["after"].values())) == 1, f"{minority} is filled up"
