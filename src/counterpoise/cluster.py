"""A Ray cluster: the one that runs here, one at an address, or a new one on this machine; files spread over it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from counterpoise.errors import CounterpoiseError, MissingExtraError, SettingsError

_CONNECT_SECONDS = 20


def joined(address: str = "auto") -> Any:
    """Join a cluster, unless this process is in one.

    Parameters
    ----------
    address : str, default="auto"
        ``"auto"`` for the cluster that runs on this machine or that ``RAY_ADDRESS`` names, ``"local"`` for a new one
        that ends with this process, ``HOST:PORT`` for the head of any.

    Returns
    -------
    module
        ``ray``.

    Raises
    ------
    MissingExtraError
        When Ray is not installed.
    SettingsError
        When no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            'Ray is not installed; install it with pip install "counterpoise[ray]"'
        ) from error
    if not ray.is_initialized():
        _join(ray, address)
    return ray


def map_files(
    worker: Callable[..., Callable[[str, str], Any]],
    arguments: tuple[Any, ...],
    files: Mapping[str, str],
    *,
    address: str = "auto",
) -> Iterator[tuple[str, Any, str | None]]:
    """Do something to each of many files by Ray Data, one file a core at a time.

    Parameters
    ----------
    worker, arguments
        Each core makes ``worker(*arguments)`` once, and calls it with the names of a source and an output. It returns
        what JSON can hold.
    files : mapping of str to str
        Sources and outputs, in a file system that all nodes see.
    address : str, default="auto"
        See :func:`joined`.

    Yields
    ------
    source : str
        In any order.
    found
        What the worker returned.
    error : str or None
        Why the file could not be taken.
    """
    ray = joined(address)
    ray.data.DataContext.get_current().enable_progress_bars = False
    pairs = [{"source": source, "output": output} for source, output in files.items()]
    rows = ray.data.from_items(pairs, override_num_blocks=len(pairs)).map(
        _Guarded,
        fn_constructor_args=(worker, arguments),
        concurrency=(1, max(1, int(ray.cluster_resources().get("CPU", 1)))),
        num_cpus=1,
    )
    for row in rows.iter_rows():
        yield row["source"], json.loads(row["found"]), row["error"]


def attempt(work: Callable[[str, str], Any], source: str, output: str) -> tuple[Any, str | None]:
    """Do something to a file, and say why when that fails: one bad file of a thousand must not end the others.

    Returns
    -------
    found
        What ``work`` returned; None where it failed.
    error : str or None
        A sentence; an error that is none of ours has its type before it.
    """
    try:
        return work(source, output), None
    except CounterpoiseError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}".rstrip(": ")


def check_address(executor: str, address: str) -> None:
    """Refuse the address of a cluster where none is asked for.

    Raises
    ------
    SettingsError
    """
    if executor != "ray" and address != "auto":
        raise SettingsError(
            f"--address {address} has no use without --executor ray; add it, or leave the address out"
        )


class _Guarded:
    """A worker on a core, as Ray Data keeps it."""

    def __init__(self, worker: Callable[..., Callable[[str, str], Any]], arguments: tuple[Any, ...]) -> None:
        import torch

        torch.set_num_threads(1)
        self.work = worker(*arguments)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        found, error = attempt(self.work, row["source"], row["output"])
        return {**row, "found": json.dumps(found), "error": error}


def _join(ray: Any, address: str) -> None:
    options = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    if address != "local":
        del options["include_dashboard"]
    if ":" in address and "://" not in address and not _answers(address):
        raise SettingsError(
            f"no Ray cluster answers at {address}; start one with `ray start --head --port PORT`, or give "
            "--address local"
        )
    try:
        ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = "on this machine" if address == "auto" else f"at {address}"
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SettingsError(
            f"no Ray cluster answers {where} ({reason}); start one with `ray start --head`, or give --address local"
        ) from error


def _answers(address: str) -> bool:
    """Whether anything listens there; Ray itself would try for a minute, and then end the process."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise SettingsError(f"--address is {address!r}; give auto, local or HOST:PORT")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
