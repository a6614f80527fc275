"""Which number format trains fastest on this machine: asked once by a probe, remembered in a cache.

bfloat16 is faster than float32 on processors that have it natively and many times slower on others, so nothing
but a measurement can decide. The answer is kept per processor, thread count and version of
torch, because a choice made anew each time by a stopwatch would make results depend on what else is running.
"""

from __future__ import annotations

import time

import torch

from counterpoise.probes import remembered

_WORTH_IT = 1.3  # bfloat16 must beat float32 by this factor before it is chosen


def resolve_precision(precision: str, device: torch.device, *, gains: bool = True) -> str:
    """Turn ``"auto"`` into ``"float32"`` or ``"bfloat16"``; pass those two through.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    device : torch.device
        On CUDA the hardware's own word is taken; on a CPU a matrix product is timed once per machine.
    gains : bool, default=True
        Whether the network's steps are dear enough to gain on a CPU that has bfloat16. Others are float32 there, and
        so the same on every processor.
    """
    if precision != "auto":
        return precision
    if device.type == "cpu" and not gains:
        return "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type != "cpu":
        return "float32"
    about = f"threads={torch.get_num_threads()}|torch={torch.__version__}"
    return remembered(
        "precision",
        about,
        ("float32", "bfloat16"),
        lambda: "bfloat16" if _speed_ratio() >= _WORTH_IT else "float32",
    )


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
