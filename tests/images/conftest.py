"""What tests of pretrained vision models share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tiny_vision import tiny_vision


@pytest.fixture
def copied(tmp_path) -> Path:
    """A copy of the model's folder, to be spoilt."""
    return shutil.copytree(tiny_vision(), tmp_path / "model")
