"""What the authors' own script for SharpReCL gives on their published sets, and how it was run.

Empty until it has been run on the same encoder and data as the lines that it is to stand beside.
"""

from __future__ import annotations

ORIGIN = ""

ENCODER = "all-MiniLM-L6-v2"
"""What it was run with; the lines' names say it too."""

ON_TEST = "epoch chosen on the test"
"""What is in the name of each line whose epoch the test side has chosen, as the script does, and in no other's."""

SCRIPT: dict[str, dict[str, dict[str, float]]] = {}
"""By line, set and metric, in shares: of each variant a line for the epoch that it chooses and one for its last."""
