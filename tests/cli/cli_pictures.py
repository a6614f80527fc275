"""Small pictures for tests of the command line, as folders and as Parquet files, and a network fast to train."""

from __future__ import annotations

import csv
import io

import numpy as np
import PIL.Image

NAMES = np.array(["plain", "marked"])
TINY = [*("--backbone", "convnet", "--set", "backbone__kernel=3", "--set", "backbone__channels=[4]")]
TRAINING = [*TINY, *("--set", "backbone__hidden=[16]", "--set", "batch_size=16", "--max-epochs", "2")]
FIT = [*TRAINING, *("--folds", "2")]
SETTINGS = {
    "backbone": "convnet",
    "backbone__kernel": 3,
    "backbone__channels": [4],
    "backbone__hidden": [16],
    "batch_size": 16,
    "max_epochs": 2,
    "random_state": 0,
}


def png(pixels):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fails(run, *args):
    """The one sentence of a command that is refused."""
    result = run(*args, code=2)
    sentences = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, result.stderr
    assert result.stdout == ""
    return sentences[0]
