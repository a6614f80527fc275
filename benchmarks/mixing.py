"""What mixing, deep over-sampling and the image pipeline cost, beside plain training and imbalanced-DL's trainer.

    git clone https://github.com/ntucllab/imbalanced-DL peer
    python benchmarks/mixing.py --peer peer                  # writes benchmarks/results/mixing.json; half an hour

Steps: ResNet-32 on images of CIFAR-10's shape under a long tail, 128 rows a step, one thread, float32. ``peer`` is
the body of imbalanced-DL's MAMix loop with its own network and functions, on tensors that lie in memory already (its
loader is timed for nobody); ``bare`` is our network in a loop of six lines on such tensors; the others are ours with
all that belongs to a training: pixels as bytes, crops and mirror images, standardising. ``mamix auto`` computes as our
trainings do by default, in bfloat16 where the machine has it. DOS: whole fits of 50,000
rows, neighbours included, on a convolutional network. Every row has five neighbours (``k`` and ``k_majority`` 5) and
comes up once (``overload`` 0), so that both trainings take as many rows: the bar is about what a row costs. By default
only rare rows have neighbours, and come up so often that an epoch of this long tail has several times as many rows.
Everybody is timed in each turn, in an order that turns round.
"""

from __future__ import annotations

import os

# Before any of them is imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import machine
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.resnet import ResNet
from counterpoise.images.mapped import MappedImages, temporary_map
from counterpoise.images.pixels import Pixels
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.training import loop
from counterpoise.training.settings import TrainingSettings
from rows import Rows
from watch import Watch

BATCH, STEPS, TURNS, CLASSES = 128, 10, 10, 10
DOS_ROWS, DOS_EPOCHS, DOS_TURNS = 50_000, 8, 2
DOS_SETTINGS = {"k": 5, "k_majority": 5, "overload": 0.0}
EQUAL_ROWS = "dos against erm, whole fit of equal rows: every row with 5 neighbours, none repeated"
BARS = {
    "mamix against peer, steps per second": (1.8, "at least"),
    "mamix in the default number format against peer, steps per second": (1.8, "at least"),
    "mamix against erm, time of a step": (1.05, "at most"),
    "erm against bare, steps per second": (0.95, "at least"),
    "erm mapped against bare, steps per second": (0.95, "at least"),
    EQUAL_ROWS: (1.5, "at most"),
}


def images(n_rows: int, side: int = 32) -> Data:
    """Noise with the labels of a long tail of 100 to 1."""
    rng = np.random.default_rng(0)
    shares = 100.0 ** (-np.arange(CLASSES) / (CLASSES - 1))
    labels = np.sort(rng.choice(CLASSES, n_rows, p=shares / shares.sum()))
    labels[:CLASSES] = np.arange(CLASSES)
    pixels = rng.integers(0, 256, (n_rows, side, side, 3), dtype=np.uint8)
    return Data(pixels, labels.astype(np.int64), CLASSES, np.ones(n_rows))


def ours(
    method: str, data: Data, settings: dict[str, Any], precision: str = "float32"
) -> Callable[[], float]:
    """Milliseconds of a step of a training by us."""
    watch = Watch()
    watch.on(loop, "_epoch", "epoch")
    watch.on(loop._Step, "forward", "step")
    context = Context(
        seed=0,
        backbone="resnet",
        backbone_settings={"depth": 32},
        training=TrainingSettings(
            max_epochs=1,
            batch_size=BATCH,
            optimizer="sgd",
            weight_decay=2e-4,
            device="cpu",
            precision=precision,
        ),
    )

    def run() -> float:
        watch.clear()
        make_method(method, settings).fit(data, context)
        return 1000 * watch.seconds["epoch"] / watch.calls["step"]

    return run


def bare(data: Data) -> Callable[[], float]:
    """Milliseconds of a step of our network in a loop on tensors that lie in memory."""
    encoder = Pixels().fit(data.inputs)
    whole = encoder.encode(data.inputs)
    model = Network(ResNet(encoder.input_spec, depth=32, augment=False), CLASSES)
    model.backbone.vectors = lambda batch: batch.inputs  # type: ignore[method-assign]
    mean, scale = (
        torch.tensor(v, dtype=torch.float32).view(1, -1, 1, 1) for v in (encoder.mean_, encoder.scale_)
    )
    pixels = ((whole.values.float() - mean) / scale).contiguous(memory_format=torch.channels_last)
    labels, nothing = torch.from_numpy(data.labels), torch.empty(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4, fused=True)

    def run() -> float:
        order = torch.randperm(len(labels)).split(BATCH)
        start = time.perf_counter()
        for rows in order:
            logits = model(Batch(pixels[rows], None, nothing, nothing, nothing))
            functional.cross_entropy(logits, labels[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
        return 1000 * (time.perf_counter() - start) / len(order)

    return run


def peer(folder: Path, data: Data) -> Callable[[], float]:
    """Milliseconds of a step of imbalanced-DL's MAMix trainer: its functions and network in the order of its loop."""
    for name in (
        "imbalanceddl",
        "imbalanceddl.strategy",
        "imbalanceddl.utils",
        "imbalanceddl.strategy.trainer",
    ):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["imbalanceddl.strategy.trainer"].Trainer = object  # type: ignore[attr-defined]
    metrics = _module(folder, "imbalanceddl.utils.metrics")
    _module(folder, "imbalanceddl.utils.utils")
    mamix = _module(folder, "imbalanceddl.strategy._mamix_drw")
    net = _module(folder, "imbalanceddl.net.resnet_cifar")
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]  # it asks for a GPU
    model = nn.Sequential(net.resnet32(), nn.Linear(64, CLASSES, bias=False)).train()
    pixels = torch.from_numpy(data.inputs).permute(0, 3, 1, 2).float().div(255).contiguous()
    labels = torch.from_numpy(data.labels)
    settings = SimpleNamespace(cls_num_list=np.bincount(data.labels).tolist(), mamix_ratio=-0.25, gpu=None)
    criterion = nn.CrossEntropyLoss(reduction="none")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)

    def run() -> float:
        order = torch.randperm(len(labels)).split(BATCH)
        start = time.perf_counter()
        for rows in order:
            inputs, target = pixels[rows], labels[rows]
            mixed, one, other, _, weights = mamix.mamix_data(inputs, target, settings)
            plain, output = model(inputs), model(mixed)
            loss = mamix.mamix_criterion(criterion, output, one, other, weights, settings)
            metrics.accuracy(plain, target, topk=(1, 5))
            torch.max(plain, 1)[1].cpu().numpy()
            loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return 1000 * (time.perf_counter() - start) / len(order)

    return run


