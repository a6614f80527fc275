"""Questions about this machine that only a stopwatch answers: asked once, remembered in a cache.

    library = remembered("neighbors", "rows<100000|threads=1", ("faiss", "scikit-learn"), ask=race)

A choice made anew each time by a stopwatch would depend on what else is running; so the answer is kept, per
processor, in a JSON file of the user's cache folder that may be read, mended or deleted by hand.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Collection
from pathlib import Path


def remembered(question: str, about: str, answers: Collection[str], ask: Callable[[], str]) -> str:
    """Answer of an earlier probe on a processor like this one, or else of ``ask``, which is then kept.

    Parameters
    ----------
    question : str
        Names the file: ``counterpoise/<question>.json`` under ``XDG_CACHE_HOME``, or ``~/.cache`` without it.
    about : str
        Whatever the answer depends on besides the processor: thread count, versions, shapes.
    answers : collection of str
        A remembered answer that is none of these is asked for again.
    ask : callable
        Takes nothing, returns one of ``answers``.
    """
    key = f"{processor_name()}|{about}"
    known = _read(question).get(key)
    if known is not None and known in answers:
        return known
    answer = ask()
    # Read again: another process may have answered another question meanwhile.
    _write(question, {**_read(question), key: answer})
    return answer


def processor_name() -> str:
    """Name of this machine's processor, with its bfloat16 instructions where the platform tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".strip()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    native = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags]
    return " ".join([facts.get("model name", platform.machine()), *native])


def _file(question: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "counterpoise" / f"{question}.json"


def _read(question: str) -> dict[str, str]:
    try:
        known = json.loads(_file(question).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(question: str, known: dict[str, str]) -> None:
    # A home folder that cannot be written only means that the next process probes again.
    path = _file(question)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(known, indent=1))
        temporary.replace(path)
    except OSError:
        return
