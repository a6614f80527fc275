"""A set of three classes with both splits, saved as Hugging Face data sets are."""

from __future__ import annotations

from pathlib import Path

import datasets

from counterpoise.experiments.papers.base import Set
from tiny_texts import make_texts


def three_classes(folder: Path, differs: str = "") -> Set:
    """Write it below a folder; under the name of SharpReCL's first set."""
    parts = {}
    for seed, (split, counts) in enumerate({"train": (40, 20, 12), "test": (12, 12, 6)}.items()):
        texts, labels = make_texts(counts, seed=seed)
        parts[split] = datasets.Dataset.from_dict({"text": list(texts), "label": [f"c{n}" for n in labels]})
    datasets.DatasetDict(parts).save_to_disk(folder / "toy")
    return Set("TREC", str(folder / "toy"), None, given=True, differs=differs)
