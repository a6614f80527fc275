"""Small data for all tests, and a process that is fast and alike everywhere: one thread, no cache at home."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings

import tiny_encoders
import tiny_ensembles
import tiny_vision
from tiny_arrays import make_arrays
from tiny_causal_model import give_default_writer
from tiny_images import make_images
from tiny_masked_model import give_default_model
from tiny_miso import shorten_defaults
from tiny_networks import TINY
from tiny_texts import make_texts

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")
# Before test modules are collected, which make samplers already.
shorten_defaults()
tiny_ensembles.shorten_defaults()
give_default_model()
give_default_writer()


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
        tiny_encoders.stand_in(patch)
        tiny_vision.stand_in(patch)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def texts_of() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``texts_of((60, 20), seed)``: texts and class numbers, sizes by class."""
    return make_texts


@pytest.fixture(scope="session")
def arrays_of() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``arrays_of((60, 20), seed)``: rows and class numbers, sizes by class."""
    return make_arrays


@pytest.fixture(scope="session")
def images_of() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``images_of((60, 20), seed)``: images and class numbers, sizes by class."""
    return make_images


@pytest.fixture(scope="session")
def tiny() -> dict[str, dict[str, object]]:
    """Settings that make each backbone a toy, by its name."""
    return TINY


@pytest.fixture(scope="session")
def spam() -> tuple[np.ndarray, np.ndarray]:
    """Texts with string labels, one class rare: 100 ham, 25 spam."""
    texts, labels = make_texts((100, 25), seed=3)
    return texts, np.array(["ham", "spam"], dtype=object)[labels]
