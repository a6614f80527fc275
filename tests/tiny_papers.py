"""Toy data in place of those of papers: three classes of texts, and ten of images, with both splits."""

from __future__ import annotations

import io
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from counterpoise.data.image_sets import image_entries
from counterpoise.experiments.papers.base import Set
from tiny_images import make_images
from tiny_texts import make_texts


def three_classes(folder: Path, differs: str = "") -> Set:
    """Write it below a folder; under the name of SharpReCL's first set."""
    parts = {}
    for seed, (split, counts) in enumerate({"train": (40, 20, 12), "test": (12, 12, 6)}.items()):
        texts, labels = make_texts(counts, seed=seed)
        parts[split] = datasets.Dataset.from_dict({"text": list(texts), "label": [f"c{n}" for n in labels]})
    datasets.DatasetDict(parts).save_to_disk(folder / "toy")
    return Set("TREC", str(folder / "toy"), None, given=True, differs=differs)


def toy_cifar(folder: Path) -> Path:
    """Write ten classes of toy images below a folder, which is returned, as CIFAR-10 lies there."""
    (folder / "cifar10").mkdir()
    names = image_entries()[0].classes
    for seed, (split, count) in enumerate({"train": 12, "test": 3}.items()):
        images, labels = make_images((count,) * 10, seed)
        table = pa.table({"image": [_png(image) for image in images], "label": [names[n] for n in labels]})
        pq.write_table(table, folder / "cifar10" / f"{split}.parquet")
    return folder


def _png(pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
