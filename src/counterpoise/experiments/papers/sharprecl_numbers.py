"""What the authors' own script for SharpReCL gives on their two published sets, run once with a small encoder."""

from __future__ import annotations

ORIGIN = ""

SCRIPT: dict[str, dict[str, dict[str, float]]] = {}
"""By line, set and metric."""
