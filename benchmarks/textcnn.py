"""TextCNN's filters by words against products over windows and the textbook's convolutions, on one thread, in one run.

    COUNTERPOISE_DATA=... python benchmarks/textcnn.py   # writes benchmarks/results/textcnn.json; a minute or two

Milliseconds of a training step (forward, backward, fused Adam) and of a forward pass, on batches of 64 texts of about
the same length, float32, vectors learnt without labels and frozen, or drawn and trained. The three have the same
weights and give the same numbers; each turn has them in another order.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import machine
from counterpoise.backbones.base import Batch
from counterpoise.backbones.registry import find_backbone
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.data.readers import read
from counterpoise.text.batching import bucketed_batches
from rows import Rows

SETS = ("sms_spam", "ag_news", "r8")
VECTORS = {
    "learnt, frozen": {"vectors": "learnt", "train_vectors": False},
    "random, trained": {"vectors": "random", "train_vectors": True},
}
N_TEXTS, BATCH, STEPS, TURNS = 3000, 64, 20, 7


def textbook(network: TextCNN, batch: Batch) -> Tensor:
    """One nn.Conv1d for each width, as in most implementations."""
    x = network.vectors(batch).transpose(1, 2)
    found = []
    for weight, bias in zip(network.weights, network.biases.split(len(network.weights[0])), strict=True):
        before = (weight.shape[1] - 1) // 2
        responses = functional.conv1d(
            functional.pad(x, (before, weight.shape[1] - 1 - before)), weight.transpose(1, 2), bias
        )
        if batch.mask is not None:
            responses = responses.masked_fill(~batch.mask[:, None], float("-inf"))
        found.append(responses.max(dim=2).values)
    return torch.cat(found, dim=1).relu()


WAYS: dict[str, Callable[[TextCNN, Batch], Tensor]] = {
    "by words": lambda network, batch: network(batch),
    "windows": lambda network, batch: network.pool(network.tokens(batch), batch.mask),
    "textbook": textbook,
}


def prepared(name: str, settings: dict[str, Any]) -> tuple[TextCNN, list[Batch]]:
    """A network and the batches of its steps."""
    texts = read(name, split="all").texts[:N_TEXTS]
    entry = find_backbone("textcnn")
    encoder = entry.make_encoder(settings).fit(texts)
    encoded = encoder.encode(texts)
    rows = bucketed_batches(encoded.lengths, BATCH, np.random.default_rng(0))
    nothing = torch.empty(0)
    torch.manual_seed(0)
    network = entry.make_network(encoder, settings)
    return network, [Batch(*encoded.batch(own), nothing, nothing, nothing) for own in rows[:STEPS]]


def milliseconds(way: str, network: TextCNN, batches: list[Batch]) -> tuple[float, float]:
    """Of a training step and of a forward pass."""
    trained = [p for p in network.parameters() if p.requires_grad]
    kept = [p.detach().clone() for p in trained]
    head = nn.Linear(network.dim, 2)
    optimizer = torch.optim.Adam([*trained, *head.parameters()], fused=True)
    start = time.perf_counter()
    for batch in batches:
        targets = torch.zeros(len(batch.inputs), dtype=torch.int64)
        loss = functional.cross_entropy(head(WAYS[way](network, batch)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    between = time.perf_counter()
    with torch.no_grad():
        for batch in batches:
            WAYS[way](network, batch)
        end = time.perf_counter()
        for parameter, value in zip(trained, kept, strict=True):
            parameter.copy_(value)
    return 1000 * (between - start) / len(batches), 1000 * (end - between) / len(batches)


def measure(rows: Rows) -> None:
    """Time what is missing."""
    for name, (vectors, settings) in itertools.product(SETS, VECTORS.items()):
        missing = [turn for turn in range(TURNS) if not rows.find(task=name, vectors=vectors, turn=turn)]
        if not missing:
            continue
        network, batches = prepared(name, settings)
        with torch.no_grad():
            first, *others = (way(network, batches[0]) for way in WAYS.values())
        for other in others:
            torch.testing.assert_close(first, other)
        for way in WAYS:
            milliseconds(way, network, batches[:3])  # what is done once is nobody's
        for turn in missing:
            order = list(WAYS)[turn % 3 :] + list(WAYS)[: turn % 3]
            found = {way: milliseconds(way, network, batches) for way in order}
            tokens = round(statistics.mean(batch.inputs.numel() for batch in batches))
            rows.add(task=name, vectors=vectors, turn=turn, tokens=tokens, milliseconds=found)
            print(rows.rows[-1], flush=True)


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Medians over turns, and how many times as fast as the textbook's: median, least, most."""
    lines = []
    for (name, vectors), (part, what) in itertools.product(
        itertools.product(SETS, VECTORS), enumerate(("training step", "forward pass"))
    ):
        found = rows.find(task=name, vectors=vectors)
        for way in WAYS:
            times = [row["milliseconds"]["textbook"][part] / row["milliseconds"][way][part] for row in found]
            lines.append(
                {
                    "task": name,
                    "vectors": vectors,
                    "what": what,
                    "way": way,
                    "tokens": found[0]["tokens"],
                    "milliseconds": round(
                        statistics.median(row["milliseconds"][way][part] for row in found), 1
                    ),
                    "times": round(statistics.median(times), 2),
                    "least": round(min(times), 2),
                    "most": round(max(times), 2),
                }
            )
    return lines


def main() -> None:
    torch.set_num_threads(1)
    rows = Rows(
        machine.RESULTS / "textcnn.json", {"sets": SETS, "texts": N_TEXTS, "batch": BATCH, "steps": STEPS}
    )
    measure(rows)
    rows.finish({"summary": summary(rows)})
    for line in summary(rows):
        print(line)


if __name__ == "__main__":
    main()