def _module(folder: Path, name: str) -> Any:
    spec = spec_from_file_location(name, folder / f"{name.replace('.', '/')}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} holds no {name}; clone https://github.com/ntucllab/imbalanced-DL there")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def dos_seconds(method: str, data: Data) -> float:
    """Seconds of a whole fit, with neighbours for every row."""
    settings = DOS_SETTINGS if method == "dos" else {}
    context = Context(
        seed=0,
        backbone="convnet",
        backbone_settings={"channels": (20, 50), "hidden": (500, 120)},
        training=TrainingSettings(max_epochs=DOS_EPOCHS, batch_size=BATCH, device="cpu", precision="float32"),
    )
    start = time.perf_counter()
    make_method(method, settings).fit(data, context)
    return time.perf_counter() - start


def measure(rows: Rows, folder: Path) -> None:
    """Time what is missing."""
    data = images(BATCH * STEPS)
    mapped = temporary_map(data.inputs.shape)
    mapped[:] = data.inputs
    on_disk = Data(MappedImages(mapped), data.labels, CLASSES, data.weights)  # type: ignore[arg-type]
    contenders = {
        "peer": peer(folder, data),
        "bare": bare(data),
        "erm": ours("erm", data, {}),
        "erm mapped": ours("erm", on_disk, {}),
        "mamix": ours("mamix", data, {"drw": True}),
        "mamix auto": ours("mamix", data, {"drw": True}, "auto"),
    }
    for run in contenders.values():
        run()  # libraries and caches are nobody's
    for turn in range(TURNS):
        if rows.find(what="step", turn=turn):
            continue
        order = list(contenders) if turn % 2 else list(contenders)[::-1]
        found = {name: round(contenders[name](), 2) for name in order}
        rows.add(what="step", turn=turn, milliseconds=found)
        print(rows.rows[-1], flush=True)
    many = images(DOS_ROWS)
    for turn in range(DOS_TURNS):
        if rows.find(what="fit", turn=turn):
            continue
        order = ["erm", "dos"] if turn % 2 else ["dos", "erm"]
        rows.add(what="fit", turn=turn, seconds={name: round(dos_seconds(name, many), 1) for name in order})
        print(rows.rows[-1], flush=True)


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Each bar with the median of its ratio, taken within turns, and its least and most."""
    steps = [row["milliseconds"] for row in rows.find(what="step")]
    fits = [row["seconds"] for row in rows.find(what="fit")]
    ratios = {
        "mamix against peer, steps per second": [row["peer"] / row["mamix"] for row in steps],
        "mamix in the default number format against peer, steps per second": [
            row["peer"] / row["mamix auto"] for row in steps
        ],
        "mamix against erm, time of a step": [row["mamix"] / row["erm"] for row in steps],
        "erm against bare, steps per second": [row["bare"] / row["erm"] for row in steps],
        "erm mapped against bare, steps per second": [row["bare"] / row["erm mapped"] for row in steps],
        EQUAL_ROWS: [row["dos"] / row["erm"] for row in fits],
    }
    return [
        {
            "what": what,
            "ratio": round(statistics.median(found), 3),
            "least": round(min(found), 3),
            "most": round(max(found), 3),
            "bar": f"{BARS[what][1]} {BARS[what][0]}",
        }
        for what, found in ratios.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", type=Path, required=True, help="a clone of imbalanced-DL")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    about = {"batch": BATCH, "steps": STEPS, "backbone": "ResNet-32", "dos_rows": DOS_ROWS, "threads": 1}
    about["dos_settings"] = DOS_SETTINGS
    rows = Rows(machine.RESULTS / "mixing.json", about)
    measure(rows, arguments.peer)
    rows.finish({"summary": summary(rows)})
    for line in summary(rows):
        print(line)


if __name__ == "__main__":
    main()
