"""All steps of Algorithm 1: phases in order, early stopping, divergence, checkpoint and resume.

history = run(algorithm, checkpoint=Path("miso.safetensors"), fingerprint="...")
history.rows[-1]["I(K; Qbar)"]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from counterpoise.errors import SettingsError
from counterpoise.miso.training import PHASES, Algorithm1
from counterpoise.progress import bar
from counterpoise.training.checkpoint import load_checkpoint, save_checkpoint

LOOK_EVERY = 25
"""Steps between two looks at the held-out texts, and between two checkpoints."""


@dataclass(frozen=True)
class MisoHistory:
    """What happened in a training.

    Attributes
    ----------
    rows : list of dict
        One a step: ``phase``, ``step``, and the losses and estimates in nats; every 25 steps also
        ``held_out``, the likelihood of minority texts that were not trained on.
    """

    rows: list[dict[str, Any]]


def run(algorithm: Algorithm1, *, checkpoint: Path | None = None, fingerprint: str = "") -> MisoHistory:
    """Run all phases.

    Parameters
    ----------
    algorithm : Algorithm1
        Its model ends trained, in evaluation mode.
    checkpoint : Path or None
        A file written every 25 steps and at the end of a phase; when it exists, training goes on from it and
        ends with the very weights of an uninterrupted one.
    fingerprint : str
        Of data and settings; a checkpoint with another one is refused.

    Returns
    -------
    MisoHistory

    Raises
    ------
    SettingsError
        When a loss is no longer finite, with the phase and the step; the last good checkpoint is kept.
    ModelError
        When the checkpoint is broken or another training's.
    """
    model, steps = algorithm.model, algorithm.settings.steps
    record: dict[str, Any] = {"fingerprint": fingerprint, "phase": 0, "step": 0, "rows": [], "looks": []}
    best: dict[str, Tensor] | None = None
    if checkpoint is not None:
        found = load_checkpoint(checkpoint, fingerprint, model, algorithm.optimizer)
        if found is not None:
            best, record, _ = found
            for row in record["rows"]:
                algorithm.replay(row["phase"], row["step"])
    model.train()
    with bar("miso", sum(steps)) as progress:
        progress.advance(sum(steps[: record["phase"]]) + record["step"])
        while record["phase"] < len(PHASES):
            phase, step = PHASES[record["phase"]], record["step"]
            ended = step >= steps[record["phase"]]
            if step == 0 and not record["looks"]:
                algorithm.begin(phase)
            if not ended:
                row = {"phase": phase, "step": step, **algorithm.step(phase, step)}
                _refuse_divergence(row, algorithm.settings.learning_rate)
                record["rows"].append(row)
                record["step"] += 1
                progress.advance(1, f"{phase} {row.get('minority likelihood', row.get('likelihood', 0)):.2f}")
                if record["step"] % LOOK_EVERY == 0 and phase != "mine" and len(algorithm.sides.held_out):
                    best, ended = _look(algorithm, phase, record, best)
            if ended:
                progress.advance(steps[record["phase"]] - record["step"])
                if best is not None:
                    model.load_state_dict(best)
                best = None
                record |= {"phase": record["phase"] + 1, "step": 0, "looks": []}
            if checkpoint is not None and (ended or record["step"] % LOOK_EVERY == 0):
                save_checkpoint(checkpoint, model, algorithm.optimizer, best, record, {})
    model.eval()
    return MisoHistory(record["rows"])


def _look(
    algorithm: Algorithm1, phase: str, record: dict[str, Any], best: dict[str, Tensor] | None
) -> tuple[dict[str, Tensor] | None, bool]:
    """Judge by the held-out texts; return the best weights so far and whether the phase is over.

    The joint phase keeps its last weights: there likelihood competes with the mutual information, and the best
    likelihood would be that of not having begun.
    """
    value = algorithm.held_out_likelihood(phase)
    record["rows"][-1]["held_out"] = value
    looks: list[float] = record["looks"]
    if phase != "joint" and value < min(looks, default=math.inf):
        best = {name: tensor.detach().clone() for name, tensor in algorithm.model.state_dict().items()}
    looks.append(value)
    stale = len(looks) - 1 - looks.index(min(looks))
    return best, stale >= algorithm.settings.patience


def _refuse_divergence(row: dict[str, Any], learning_rate: float) -> None:
    broken = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if broken:
        raise SettingsError(
            f"MISO diverged in phase {row['phase']!r}, step {row['step'] + 1} ({broken[0]} is {row[broken[0]]}); "
            f"lower learning_rate, which is {learning_rate:g}"
        )
