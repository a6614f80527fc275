"""Small data for all tests, and a process that is fast and alike everywhere: one thread, no cache at home."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

import tiny_ensembles
import tiny_miso
from tiny_networks import TINY
from tiny_texts import make_texts

# Before test modules are collected, which make samplers already.
tiny_miso.shorten_defaults()
tiny_ensembles.shorten_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what reads real data where there are none."""
    if not os.environ.get("COUNTERPOISE_DATA"):
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason="COUNTERPOISE_DATA is unset: no real data"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread(tmp_path_factory: pytest.TempPathFactory):
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
    torch.set_num_threads(threads)


def make_arrays(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of six features around a corner of a cube for each class, five deviations apart; shuffled."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    corners = 5.0 * ((np.arange(len(counts))[:, None] >> np.arange(6)) & 1)
    return (corners[labels] + rng.standard_normal((len(labels), 6))).astype(np.float32), labels


@pytest.fixture(scope="session")
def texts_of() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``texts_of((60, 20), seed)``: texts and class numbers, sizes by class."""
    return make_texts


@pytest.fixture(scope="session")
def arrays_of() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``arrays_of((60, 20), seed)``: rows and class numbers, sizes by class."""
    return make_arrays


@pytest.fixture(scope="session")
def tiny() -> dict[str, dict[str, object]]:
    """Settings that make each backbone a toy, by its name."""
    return TINY


@pytest.fixture(scope="session")
def spam() -> tuple[np.ndarray, np.ndarray]:
    """Texts with string labels, one class rare: 100 ham, 25 spam."""
    texts, labels = make_texts((100, 25), seed=3)
    return texts, np.array(["ham", "spam"], dtype=object)[labels]
