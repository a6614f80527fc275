"""What the authors' own script for SharpReCL gives on their published sets, and how it was run.

Empty until it has been run on the same encoder and data as the lines that it is to stand beside.
"""

from __future__ import annotations

ORIGIN = ""

SCRIPT: dict[str, dict[str, dict[str, float]]] = {}
"""By line, set and metric."""
