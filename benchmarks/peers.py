"""The trainers that benchmarks/training.py compares, each from the same token ids, vectors and sizes.

    outcome = CONTENDERS["skorch_p99"](task)
    outcome.seconds, outcome.probabilities

Everybody is given token ids and word vectors; making them is timed for nobody. The clock runs from before the
network is built to the last step of the last epoch. The padded matrix of the trainers with a fixed length,
and the tensors of ``transformers.Trainer``, are made before the clock starts; our own ragged ids within it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import skorch
import torch
import transformers
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from counterpoise.backbones.base import Network
from counterpoise.backbones.registry import BACKBONES, BackboneEntry
from counterpoise.backbones.words import WordEncoder
from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.metrics.calibration import softmax
from counterpoise.text.batching import Ragged, bucketed_batches
from counterpoise.training.settings import TrainingSettings, TrainingState
from prepared import NETWORKS, TEXTBOOK, OurNetwork, Task

BATCH_SIZE = 64
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Outcome:
    """What one fit took and gave.

    Attributes
    ----------
    start_up : float
        Seconds before the first step.
    seconds : float
        Of the whole fit.
    cpu_seconds : float
        Of the whole fit, by the processor's clock, which a busy neighbour moves less.
    probabilities : ndarray of float64, shape (n_test,)
        Of class 1.
    """

    start_up: float
    seconds: float
    cpu_seconds: float
    probabilities: np.ndarray


class _Watch:
    """Runs from its making to :meth:`stop`."""

    def __init__(self) -> None:
        self.start, self.cpu_start, self.first = time.perf_counter(), time.process_time(), 0.0

    def epoch(self) -> None:
        """Note when the first epoch begins; later ones change nothing."""
        self.first = self.first or time.perf_counter()

    def stop(self) -> None:
        self.end, self.cpu_end = time.perf_counter(), time.process_time()

    def outcome(self, probabilities: np.ndarray) -> Outcome:
        wall, cpu = self.end - self.start, self.cpu_end - self.cpu_start
        return Outcome(self.first - self.start, wall, cpu, probabilities)


class _PreparedEncoder(WordEncoder):
    """Stands in for the tokenizer: "texts" are row numbers of a task."""

    task: ClassVar[Task]

    def fit(self, inputs: np.ndarray, seed: int = 0) -> _PreparedEncoder:
        self.vectors_ = torch.from_numpy(self.task.vectors)
        self.train_vectors = not self.task.frozen
        return self

    def encode(self, inputs: np.ndarray, device: torch.device | None = None) -> Ragged:
        return Ragged(*self.task.ragged(inputs), device)


class _TimedERM(ERM):
    """Plain training that tells when an epoch begins."""

    watch: ClassVar[_Watch]

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        self.watch.epoch()


def ours(task: Task, precision: str) -> Outcome:
    """The path of ``TextClassifier(method="erm")`` after the tokenizer: ``Method.fit`` and the one loop."""
    _PreparedEncoder.task = task
    BACKBONES["prepared"] = BackboneEntry("prepared", "", _PreparedEncoder, NETWORKS[task.network])
    data = Data(task.train, task.labels[task.train], 2, np.ones(len(task.train)))
    training = TrainingSettings(
        max_epochs=task.epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        precision=precision,
        device="cpu",
    )
    context = Context(seed=task.seed, minority=1, backbone="prepared", training=training)
    _TimedERM.watch = watch = _Watch()
    predictor = _TimedERM().fit(data, context)
    watch.stop()
    return watch.outcome(softmax(predictor.logits(task.test))[:, 1])


class _Epochs(skorch.callbacks.Callback):
    """Tells when an epoch begins."""

    def __init__(self, watch: _Watch) -> None:
        self.watch = watch

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.watch.epoch()


def _skorch(task: Task, module: Any, rows: Any, labels: Any, **settings: Any) -> tuple[Any, _Watch]:
    torch.manual_seed(task.seed)
    watch = _Watch()
    net = skorch.NeuralNetClassifier(
        module,
        module__task=task,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        max_epochs=task.epochs,
        batch_size=BATCH_SIZE,
        train_split=None,  # the default would hold out and score a fifth of the rows
        verbose=0,
        callbacks=[_Epochs(watch)],
        **settings,
    )
    net.fit(rows, labels)
    watch.stop()
    return net, watch


def skorch_fixed(task: Task, percentile: float) -> Outcome:
    """Fit with skorch's defaults: Adam, shuffled rows of one matrix, all padded or cut to one length."""
    length = task.length(percentile)
    rows = task.padded(task.train, length)
    net, watch = _skorch(
        task, TEXTBOOK[task.network], rows, task.labels[task.train], iterator_train__shuffle=True
    )
    return watch.outcome(net.predict_proba(task.padded(task.test, length))[:, 1])


