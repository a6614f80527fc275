"""Executors by name, as the command line asks for them."""

from __future__ import annotations

from counterpoise.cluster import check_address
from counterpoise.errors import SettingsError
from counterpoise.experiments.executors.base import Executor
from counterpoise.experiments.executors.in_process import InProcess

NAMES = ("local", "ray")


def make_executor(name: str = "local", *, jobs: int = 1, address: str = "auto") -> Executor:
    """Executor by name.

    Parameters
    ----------
    name : {"local", "ray"}, default="local"
    jobs : int, default=1
        Runs at a time on this machine: one in this process, more in processes of their own. With Ray the cluster
        decides.
    address : str, default="auto"
        Of the Ray cluster: ``"auto"`` for one that is running, ``"local"`` for a new one on this machine, or
        ``HOST:PORT``.

    Raises
    ------
    SettingsError
        For another name, and an address without Ray.
    MissingExtraError
        For Ray where it is not installed.
    """
    if name == "ray":
        from counterpoise.experiments.executors.ray_cluster import RayCluster

        return RayCluster(address)
    if name != "local":
        raise SettingsError(f"there is no executor {name!r}; choose from {', '.join(NAMES)}")
    check_address(name, address)
    if jobs == 1:
        return InProcess()
    # Imported here: whoever runs one at a time need not load what starts processes.
    from counterpoise.experiments.executors.processes import LocalProcesses

    return LocalProcesses(jobs)
