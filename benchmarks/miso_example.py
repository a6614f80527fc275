"""One difficult sample from real data, followed through MISO: the worked example and the figure of docs/miso.md.

    COUNTERPOISE_DATA=... python benchmarks/miso_example.py     # writes results/miso_example.json and the figure

Which sample: the spam message of the test side that had the most ham around it in the embedding of plain training, and
of these the one whose neighbourhood changed most. It is shown because it moved, so it says how, not how often; that
stands beside it.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

from pathlib import Path
from typing import Any

import numpy as np

import machine
from counterpoise import MISO, TextClassifier
from counterpoise.crossfit import holdout
from counterpoise.data.imbalance import keep_minority
from counterpoise.data.readers import read
from counterpoise.gamma import measure_difficulty, minority_sides
from counterpoise.groups import text_groups
from counterpoise.oversampling.anchors import anchors_from

KEPT, SEED, NEIGHBOURS = 59, 0, 5
CURVES = ("I(Q; Qbar)", "I(K; Qbar)", "I(Q; anchor)", "I(K; anchor)")
FIGURE = Path(__file__).resolve().parent.parent / "docs" / "miso_information.svg"


def main() -> None:
    data = read("sms_spam", split="all")
    train, test = holdout(data.labels, 0.3, groups=text_groups(data.texts), seed=SEED)
    train = train[keep_minority(data.labels[train], "spam", KEPT, SEED)[0]]
    texts, labels = data.texts[train], data.labels[train]
    sampler = MISO(random_state=SEED)
    sampler.fit_resample(texts, labels)
    spam = test[data.labels[test] == "spam"]
    result = {
        **machine.describe("matplotlib"),
        "seed": SEED,
        "kept": KEPT,
        **neighbourhoods(data, train, spam),
        **anchors(sampler, texts),
        "information": information(sampler),
    }
    machine.write(machine.RESULTS / "miso_example.json", result)
    draw(result["information"])


def neighbourhoods(data: Any, train: np.ndarray, spam: np.ndarray) -> dict[str, Any]:
    """Share of difficult test spam after plain training and after MISO, and the neighbours of one message."""
    sides = minority_sides(data.labels, "spam").sides
    found = {}
    for method in ("erm", "miso"):
        model = TextClassifier(method, threshold=None, random_state=SEED, pos_label="spam")
        model.fit(data.texts[train], data.labels[train])
        found[method] = measure_difficulty(
            model.embed(data.texts[spam]),
            sides[spam],
            model.embed(data.texts[train]),
            sides[train],
            k=NEIGHBOURS,
        )
    before, after = found["erm"].gamma, found["miso"].gamma
    moved = int(np.lexsort([after - before, -before])[0])
    return {
        "share_difficult": {method: round(float(one.share), 4) for method, one in found.items()},
        "sample": str(data.texts[spam[moved]]),
        "neighbours": {
            method: [
                {"label": str(data.labels[train][at]), "text": str(data.texts[train][at])}
                for at in one.neighbours[moved]
            ]
            for method, one in found.items()
        },
    }


def anchors(sampler: MISO, texts: np.ndarray) -> dict[str, Any]:
    """The most difficult source and three of its anchors."""
    field = sampler.prepared_["spam"].field
    source = int(field.sources[field.difficulty.argmax()])
    own = [anchor for anchor in anchors_from(sampler.anchors_) if anchor.source_row == source][:3]
    return {
        "source": str(texts[source]),
        "difficulty": float(field.difficulty.max()),
        "anchors": [
            {
                "partner": str(texts[anchor.partner_rows[0]]),
                "text": anchor.text,
                "shared": list(anchor.shared),
                "injected": list(anchor.injected),
            }
            for anchor in own
        ],
    }


def information(sampler: MISO) -> dict[str, list[float]]:
    """Estimates of each step of the joint phase, in nats."""
    history = sampler.prepared_["spam"].history
    assert history is not None
    rows = [row for row in history.rows if row["phase"] == "joint"]
    return {name: [round(row[name], 4) for row in rows] for name in CURVES}


def draw(curves: dict[str, list[float]]) -> None:
    """Both estimates over the steps of the joint phase, of Q-bar and of the finished anchor."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "counterpoise", "font.size": 9}
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharex=True, layout="constrained")
    for axis, (kept, left), title in zip(axes, (CURVES[:2], CURVES[2:]), ("fused", "anchor"), strict=True):
        axis.plot(curves[kept], label=f"{kept}: raised", color="tab:blue")
        axis.plot(curves[left], label=f"{left}: lowered", color="tab:red", linestyle="--")
        axis.set(title=title, xlabel="step of the joint phase", ylabel="nats")
        axis.legend(frameon=False)
    figure.savefig(FIGURE, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