class _RaggedRows(Dataset):
    """Rows served a whole padded batch at a time."""

    def __init__(self, task: Task, rows: np.ndarray) -> None:
        self.ids = Ragged(*task.ragged(rows))
        self.labels = torch.from_numpy(task.labels[rows])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        ids, labels = self.__getitems__([row])
        return ids[0], labels[0]

    def __getitems__(self, rows: Any) -> tuple[Tensor, Tensor]:
        at = np.asarray(rows)
        return self.ids.batch(at)[0], self.labels[torch.from_numpy(at)]


class _Buckets:
    """Our length-bucketed batches as a batch sampler, dealt anew each epoch."""

    def __init__(self, lengths: np.ndarray, seed: int) -> None:
        self.lengths, self.rng = lengths, np.random.default_rng(seed)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(bucketed_batches(self.lengths, BATCH_SIZE, self.rng))


def _as_it_is(batch: Any) -> Any:
    return batch


def skorch_buckets(task: Task, our_network: bool) -> Outcome:
    """Fit by skorch with our batches, our padding and fused Adam."""
    rows = _RaggedRows(task, task.train)
    net, watch = _skorch(
        task,
        OurNetwork if our_network else TEXTBOOK[task.network],
        rows,
        None,
        optimizer__fused=True,
        iterator_train__batch_size=1,  # a batch sampler wants DataLoader's own default here
        iterator_train__batch_sampler=_Buckets(rows.ids.lengths, task.seed),
        iterator_train__collate_fn=_as_it_is,
        iterator_valid__collate_fn=_as_it_is,
    )
    return watch.outcome(net.predict_proba(_RaggedRows(task, task.test))[:, 1])


class _WithLoss(nn.Module):
    """A module that returns its loss, as Trainer asks."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.module(input_ids)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class _TrainerEpochs(transformers.TrainerCallback):
    def __init__(self, watch: _Watch) -> None:
        self.watch = watch

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.watch.epoch()


def _padded_to_longest(examples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    ids = pad_sequence([example["input_ids"] for example in examples], batch_first=True)
    return {"input_ids": ids, "labels": torch.stack([example["labels"] for example in examples])}


def trainer(task: Task) -> Outcome:
    """``transformers.Trainer`` with its defaults, but for a constant rate and no logs, saves or evaluations."""
    values, offsets = task.ragged(task.train)
    ids = torch.from_numpy(values.astype(np.int64)).split(np.diff(offsets).tolist())
    labels = torch.from_numpy(task.labels[task.train])
    examples = [{"input_ids": i, "labels": y} for i, y in zip(ids, labels, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        watch = _Watch()
        arguments = transformers.TrainingArguments(
            folder,
            num_train_epochs=task.epochs,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            seed=task.seed,
            use_cpu=True,
            dataloader_pin_memory=False,
            report_to="none",
            save_strategy="no",
            eval_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        torch.manual_seed(task.seed)
        module = TEXTBOOK[task.network](task)
        fitter = transformers.Trainer(
            _WithLoss(module),
            arguments,
            data_collator=_padded_to_longest,
            train_dataset=examples,
            callbacks=[_TrainerEpochs(watch)],
        )
        fitter.remove_callback(transformers.PrinterCallback)
        fitter.train()
        watch.stop()
    module.eval()
    with torch.no_grad():
        pieces = np.array_split(task.test, max(1, len(task.test) // 256))
        longest = int(np.diff(task.offsets).max())
        logits = torch.cat([module(torch.from_numpy(task.padded(rows, longest))) for rows in pieces])
    return watch.outcome(softmax(logits.double().numpy())[:, 1])


CONTENDERS: dict[str, Callable[[Task], Outcome]] = {
    "ours_float32": lambda task: ours(task, "float32"),
    "ours_bfloat16": lambda task: ours(task, "bfloat16"),
    "skorch_p99": lambda task: skorch_fixed(task, 99),
    "skorch_our_batches": lambda task: skorch_buckets(task, our_network=False),
    "skorch_our_batches_and_network": lambda task: skorch_buckets(task, our_network=True),
    "transformers_trainer": trainer,
}
"""``p99``: all texts padded or cut to the 99th percentile of the training side's lengths. Padding to the longest is
common too and costs more; it would only flatter us."""
