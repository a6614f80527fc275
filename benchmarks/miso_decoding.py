"""How near writing anchors comes to the bare matrix products of MISO's free decoder, on one thread.

    python benchmarks/miso_decoding.py              # writes benchmarks/results/miso_decoding.json; minutes
    python benchmarks/miso_decoding.py --quick      # a small run to see that it works; writes nothing unless asked

The decoder is as MISO builds it, with untrained weights and an end that never comes, so that all texts have the
length asked for. The floor is a plain loop over the products of its layers (the recurrent layer's two, and the output
layer's with its bias) for as many texts at once and as many tokens: no choice, no non-linearity, no text. A share is
the floor's seconds over those of ``write``, which go from row numbers to finished texts. Contenders take turns within
one process; medians are reported, and shares are medians of the shares within a turn.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import machine
from counterpoise.data.demo import make_corpus
from counterpoise.miso.decoding import Decoding
from counterpoise.miso.free import FreeDecoder
from counterpoise.miso.subwords import END, Subwords

SEED = 0
DIM = 64  # of the latent, the paper's
SOURCES = 500  # difficult samples; the same one is written to many times
AT_ONCE = 128  # texts in a product, as in decoding
GOAL = 0.6
DECODINGS = {
    "sample": Decoding(),
    "greedy": Decoding("greedy"),
    "top_k 50": Decoding(top_k=50),
    "top_p 0.9": Decoding(top_p=0.9),
}


def make_decoder(n_subwords: int, n_tokens: int) -> FreeDecoder:
    """Build a decoder whose every text has ``n_tokens`` sub-words: long sources, and no end by itself."""
    texts, _ = make_corpus(SOURCES, SEED)
    # Made-up words on top, since the built-in corpus has too few for a vocabulary of full size.
    rng = np.random.default_rng(SEED)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    made_up = ["".join(rng.choice(letters, 7)) for _ in range(n_subwords)]
    long = np.array(
        [f"{text} {word} {word}. " * 4 for text, word in zip(texts, made_up, strict=False)], object
    )
    subwords = Subwords(n_subwords, seed=SEED).fit([*long, *[f"{word} {word}" for word in made_up]])
    torch.manual_seed(SEED)
    decoder = FreeDecoder(long, DIM, subwords, max_length=n_tokens).eval()
    with torch.no_grad():
        decoder.output.bias[END] = -1e9
    return decoder


@torch.no_grad()
def floor(decoder: FreeDecoder, n_texts: int, n_tokens: int) -> None:
    """Do the products of writing, and nothing else."""
    to_gates, from_hidden, *_ = decoder.recurrence.parameters()
    output = decoder.output
    inputs = torch.zeros(AT_ONCE, to_gates.shape[1])
    hidden = torch.zeros(AT_ONCE, from_hidden.shape[1])
    for start in range(0, n_texts, AT_ONCE):
        size = min(AT_ONCE, n_texts - start)
        for _ in range(n_tokens):
            functional.linear(inputs[:size], to_gates)
            functional.linear(hidden[:size], from_hidden)
            functional.linear(hidden[:size], output.weight, output.bias)


def write(decoder: FreeDecoder, n_texts: int, decoding: Decoding) -> list[str]:
    rows = np.arange(n_texts) % len(decoder.texts)
    z = torch.randn(n_texts, DIM, generator=torch.Generator().manual_seed(SEED))
    written = decoder.write(rows, rows, z, decoding, torch.Generator().manual_seed(SEED))
    return [one.text for one in written]


def seconds_of(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def measure(decoder: FreeDecoder, n_texts: int, n_tokens: int, repeats: int) -> dict[str, dict[str, Any]]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in DECODINGS}
    write(decoder, SOURCES, DECODINGS["sample"])  # training has read the sources before they are written to
    for _ in range(repeats):
        for name, decoding in DECODINGS.items():
            bare = seconds_of(lambda: floor(decoder, n_texts, n_tokens))
            taken = seconds_of(lambda decoding=decoding: write(decoder, n_texts, decoding))  # type: ignore[misc]
            found[name].append((bare, taken))
            print(
                f"{name:10} floor {bare:7.2f} s  write {taken:7.2f} s  share {bare / taken:.2f}", flush=True
            )
    return {
        name: {
            "floor_seconds": round(statistics.median(bare for bare, _ in pairs), 3),
            "write_seconds": round(statistics.median(taken for _, taken in pairs), 3),
            "texts_per_second": round(n_texts / statistics.median(taken for _, taken in pairs), 1),
            "share_of_floor": round(statistics.median(bare / taken for bare, taken in pairs), 3),
        }
        for name, pairs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--texts", type=int, default=12_000)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--subwords", type=int, default=4_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="512 texts of 20 tokens, once")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    n_texts, n_tokens, repeats = arguments.texts, arguments.tokens, arguments.repeats
    if arguments.quick:
        n_texts, n_tokens, repeats = 512, 20, 1
    decoder = make_decoder(arguments.subwords, n_tokens)
    rows = measure(decoder, n_texts, n_tokens, repeats)
    result = {
        **machine.describe("tokenizers"),
        "threads": 1,
        "seed": SEED,
        "repeats": repeats,
        "texts": n_texts,
        "tokens": n_tokens,
        "subwords": len(decoder.subwords),
        "goal": GOAL,
        "reached": rows["sample"]["share_of_floor"] >= GOAL,
        "decodings": rows,
    }
    output = arguments.output or (None if arguments.quick else machine.RESULTS / "miso_decoding.json")
    if output is not None:
        machine.write(output, result)
        print(f"Written to {output}")
    reached = "reached" if result["reached"] else "missed"
    print(
        f"Sampling runs at {rows['sample']['share_of_floor']:.0%} of the floor; the goal of {GOAL:.0%} is {reached}."
    )


if __name__ == "__main__":
    main()
