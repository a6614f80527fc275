"""A training that was killed, wherever, ends with the very weights of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoise.backbones.base import Network
from counterpoise.backbones.mlp import MLP
from counterpoise.data.arrays import Dense
from counterpoise.errors import ModelError, SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.methods.focal import Focal
from counterpoise.methods.registry import make_method
from counterpoise.training.loop import History, Rows, train
from counterpoise.training.settings import TrainingSettings

STEPS_AN_EPOCH = 5


class Killed(Exception):
    pass


class Mortal(ERM):
    """Plain training that dies at a given step, or before a given epoch."""

    def __init__(self, at_step: int | None = None, before_epoch: int | None = None) -> None:
        self._lives = (at_step, before_epoch)
        self._steps = 0

    def get_params(self, deep=True):
        return {}

    def loss(self, model, batch, state):
        self._steps += 1
        if self._steps == self._lives[0]:
            raise Killed
        return super().loss(model, batch, state)

    def on_epoch(self, model, state):
        if state.epoch == self._lives[1]:
            raise Killed


def make_rows(seed: int = 0, weight: float = 1.0) -> Rows:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((80, 5)).astype(np.float32)
    labels = (values[:, 0] + 0.5 * rng.standard_normal(80) > 1).astype(np.int64)
    return Rows(Dense(values), labels, np.where(labels, weight, 1.0))


def make_model(seed: int = 0) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(MLP(5, hidden=(6, 4)), 2)


def run(
    objective, checkpoint: Path | None, scores: list[float] | None = None, **changes
) -> tuple[Network, History]:
    settings = TrainingSettings(
        **{"max_epochs": 4, "batch_size": 16, "learning_rate": 0.05, "weight_decay": 0.01, "patience": 2}
        | {"precision": "float32", "device": "cpu"}
        | changes
    )
    model = make_model()

    def score() -> float:
        """The scores given, told apart by how far training is: so that resuming cannot count calls."""
        assert scores is not None
        seen = {tuple(np.round(w, 6)): s for w, s in zip(_trace, scores, strict=True)} if _trace else {}
        return seen[tuple(np.round(model.head.bias.detach().numpy(), 6))]

    history = train(
        model,
        objective,
        make_rows(),
        settings=settings,
        seed=7,
        checkpoint=checkpoint,
        score=None if scores is None else score,
    )
    return model, history


_trace: list[np.ndarray] = []


@pytest.fixture
def trace():
    """Head biases after each epoch of the plain training, which tell the epochs apart."""
    _trace.clear()
    biases: list[np.ndarray] = []

    class Tracer(ERM):
        def on_epoch(self, model, state):
            if state.epoch:
                biases.append(model.head.bias.detach().numpy().copy())

    model, _ = run(Tracer(), None)
    biases.append(model.head.bias.detach().numpy().copy())
    _trace.extend(biases)
    yield biases
    _trace.clear()


def weights(model: Network) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def assert_same(one: tuple[Network, History], other: tuple[Network, History]) -> None:
    for name, value in weights(one[0]).items():
        np.testing.assert_array_equal(value, weights(other[0])[name], err_msg=name)
    assert one[1] == other[1]
    assert one[0].training is other[0].training is False


DEATHS = [
    *({"before_epoch": epoch} for epoch in range(4)),
    *({"at_step": step} for step in (1, 3, 8, 12, 18)),
]
SCORES = {"plain": None, "best2": [0.2, 0.5, 0.3, 0.4], "stopped": [0.5, 0.4, 0.4, 0.9]}


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_resuming_gives_the_same_weights(death, scores, tmp_path, trace) -> None:
    whole = run(Mortal(), tmp_path / "whole.ckpt", scores)
    checkpoint = tmp_path / "killed.ckpt"
    try:
        run(Mortal(**death), checkpoint, scores)
    except Killed:
        pass
    else:
        assert scores is not None
        assert len(whole[1].epochs) < 4, "nobody was killed"
    assert_same(run(Mortal(), checkpoint, scores), whole)


def test_dying_again_and_again_at_every_epoch(tmp_path) -> None:
    checkpoint = tmp_path / "killed.ckpt"
    for epoch in range(1, 4):
        with pytest.raises(Killed):
            run(Mortal(before_epoch=epoch), checkpoint)
    assert_same(run(Mortal(), checkpoint), run(Mortal(), None))


def test_a_finished_training_is_not_trained_on(tmp_path) -> None:
    first = run(ERM(), tmp_path / "c")
    before = (tmp_path / "c").read_bytes()

    class Fails(ERM):
        def loss(self, model, batch, state):
            raise AssertionError("trained")

    Fails.__name__ = "ERM"
    assert_same(run(Fails(), tmp_path / "c"), first)
    assert (tmp_path / "c").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "c"], "temporary files were left"


def test_early_stopping_keeps_the_best_epoch(trace, tmp_path) -> None:
    scores = [0.2, 0.5, 0.3, 0.4]
    model, history = run(ERM(), None, scores)
    assert history.best_epoch == 2
    assert [row["average_precision"] for row in history.epochs] == scores
    np.testing.assert_array_equal(model.head.bias.detach().numpy(), trace[1])
    stopped, history = run(ERM(), None, [0.5, 0.4, 0.4, 0.9])
    assert (history.best_epoch, len(history.epochs)) == (1, 3)
    np.testing.assert_array_equal(stopped.head.bias.detach().numpy(), trace[0])
    last, history = run(ERM(), None)
    assert (history.best_epoch, len(history.epochs)) == (4, 4)
    np.testing.assert_array_equal(last.head.bias.detach().numpy(), trace[3])


@pytest.mark.parametrize(
    ("objective", "changes"),
    [
        (ERM(), {"learning_rate": 0.01}),
        (ERM(), {"max_epochs": 5}),
        (ERM(), {"precision": "bfloat16"}),
        (Focal(), {}),
    ],
    ids=["rate", "epochs", "precision", "method"],
)
def test_a_checkpoint_of_another_training_is_refused(objective, changes, tmp_path) -> None:
    run(ERM(), tmp_path / "c")
    with pytest.raises(ModelError, match="belongs to a training with other data or settings; delete it"):
        run(objective, tmp_path / "c", **changes)


def test_a_checkpoint_of_another_setting_of_the_method_is_refused(tmp_path) -> None:
    run(Focal(gamma=1.0), tmp_path / "c")
    with pytest.raises(ModelError, match="belongs to a training"):
        run(Focal(gamma=2.0), tmp_path / "c")
    run(Focal(gamma=1.0), tmp_path / "c")


@pytest.mark.parametrize("change", ["data", "labels", "weights", "seed", "start"])
def test_a_checkpoint_of_other_data_is_refused(change, tmp_path) -> None:
    settings = TrainingSettings(max_epochs=1, precision="float32", device="cpu")
    rows = make_rows()
    train(make_model(), ERM(), rows, settings=settings, seed=0, checkpoint=tmp_path / "c")
    if change == "data":
        rows = make_rows(1)
    elif change == "labels":
        rows = Rows(rows.encoded, 1 - rows.labels, rows.weights)
    elif change == "weights":
        rows = make_rows(weight=2.0)
    model, seed = make_model(int(change == "start")), int(change == "seed")
    with pytest.raises(ModelError, match="belongs to a training"):
        train(model, ERM(), rows, settings=settings, seed=seed, checkpoint=tmp_path / "c")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _foreign(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path)


def _foreign_record(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path, metadata={"record": "{}"})


@pytest.mark.parametrize(
    "breaking",
    [_truncate, _foreign, _foreign_record, lambda p: p.write_bytes(b""), lambda p: p.write_text("no" * 99)],
    ids=["truncated", "foreign", "foreign record", "empty", "text"],
)
def test_a_broken_checkpoint_is_refused_in_a_sentence(breaking, tmp_path) -> None:
    run(ERM(), tmp_path / "c")
    breaking(tmp_path / "c")
    with pytest.raises(ModelError, match=r"checkpoint .*c is broken .*; delete it to start afresh") as error:
        run(ERM(), tmp_path / "c")
    assert "\n" not in str(error.value)


_VICTIM = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
import test_resume

class ERM(test_resume.ERM):
    def loss(self, model, batch, state):
        if state.epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(model, batch, state)

test_resume.fit_text(ERM(), {checkpoint!r})
"""


