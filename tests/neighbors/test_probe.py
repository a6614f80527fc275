"""The libraries that search: the race between them, their settings, their threads."""

from __future__ import annotations

import json
import threading

import faiss
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from counterpoise.neighbors import NearestNeighbors, probe
from counterpoise.neighbors.probe import LIBRARIES, callers_threads, fastest, search
from counterpoise.probes import remembered


class TestProbe:
    @pytest.fixture(autouse=True)
    def _own_cache(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def test_the_race_is_held_once_for_a_kind_of_shape(self, monkeypatch, tmp_path) -> None:
        held = []
        monkeypatch.setattr(probe, "_race", lambda rows, k: held.append(rows.shape) or "scikit-learn")
        rows = np.zeros((6000, 5), dtype=np.float32)
        assert [fastest(rows, 5), fastest(rows[:5500], 8)] == ["scikit-learn"] * 2
        assert NearestNeighbors().fit(rows).library_ == "scikit-learn"
        assert held == [(6000, 5)]
        fastest(np.zeros((6000, 9), dtype=np.float32), 5)
        fastest(rows, 100)
        fastest(np.zeros((11_000, 5), dtype=np.float32), 5)
        with threadpool_limits(2):
            torch_threads = torch.get_num_threads()
            torch.set_num_threads(2)
            fastest(rows, 5)
            torch.set_num_threads(torch_threads)
        assert len(held) == 5
        kept = json.loads((tmp_path / "counterpoise" / "neighbors.json").read_text())
        assert len(kept) == 5
        assert set(kept.values()) == {"scikit-learn"}

    def test_the_faster_one_wins(self, monkeypatch) -> None:
        rows = np.random.default_rng(0).standard_normal((6000, 4)).astype(np.float32)
        for slow, quick in (LIBRARIES, LIBRARIES[::-1]):
            clock = [0.0]

            def timed(library, *rest, slow=slow, clock=clock) -> None:
                clock[0] += 2 if library == slow else 1

            monkeypatch.setattr(probe, "search", timed)
            monkeypatch.setattr(probe.time, "perf_counter", lambda clock=clock: clock[0])
            assert probe._race(rows, 5) == quick

    def test_few_rows_are_not_worth_a_race(self, monkeypatch) -> None:
        monkeypatch.setattr(probe, "_race", lambda rows, k: pytest.fail("raced"))
        fastest(np.zeros((4000, 5), dtype=np.float32), 5)

    def test_remembered(self, tmp_path) -> None:
        answers = iter(["a", "b", "c"])

        def ask() -> str:
            return next(answers)

        assert [remembered("q", "x", "abc", ask), remembered("q", "x", "abc", ask)] == ["a", "a"]
        assert remembered("q", "y", "abc", ask) == "b"
        assert remembered("q", "x", "abc", ask) == "a"
        assert remembered("q", "x", ("c",), ask) == "c"
        for broken in ("{oh", "[1]", '{"x": 3}'):
            (tmp_path / "counterpoise" / "q.json").write_text(broken)
            assert remembered("q", "x", "abc", lambda: "b") == "b"

    def test_no_place_to_remember(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert remembered("q", "x", "ab", lambda: "b") == "b"


def test_faiss_gets_its_settings_back() -> None:
    names = probe._QUICK
    usual = [getattr(faiss.cvar, name) for name in names]
    rows = np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32)
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with probe._quick_faiss(100):
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    other.start()
    inside.wait(10)
    search("faiss", rows, rows, 3)
    assert [getattr(faiss.cvar, name) for name in names] == list(names.values())
    leave.set()
    other.join()
    assert [getattr(faiss.cvar, name) for name in names] == usual
    with pytest.raises(AssertionError):
        search("faiss", rows, rows[:, :2], 3)
    assert [getattr(faiss.cvar, name) for name in names] == usual


def test_the_callers_number_of_threads_is_kept(monkeypatch) -> None:
    with threadpool_limits(1), callers_threads() as held:
        assert held == 1
    # Whether FAISS hears of torch's setting depends on which of them was imported first.
    monkeypatch.setattr(probe.faiss, "omp_get_max_threads", lambda: 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with callers_threads() as held:
        assert held == 2
        assert {library["num_threads"] for library in threadpool_info()} == {2}
    torch.set_num_threads(threads)
