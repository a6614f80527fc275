"""Tables of what MISO changes, from rows made by hand."""

from __future__ import annotations

from miso_tables import miso_leaning


def test_what_a_network_leans_on_is_told_by_sampler() -> None:
    machine = {"command": "python x.py", "date": "2026-01-01", "machine": {"cpu": "a", "cores": 2}}
    machine["versions"] = {"python": "3", "torch": "2", "scikit-learn": "1"}
    row = {"dataset": "trec", "sampler": "miso_edit", "near": 0.5, "near_with_anchors": 0.25}
    row |= {"shared": 0.2, "shared_copies": 1.0, "others": 2.0, "others_copies": 2.5}
    rows = [row | {"leaning": leaning, "leaning_copies": 0.4} for leaning in (0.1, 0.3, 0.5)]
    shown = miso_leaning({"processes": [machine], "rows": rows})
    (found,) = (line for line in shown.splitlines() if line.startswith("| trec |"))
    assert found.strip("| ").split(" | ")[1:] == [
        "`miso_edit`",
        "0.40 to 0.30",
        "1.00 to 0.20",
        "2.50 to 2.00",
        "2 of 3",
        "50% to 25%",
    ]
