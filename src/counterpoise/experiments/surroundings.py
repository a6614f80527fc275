"""What a row depends on besides its run: the code, the number format, the libraries, the number of threads.

    surroundings = Surroundings.here(run, threads=1)
    surroundings.precision, surroundings.versions["torch"]             # "bfloat16", "2.13.0+cpu"

They are part of a run's key (:meth:`counterpoise.experiments.runs.Run.key_in`) and are stored beside its row.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from counterpoise.experiments.sources import modules_of_run, source_digest

if TYPE_CHECKING:
    from counterpoise.experiments.runs import Run
    from counterpoise.methods.base import Method

LIBRARIES = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "imbalanced-learn",
    "lightning-fabric",
    "polars",
    "faiss-cpu",
    "tokenizers",
)
"""Distributions whose arithmetic, draws or rules of cutting texts go into a row."""

_NO_LONGER = ("neighbors",)
"""Of rows in older stores: the library that won a race to search neighbours, and answers like the one that lost."""


@dataclass(frozen=True)
class Surroundings:
    """Where a run is executed, as far as it can change its row.

    Attributes
    ----------
    source : str
        Digest of the code (:func:`counterpoise.experiments.sources.source_digest`).
    device, precision : str
        As resolved here, also for a method without a network, since its sampler may have one; the format is the
        classifier's.
    threads : int
        Of torch.
    versions : dict of str to str
        Of :data:`LIBRARIES` and of Python up to the minor number, whose tables of characters decide what a word is; and
        under ``"encoder"`` which weights a pretrained one has, under ``"sampler's arithmetic"`` the number format of a
        sampler's own network, where it trains one, and under ``"optuna"``, where a run tries settings, what proposes
        them.
    """

    source: str
    device: str
    precision: str
    threads: int
    versions: dict[str, str]

    @classmethod
    def here(cls, run: Run, threads: int | None = None) -> Surroundings:
        """Those of a run in this process.

        Parameters
        ----------
        run : Run
        threads : int or None, default=None
            Threads that the run will have, where that is not this process; None asks torch.

        Raises
        ------
        SettingsError
            For an unknown method, backbone or setting, or a device that is not here.
        """
        import torch

        from counterpoise.methods.registry import make_method
        from counterpoise.oversampling.device import beside
        from counterpoise.training.precision import resolve_precision
        from counterpoise.training.settings import TrainingSettings

        source = source_digest(*modules_of_run(run.method, run.method_settings, run.backbone))
        wanted = {key: run.estimator[key] for key in ("device", "precision") if key in run.estimator}
        settings = TrainingSettings(**wanted)
        device = settings.torch_device()
        with _threads(torch.get_num_threads() if threads is None else threads) as count:
            precision = resolve_precision(settings.precision, device, gains=_gains_by_bfloat16(run))
            method = make_method(run.method, run.method_settings)
            versions = dict(_versions()) | _pretrained(run, method)
            if method.trains_decoder:
                versions["sampler's arithmetic"] = resolve_precision(method.decoder_precision, beside(device))
            if run.trials:
                versions["optuna"] = _version("optuna")
            return cls(source, device.type, precision, count, versions)

    @property
    def fields(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Surroundings:
        """The inverse of :attr:`fields`; what is no longer a part of surroundings is left out."""
        return cls(**{name: value for name, value in values.items() if name not in _NO_LONGER})

    def differences(self, other: Surroundings) -> Iterator[str]:
        """What is otherwise than in others, in words, with what it is in these."""
        if self.source != other.source:
            yield "code of Counterpoise"
        for name in sorted({*self.versions, *other.versions}):
            if self.versions.get(name) != other.versions.get(name):
                yield f"{name} ({self.versions.get(name)})"
        for name in ("device", "precision", "threads"):
            if getattr(self, name) != getattr(other, name):
                yield f"{name} ({getattr(self, name)})"


def _gains_by_bfloat16(run: Run) -> bool:
    """Whether a run trains a network whose steps do."""
    from counterpoise.backbones.registry import find_backbone

    return run.backbone is not None and find_backbone(run.backbone).gains_by_bfloat16(run.backbone_settings)


@contextmanager
def _threads(count: int) -> Iterator[int]:
    """Answer as a process with so many threads would: number formats race with as many as torch has."""
    import torch

    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield count
    finally:
        if count != before:
            torch.set_num_threads(before)


def _pretrained(run: Run, method: Method) -> dict[str, str]:
    """What the settings of the run name, where that is more than themselves."""
    from counterpoise.backbones.registry import find_backbone

    network = find_backbone(run.backbone).identity(run.backbone_settings) if run.backbone else ""
    identity = " ".join(filter(None, (network, method.identity())))
    return {"encoder": identity} if identity else {}


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    python = ".".join(platform.python_version_tuple()[:2])
    return (("python", python), *((name, _version(name)) for name in LIBRARIES))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # such as faiss from conda, which goes by another name
        return "unknown"
