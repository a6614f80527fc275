"""A Ray cluster, joined: the one that runs here, one at an address, or a new one on this machine."""

from __future__ import annotations

import socket
from typing import Any

from counterpoise.errors import MissingExtraError, SettingsError

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
