"""The libraries that can search all rows, and which of them is faster on this machine for these rows.

    library = fastest(rows, k=5)                              # "faiss" or "scikit-learn"
    with callers_threads():
        squared, ids = search(library, rows, queries, 5)

scikit-learn multiplies in float64, FAISS in float32 with a BLAS of its own: which is faster depends on the
processor, on the number of rows and on their width. So the two race once on a few of the caller's own rows, and
the answer is remembered for rows of like shape (:func:`counterpoise.probes.remembered`). A blocked product with
``torch.topk`` was tried as a third contender: .7 of FAISS's speed at 30,000 rows, equal at 300,000.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

import faiss
import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import ThreadpoolController

from counterpoise.probes import remembered

Floats: TypeAlias = "npt.NDArray[np.floating[Any]]"
Ids: TypeAlias = "npt.NDArray[np.int64]"

LIBRARIES = ("faiss", "scikit-learn")
ROUNDING = {"faiss": 2.0**-24, "scikit-learn": 2.0**-53}
"""Unit roundoff of the arithmetic in which a library adds up products."""

_WORTH_PROBING = 5_000  # rows; below, either library answers in a blink
_PROBE_ROWS, _PROBE_QUERIES, _LAPS = 100_000, 128, 3
_BATCH = 4  # queries from which one matrix product beats a scan for each
_CHUNK_MIB = 16  # of scikit-learn's distances between sparse rows
_QUICK = {
    "distance_compute_blas_threshold": 1,
    "distance_compute_blas_query_bs": 512,
    "distance_compute_blas_database_bs": 512,
}
_setting = threading.Lock()
_found: list[int] = []  # FAISS's settings from before
_searching: list[None] = []  # one entry a search under way


def fastest(rows: Floats, k: int) -> str:
    """Name of the library that finds the ``k`` nearest of dense ``rows`` fastest, by a race held once."""
    n, d = rows.shape
    if n < _WORTH_PROBING:
        return LIBRARIES[0]
    with callers_threads() as threads:
        about = (
            f"threads={threads}|faiss={faiss.__version__}|scikit-learn={sklearn.__version__}"
            f"|rows<1e{len(str(n))}|features<{2 ** d.bit_length()}|{'k<100' if k < 100 else 'k>=100'}"
        )
        return remembered("neighbors", about, LIBRARIES, lambda: _race(rows[:_PROBE_ROWS], k))


def _race(rows: Floats, k: int) -> str:
    queries = rows[:: max(1, len(rows) // _PROBE_QUERIES)][:_PROBE_QUERIES]
    seconds = dict.fromkeys(LIBRARIES, np.inf)
    for _ in range(_LAPS):
        for library in LIBRARIES:
            start = time.perf_counter()
            search(library, rows, queries, min(k, len(rows)))
            seconds[library] = min(seconds[library], time.perf_counter() - start)
    return min(LIBRARIES, key=lambda library: seconds[library])


def search(library: str, rows: Any, queries: Any, k: int) -> tuple[Floats, Ids]:
    """Squared Euclidean distances ``(q, k)``, ascending, and rows of the ``k`` nearest, as a library rounds them.

    Parameters
    ----------
    library : {"faiss", "scikit-learn"}
        FAISS takes dense rows only.
    rows, queries : C-contiguous ndarray of float32 or CSR matrix of float64, shapes (n, d) and (q, d)
        Finite.
    k : int
        At most ``n``.
    """
    if library == "faiss":
        with _quick_faiss(len(queries)):
            return faiss.knn(queries, rows, k)
    with sklearn.config_context(assume_finite=True, working_memory=_CHUNK_MIB):
        distances, ids = NearestNeighbors(algorithm="brute").fit(rows).kneighbors(queries, k)
    return distances**2, ids


@contextmanager
def _quick_faiss(n_queries: int) -> Iterator[None]:
    """Make FAISS multiply matrices for small batches too, in blocks that stay in a core's cache.

    Its threshold counts numbers in the queries, not queries: 1,000 queries of 64 features are searched one by
    one, which takes fifteen times as long. The settings belong to the process, so the last of several threads
    that search at a time puts back what it found.
    """
    if n_queries < _BATCH:
        yield
        return
    with _setting:
        if not _found:
            _found.extend(getattr(faiss.cvar, name) for name in _QUICK)
            for name, value in _QUICK.items():
                setattr(faiss.cvar, name, value)
        _searching.append(None)
    try:
        yield
    finally:
        with _setting:
            _searching.pop()
            if not _searching:
                for name, value in zip(_QUICK, _found, strict=True):
                    setattr(faiss.cvar, name, value)
                _found.clear()


@contextmanager
def callers_threads() -> Iterator[int]:
    """Hold all libraries to the number of threads that the caller set, wherever the caller set it.

    ``OMP_NUM_THREADS``, ``threadpoolctl`` and FAISS's own setting reach FAISS; ``torch.set_num_threads`` may
    reach torch alone, and whoever asks torch for one thread means the process.
    """
    threads, torch_is_here = faiss.omp_get_max_threads(), "torch" in sys.modules
    if torch_is_here:
        threads = min(threads, sys.modules["torch"].get_num_threads())
    with _thread_pools(torch_is_here).limit(limits=threads):
        yield threads


@lru_cache(maxsize=2)
def _thread_pools(torch_is_here: bool) -> ThreadpoolController:
    """Thread pools of all libraries loaded; looking for them takes milliseconds, and torch brings some."""
    return ThreadpoolController()
