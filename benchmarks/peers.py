"""The trainers that benchmarks/training.py compares, each from the same token ids, vectors and sizes.

    outcome = CONTENDERS["skorch_longest"](task)
    outcome.start_up, outcome.seconds, outcome.probabilities

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

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import BACKBONES, BackboneEntry
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.textrnn import TextRNN
from counterpoise.backbones.words import WordEncoder
from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.metrics.calibration import softmax
from counterpoise.text.batching import Ragged, bucketed_batches
from counterpoise.training.settings import TrainingSettings, TrainingState

BATCH_SIZE = 64
LEARNING_RATE = 1e-3
FILTERS, WIDTHS, HIDDEN, DROPOUT = 100, (3, 4, 5), 64, 0.5


@dataclass(frozen=True)
class Task:
    """One split of one data set as ids, and what to train on it.

    Attributes
    ----------
    values, offsets : ndarray
        Ragged token ids of all rows, cut at 256; vocabulary of the training side.
    labels : ndarray of int64
        1 is the class of interest.
    train, test : ndarray of int64
        Row numbers.
    vectors : ndarray of float32, shape (V, 128)
    frozen : bool
    network : str
        ``"textcnn"`` or ``"textrnn"``.
    epochs, seed : int
    """

    values: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray
    vectors: np.ndarray
    frozen: bool
    network: str
    epochs: int
    seed: int

    def ragged(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids and offsets of some rows."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        at = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return self.values[at], offsets

    def padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Ids of some rows in a matrix ``(n, length)`` of int64, cut and padded with 0."""
        values, offsets = self.ragged(rows)
        lengths = np.diff(offsets)
        place = np.arange(len(values)) - np.repeat(offsets[:-1], lengths)
        matrix = np.zeros((len(rows), max(length, int(lengths.max()))), dtype=np.int64)
        matrix[np.repeat(np.arange(len(rows)), lengths), place] = values
        return matrix[:, :length]

    def length(self, percentile: float) -> int:
        """Percentile of the lengths of the training rows, rounded up."""
        return int(np.ceil(np.percentile(np.diff(self.offsets)[self.train], percentile)))


@dataclass(frozen=True)
class Outcome:
    """Seconds before the first step, seconds of the whole fit, and the test side's probabilities of 1."""

    start_up: float
    seconds: float
    probabilities: np.ndarray


