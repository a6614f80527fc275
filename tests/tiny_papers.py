"""Toy data in place of those of papers: three classes of texts, and ten of images and of digits."""

from __future__ import annotations

import io
from pathlib import Path

import datasets
import numpy as np
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


def toy_mnist(folder: Path) -> Path:
    """Write 20 toy digits of each class below a folder, which is returned, as MNIST lies there."""
    (folder / "mnist").mkdir()
    images, labels = make_images((20,) * 10)
    grey = np.pad(images.mean(axis=3).astype(np.uint8), ((0, 0), (8, 8), (8, 8)))
    table = pa.table({"pixels": grey.reshape(len(grey), -1).tolist(), "label": [str(n) for n in labels]})
    table = table.cast(pa.schema({"pixels": pa.list_(pa.uint8(), 28 * 28), "label": pa.string()}))
    pq.write_table(table, folder / "mnist" / "test.parquet")
    return folder


def _png(pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
