"""Memory of this process and of this machine, in bytes."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import psutil

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_GROUP = Path("/sys/fs/cgroup")


def forget_peak() -> None:
    """Let :func:`peak_memory` count from now on, where the platform can."""
    with suppress(OSError):
        _FORGET.write_text("5")


def peak_memory() -> int | None:
    """Most memory that this process has held at a time, in bytes; None where the platform does not tell.

    On Linux since :func:`forget_peak`. Elsewhere it never falls, so it is a run's own only in a process that has
    run nothing larger before.
    """
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def available_memory() -> int:
    """Memory that can be had without swapping: of the machine, or of the container that this process is in."""
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit, used = (int((_GROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        # Files that were read count as used, but make room when it is needed.
        cached = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(cached.get("inactive_file", 0)))
    return free
