"""Which number format trains fastest on this machine: asked once by a probe, remembered in a cache.

bfloat16 is faster than float32 on processors that have it natively and many times slower on others, so nothing
but a measurement can decide. The answer is kept per processor, thread count and version of
torch, because a choice made anew each time by a stopwatch would make results depend on what else is running.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

import torch

_WORTH_IT = 1.3  # bfloat16 must beat float32 by this factor before it is chosen


def resolve_precision(precision: str, device: torch.device) -> str:
    """Turn ``"auto"`` into ``"float32"`` or ``"bfloat16"``; pass those two through.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    device : torch.device
        On CUDA the hardware's own word is taken; on a CPU a matrix product is timed once per machine.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type != "cpu":
        return "float32"
    key = f"{processor_name()}|threads={torch.get_num_threads()}|torch={torch.__version__}"
    answers = _read_cache()
    if key not in answers:
        answers[key] = "bfloat16" if _speed_ratio() >= _WORTH_IT else "float32"
        _write_cache(answers)
    return answers[key]


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


def _speed_ratio() -> float:
    """Time of a float32 matrix product over that of a bfloat16 one."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(256, 384, dtype=dtype)
        b = torch.ones(384, 512, dtype=dtype)
        a @ b
        laps = []
        for _ in range(7):
            start = time.perf_counter()
            a @ b
            laps.append(time.perf_counter() - start)
        seconds[dtype] = min(laps)
    return seconds[torch.float32] / seconds[torch.bfloat16]


def _cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "counterpoise" / "precision.json"


def _read_cache() -> dict[str, str]:
    try:
        answers = json.loads(_cache_file().read_text())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in answers.items() if v in ("float32", "bfloat16")}


def _write_cache(answers: dict[str, str]) -> None:
    # A home folder that cannot be written only means that the next process probes again.
    try:
        _cache_file().parent.mkdir(parents=True, exist_ok=True)
        temporary = _cache_file().with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(answers, indent=1))
        temporary.replace(_cache_file())
    except OSError:
        return
