"""One difficult sample from real data, followed through MISO: the worked example of docs/miso.md.

    COUNTERPOISE_DATA=... python benchmarks/miso_example.py

Prints the sample, its neighbours, what SFM says is shared, three anchors, and the shares of majority texts among its
neighbours in the embedding of plain training and of training with the anchors.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np

from counterpoise import MISO, TextClassifier
from counterpoise.crossfit import holdout, text_groups
from counterpoise.data.imbalance import keep_minority
from counterpoise.data.readers import read
from counterpoise.gamma import measure_difficulty, minority_sides
from counterpoise.oversampling.anchors import anchors_from

KEPT, SEED = 59, 0


def main() -> None:
    data = read("sms_spam", split="all")
    groups = text_groups(data.texts)
    train, test = holdout(data.labels, 0.3, groups=groups, seed=SEED)
    train = train[keep_minority(data.labels[train], "spam", KEPT, SEED)[0]]
    sampler = MISO(random_state=SEED)
    sampler.fit_resample(data.texts[train], data.labels[train])
    sides, _ = minority_sides(data.labels, "spam")
    found = {}
    for method in ("erm", "miso"):
        model = TextClassifier(method, threshold=None, random_state=SEED, max_epochs=10, minority="spam")
        model.fit(data.texts[train], data.labels[train])
        spam = test[data.labels[test] == "spam"]
        measured = measure_difficulty(
            model.embed(data.texts[spam]), sides[spam], model.embed(data.texts[train]), sides[train], k=5
        )
        found[method] = measured
        print(method, "share of difficult test spam", round(float(measured.share), 3))
    before, after = found["erm"], found["miso"]
    moved = np.argsort(after.gamma - before.gamma, kind="stable")[0]
    row = int(spam[moved])
    print("\nsample:", data.texts[row])
    for name, measured in found.items():
        print(f"\n{name}: {measured.gamma[moved]} of 5 neighbours are ham")
        for at in measured.neighbours[moved]:
            print("  ", data.labels[train][at], "|", data.texts[train][at][:100])
    writer = sampler.prepared_["spam"]
    source = int(writer.field.sources[writer.field.difficulty.argmax()])
    print("\ndifficult training sample:", data.texts[train][source], writer.field.difficulty.max())
    for anchor in [a for a in anchors_from(sampler.anchors_) if a.source_row == source][:3]:
        print("\n  partner:", data.texts[train][anchor.partner_rows[0]][:120])
        print("  anchor: ", anchor.text)
        print("  shared: ", ", ".join(anchor.shared))
        print("  injected:", ", ".join(anchor.injected))


if __name__ == "__main__":
    main()