def fit_text(method, checkpoint) -> np.ndarray:
    """Train a small TextCNN; the killed process and this one must do exactly the same."""
    rng = np.random.default_rng(0)
    texts = np.array([" ".join(rng.choice([f"w{i}" for i in range(40)], 8)) for _ in range(70)], dtype=object)
    labels = np.array(["w1" in text.split() for text in texts]).astype(np.int64)
    settings = TrainingSettings(max_epochs=4, batch_size=16, precision="float32", device="cpu")
    context = Context(
        3,
        1,
        "textcnn",
        {"dim": 8, "n_filters": 3},
        settings,
        Data(texts[:20], labels[:20], 2, np.ones(20)),
        None if checkpoint is None else Path(checkpoint),
    )
    data = Data(texts[20:], labels[20:], 2, np.ones(50))
    return method.fit(data, context).logits(texts)


def test_a_process_that_was_killed(tmp_path) -> None:
    """SIGKILL in the middle of an epoch, which no handler can soften."""
    checkpoint = tmp_path / "c"
    script = _VICTIM.format(tests=str(Path(__file__).parent), checkpoint=str(checkpoint))
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    victim = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=120
    )
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    assert checkpoint.exists()
    resumed = fit_text(make_method("erm"), checkpoint)
    np.testing.assert_array_equal(resumed, fit_text(make_method("erm"), None))


def test_of_equally_good_epochs_the_first_is_kept(trace) -> None:
    model, history = run(ERM(), None, [0.2, 0.5, 0.5, 0.4])
    assert history.best_epoch == 2
    np.testing.assert_array_equal(model.head.bias.detach().numpy(), trace[1])


def test_weights_that_are_no_longer_finite_are_told_whatever_the_loss_was() -> None:
    with pytest.raises(SettingsError, match="training diverged in epoch 1"):
        run(ERM(), None, max_epochs=1, batch_size=80, learning_rate=1e39)
