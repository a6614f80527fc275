"""MISO without its decoder, and its generator without the rest: the cheap method and the paper's ablation."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from counterpoise.docstrings import with_parameters_of
from counterpoise.miso.oversampler import MISO
from counterpoise.miso.recipe import PUBLISHED_CAG
from counterpoise.seeding import RandomState


@with_parameters_of(MISO)
class MisoEdit(MISO):
    """Anchors by editing difficult samples, nothing trained: ``MISO(generator="edit")`` with the settings it reads.

    Parameters are those of :class:`counterpoise.miso.oversampler.MISO`.
    """

    def __init__(
        self,
        *,
        balance: float | Literal["auto"] = 1.0,
        counterfactual: float = 0.0,
        budget: float | tuple[float, float] = 1 / 3,
        run: float = 1.0,
        inject: float = 0.0,
        gate_weight: float = 0.0,
        word_roles: str = "found",
        sources: str = "all",
        k: int = 5,
        scope: int = 50,
        neighbor_encoder: str | None = None,
        belonging: bool = True,
        soft_labels: bool = False,
        tau: str = "falling",
        max_length: int = 256,
        device: str = "auto",
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            generator="edit",
            balance=balance,
            counterfactual=counterfactual,
            budget=budget,
            run=run,
            inject=inject,
            gate_weight=gate_weight,
            word_roles=word_roles,
            sources=sources,
            k=k,
            scope=scope,
            neighbor_encoder=neighbor_encoder,
            belonging=belonging,
            soft_labels=soft_labels,
            tau=tau,
            max_length=max_length,
            device=device,
            sampling_strategy=sampling_strategy,
            random_state=random_state,
        )


@with_parameters_of(MISO)
class CAG(MISO):
    """The paper's ablation (section 6): the coupled generator alone, without SFM and mutual-information loss.

    Parameters that do not stand here are those of :class:`counterpoise.miso.oversampler.MISO`.

    Parameters
    ----------
    steps : tuple of int, default=(100, 60, 0, 60)
        Of the phases at most: language, autoencoder, MINE, of which there is none here, and joint.
    """

    published: ClassVar[dict[str, Any]] = PUBLISHED_CAG

    def __init__(
        self,
        *,
        generator: str = "pointer",
        balance: float | Literal["auto"] = 1.0,
        budget: float | tuple[float, float] = 1 / 3,
        run: float = 1.0,
        inject: float = 0.0,
        sources: str = "all",
        k: int = 5,
        scope: int = 50,
        belonging: bool = True,
        adversarial: bool = True,
        dim: int = 64,
        steps: tuple[int, int, int, int] = (100, 60, 0, 60),
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        decoding: str = "sample",
        temperature: float = 1.0,
        max_length: int = 256,
        precision: str = "auto",
        device: str = "auto",
        checkpoint: str | None = None,
        preset: str | None = None,
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            sfm=False,
            mi_weight=0.0,
            generator=generator,
            balance=balance,
            budget=budget,
            run=run,
            inject=inject,
            sources=sources,
            k=k,
            scope=scope,
            belonging=belonging,
            adversarial=adversarial,
            dim=dim,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            decoding=decoding,
            temperature=temperature,
            max_length=max_length,
            precision=precision,
            device=device,
            checkpoint=checkpoint,
            preset=preset,
            sampling_strategy=sampling_strategy,
            random_state=random_state,
        )