class TextbookCNN(nn.Module):
    """Kim's network as tutorials write it: a convolution for each width, ReLU, max over time."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.embedding = embedding_of(task)
        width = self.embedding.embedding_dim
        # Padded by half a window, so that a batch of one-word texts does not fail; ours sees as many windows.
        self.convolutions = nn.ModuleList([nn.Conv1d(width, FILTERS, w, padding=w // 2) for w in WIDTHS])
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(FILTERS * len(WIDTHS), 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        x = self.embedding(ids).transpose(1, 2)
        pooled = [torch.relu(convolution(x)).max(dim=2).values for convolution in self.convolutions]
        return self.head(self.dropout(torch.cat(pooled, dim=1)))


class TextbookRNN(nn.Module):
    """A bidirectional LSTM as tutorials write it: over the padding too, max over time."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.embedding = embedding_of(task)
        self.lstm = nn.LSTM(self.embedding.embedding_dim, HIDDEN, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * HIDDEN, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        states, _ = self.lstm(self.embedding(ids))
        return self.head(self.dropout(states.max(dim=1).values))


class OurNetwork(nn.Module):
    """Counterpoise's network behind a forward pass that takes ids only; 0 is padding."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network = Network(_BACKBONES[task.network](embedding_of(task)), 2, dropout=DROPOUT)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        nothing = torch.empty(0)
        return self.network(Batch(ids, ids != 0, nothing, nothing, nothing))


_BACKBONES: dict[str, Any] = {"textcnn": TextCNN, "textrnn": TextRNN}
_TEXTBOOK: dict[str, Any] = {"textcnn": TextbookCNN, "textrnn": TextbookRNN}


def embedding_of(task: Task) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(task.vectors), freeze=task.frozen, padding_idx=0)


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
    """Plain training that notes when its first epoch began."""

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        if state.epoch == 0:
            self.began = time.perf_counter()


def ours(task: Task, precision: str) -> Outcome:
    """The path of ``TextClassifier(method="erm")`` after the tokenizer: ``Method.fit`` and the one loop."""
    _PreparedEncoder.task = task
    BACKBONES["prepared"] = BackboneEntry("prepared", "", _PreparedEncoder, _BACKBONES[task.network])
    data = Data(task.train, task.labels[task.train], 2, np.ones(len(task.train)))
    training = TrainingSettings(
        max_epochs=task.epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        precision=precision,
        device="cpu",
    )
    context = Context(seed=task.seed, minority=1, backbone="prepared", training=training)
    method = _TimedERM()
    start = time.perf_counter()
    predictor = method.fit(data, context)
    end = time.perf_counter()
    probabilities = softmax(predictor.logits(task.test))[:, 1]
    return Outcome(method.began - start, end - start, probabilities)


class _Began(skorch.callbacks.Callback):
    """Notes when the first epoch began."""

    began = 0.0

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.began = self.began or time.perf_counter()


def _skorch(task: Task, module: Any, rows: Any, labels: Any, **settings: Any) -> tuple[Any, float, float]:
    torch.manual_seed(task.seed)
    began = _Began()
    start = time.perf_counter()
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
        callbacks=[began],
        **settings,
    )
    net.fit(rows, labels)
    end = time.perf_counter()
    return net, began.began - start, end - start


def skorch_fixed(task: Task, percentile: float) -> Outcome:
    """Fit with skorch's defaults: Adam, shuffled rows of one matrix, all padded or cut to one length."""
    length = task.length(percentile)
    rows = task.padded(task.train, length)
    net, start_up, seconds = _skorch(
        task, _TEXTBOOK[task.network], rows, task.labels[task.train], iterator_train__shuffle=True
    )
    return Outcome(start_up, seconds, net.predict_proba(task.padded(task.test, length))[:, 1])


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
    net, start_up, seconds = _skorch(
        task,
        OurNetwork if our_network else _TEXTBOOK[task.network],
        rows,
        None,
        optimizer__fused=True,
        iterator_train__batch_size=1,  # a batch sampler wants DataLoader's own default here
        iterator_train__batch_sampler=_Buckets(rows.ids.lengths, task.seed),
        iterator_train__collate_fn=_as_it_is,
        iterator_valid__collate_fn=_as_it_is,
    )
    return Outcome(start_up, seconds, net.predict_proba(_RaggedRows(task, task.test))[:, 1])


class _WithLoss(nn.Module):
    """A module that returns its loss, as Trainer asks."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.module(input_ids)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class _TrainerBegan(transformers.TrainerCallback):
    began = 0.0

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.began = self.began or time.perf_counter()


def _padded_to_longest(examples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    ids = pad_sequence([example["input_ids"] for example in examples], batch_first=True)
    return {"input_ids": ids, "labels": torch.stack([example["labels"] for example in examples])}


def trainer(task: Task) -> Outcome:
    """``transformers.Trainer`` with its defaults, but for a constant rate and no logs, saves or evaluations."""
    values, offsets = task.ragged(task.train)
    ids = torch.from_numpy(values.astype(np.int64)).split(np.diff(offsets).tolist())
    labels = torch.from_numpy(task.labels[task.train])
    examples = [{"input_ids": i, "labels": y} for i, y in zip(ids, labels, strict=True)]
    began = _TrainerBegan()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
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
        module = _TEXTBOOK[task.network](task)
        transformers.Trainer(
            _WithLoss(module),
            arguments,
            data_collator=_padded_to_longest,
            train_dataset=examples,
            callbacks=[began],
        ).train()
        end = time.perf_counter()
    module.eval()
    with torch.no_grad():
        pieces = np.array_split(task.test, max(1, len(task.test) // 256))
        longest = int(np.diff(task.offsets).max())
        logits = torch.cat([module(torch.from_numpy(task.padded(rows, longest))) for rows in pieces])
    return Outcome(began.began - start, end - start, softmax(logits.double().numpy())[:, 1])


CONTENDERS: dict[str, Callable[[Task], Outcome]] = {
    "ours_float32": lambda task: ours(task, "float32"),
    "ours_bfloat16": lambda task: ours(task, "bfloat16"),
    "skorch_longest": lambda task: skorch_fixed(task, 100),
    "skorch_p99": lambda task: skorch_fixed(task, 99),
    "skorch_our_batches": lambda task: skorch_buckets(task, our_network=False),
    "skorch_our_batches_and_network": lambda task: skorch_buckets(task, our_network=True),
    "transformers_trainer": trainer,
}
"""``longest``: all texts as long as the longest of the training side, 256 at most; ``p99``: as its 99th percentile."""
