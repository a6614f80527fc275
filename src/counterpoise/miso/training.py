"""Algorithm 1 of MISO (Tian et al. 2021), lines 1 to 9, in the paper's phases.

    algorithm = Algorithm1(model, corpus, sides, pairing, AlgorithmSettings(), seed=0)
    losses = algorithm.step("joint", 0)            # counterpoise.miso.schedule runs all steps of all phases

0. ``language``: both decoders learn to write from texts of both classes (ours: 60 minority texts teach no language).
1. ``autoencoder``: encoder and decoders learn to give texts back; SFM is frozen and a feed-forward layer over
   K and Q stands in for it.
2. ``mine``: the statistics networks alone, on (Q, stand-in, K).
3. ``joint``: by turns, the discriminators ascend; encoder, decoders and SFM descend
   ``L = (1 - alpha) L_MI + alpha (L_CAG+ + L_CAG-)`` with ``alpha = 1 / tau``; the statistics networks ascend, each
   on its own bound (the paper's line says "descend", which trained with one sign would make T- meaningless).

Departures, each with its reason: the likelihood of the tokens never weighs less than ``likelihood_floor`` (at
alpha = .01 nothing would teach the decoders what they are to write), and the mutual-information loss acts on the
encoding of the anchor as well as on Q-bar (the optimum of the latter alone, written out, is a copy).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Soft, TextDecoder
from counterpoise.miso.fusion import falling_tau
from counterpoise.miso.model import Miso, Pair
from counterpoise.miso.pairing import Pairing
from counterpoise.oversampling.base import draw_sources
from counterpoise.seeding import derive_seed, generator
from counterpoise.training.precision import resolve_precision

PHASES = ("language", "autoencoder", "mine", "joint")


@dataclass(frozen=True)
class AlgorithmSettings:
    """Settings of Algorithm 1.

    Attributes
    ----------
    steps : tuple of int
        Of each phase at most, in the order of :data:`PHASES`.
    batch_size : int
        Pairs of one step (the paper's 64).
    learning_rate : float
        Of Adam. The paper's 1e-4 needs ten times the steps.
    mi_weight : float
        Factor of the mutual-information terms; 0 leaves them out.
    adversarial : bool
        Whether discriminators take part.
    tau : {"falling", "fixed"}
        Whether tau falls from n-/n+ to 1 as the anchors of the joint phase would balance the classes.
    likelihood_floor : float
        Least weight of the tokens' likelihood in the joint phase.
    gumbel : float or None
        Temperature of straight-through Gumbel-softmax; None gives the discriminators expected word vectors.
    anchor_information : bool
        Whether the mutual-information loss acts on the encoding of the anchor too, or on Q-bar alone (the paper's).
    precision : {"auto", "float32", "bfloat16"}
        Of the decoders while they train; ``"auto"`` takes what is faster on this machine.
    patience : int
        Looks at the held-out minority texts without a better likelihood before a phase ends.
    """

    steps: tuple[int, int, int, int] = (100, 60, 20, 60)
    batch_size: int = 64
    learning_rate: float = 2e-3
    mi_weight: float = 1.0
    adversarial: bool = True
    tau: str = "falling"
    likelihood_floor: float = 0.5
    gumbel: float | None = None
    anchor_information: bool = True
    precision: str = "auto"
    patience: int = 4


@dataclass(frozen=True)
class Sides:
    """Which rows of a corpus play which part.

    Attributes
    ----------
    sources : ndarray of int64
        Difficult samples (all minority samples when none is difficult).
    minority, majority : ndarray of int64
        All rows of the class, without those held out, and all others.
    held_out : ndarray of int64
        Minority rows that only decide when to stop; may be empty.
    """

    sources: np.ndarray
    minority: np.ndarray
    majority: np.ndarray
    held_out: np.ndarray

    def tau(self, progress: float) -> float:
        """n-/n+ when ``progress`` (0 to 1) of the anchors that balance the classes have been written."""
        return falling_tau(progress, len(self.minority), len(self.majority))


_BLOCK = 8  # steps whose pairs are drawn at once, to make batches of texts of similar length
_CLIP = 5.0  # norm of a step's gradient at most: adversarial and DV terms can spike


class Algorithm1:
    """One training of MISO, step by step.

    Parameters
    ----------
    model : Miso
    corpus : Corpus
    sides : Sides
    pairing : Pairing
    settings : AlgorithmSettings
    seed : int
        Each step draws from streams of its own, derived from the seed, the phase and the step's number.
    """

    def __init__(
        self,
        model: Miso,
        corpus: Corpus,
        sides: Sides,
        pairing: Pairing,
        settings: AlgorithmSettings,
        seed: int,
    ) -> None:
        self.model, self.corpus, self.sides = model, corpus, sides
        self.pairing, self.settings, self.seed = pairing, settings, seed
        self._block: tuple[tuple[str, int] | None, list[tuple[np.ndarray, np.ndarray]]] = (None, [])
        trained = [p for p in model.parameters() if p.requires_grad]
        self.bfloat16 = resolve_precision(settings.precision, corpus.device) == "bfloat16"
        self.optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.0, fused=True)

    def step(self, phase: str, number: int) -> dict[str, float]:
        """Do one step of a phase.

        Parameters
        ----------
        phase : str
            One of :data:`PHASES`.
        number : int
            Of the step, from 0.

        Returns
        -------
        dict of float
            Losses and estimates in nats, by name; not finite when the training has diverged.
        """
        noise = torch.Generator().manual_seed(derive_seed(self.seed, "miso noise", phase, number))
        do = {
            "language": self._language,
            "autoencoder": self._autoencoder,
            "mine": self._mine,
            "joint": self._joint,
        }
        return do[phase](number, noise)

    def replay(self, phase: str, number: int) -> None:
        """Draw the pairs of a step again without doing it: the pairing remembers who has met whom."""
        self._drawn(phase, number)

    @torch.no_grad()
    def held_out_likelihood(self, phase: str) -> float:
        """Mean negative log-likelihood of the held-out minority texts, nats a token, with fixed draws."""
        rows = self.sides.held_out
        rng, noise = generator(self.seed, "miso held out"), torch.Generator().manual_seed(0)
        partners = rng.choice(self.sides.majority, len(rows))
        cag = self.model.generator
        if phase == "language":
            return _mean(self._reconstruct(cag.minority, rows, partners, None, noise).nll)
        pair = self.model.pair(self.corpus.batch(rows), self.corpus.batch(partners))
        fused = (
            cag.q_tilde(pair.q, pair.k)
            if phase == "autoencoder"
            else self.model.fuse(pair, self._tau(1.0), noise).z
        )
        return _mean(self._reconstruct(cag.minority, rows, partners, cag.z(fused), noise).nll)

    def begin(self, phase: str) -> None:
        """Hand on what has been learnt: after ``language`` the majority decoder starts as the minority one is."""
        if phase == "autoencoder":
            cag = self.model.generator
            cag.majority.load_state_dict(cag.minority.state_dict())

    def _language(self, number: int, noise: torch.Generator) -> dict[str, float]:
        rows, partners = self._drawn("language", number)
        decoder = self.model.generator.minority
        nll = self._reconstruct(decoder, rows, partners, None, noise).nll
        self._descend(nll.mean(), [decoder])
        return {"likelihood": _mean(nll)}

    def _autoencoder(self, number: int, noise: torch.Generator) -> dict[str, float]:
        cag = self.model.generator
        rows, partners, pair = self._pairs("autoencoder", number)
        z = cag.z(cag.q_tilde(pair.q, pair.k))
        minority = self._reconstruct(cag.minority, rows, partners, z, noise)
        majority = self._majority(partners, pair, noise)
        loss = minority.nll.mean() + majority.nll.mean()
        self._descend(loss, [self.model.encoder, cag.minority, cag.majority, cag.latent, cag.stand_in])
        return {"minority likelihood": _mean(minority.nll), "majority likelihood": _mean(majority.nll)}

    def _mine(self, number: int, noise: torch.Generator) -> dict[str, float]:
        cag = self.model.generator
        with torch.no_grad():
            rows, partners, pair = self._pairs("mine", number)
            fused = cag.q_tilde(pair.q, pair.k)
            anchors, _ = self._seen(self._reconstruct(cag.minority, rows, partners, cag.z(fused), noise))
            triple = self.model.heads(pair.q, fused, pair.k)
        loss = self._statistics_step(pair, triple, anchors, noise)
        return {"bounds": -loss}

    def _joint(self, number: int, noise: torch.Generator) -> dict[str, float]:
        settings, model, cag = self.settings, self.model, self.model.generator
        tau = self._step_tau("joint", number)
        alpha = 1 / tau
        rows, partners, pair = self._pairs("joint", number)
        fused = self.model.fuse(pair, tau, noise)
        minority = self._reconstruct(cag.minority, rows, partners, cag.z(fused.z), noise, fused.shared)
        majority = self._majority(partners, pair, noise)
        anchors, real = self._seen(minority)
        log = {"tau": tau, "minority likelihood": _mean(minority.nll)}
        likelihood = minority.nll.mean() + majority.nll.mean()
        loss = max(alpha, settings.likelihood_floor) * likelihood
        if settings.adversarial:
            loss = loss + alpha * self._adversarial(anchors, real, majority, log)
        informed = settings.mi_weight > 0 and fused.triple is not None
        if informed and fused.triple is not None:
            loss = loss + settings.mi_weight * (1 - alpha) * self._information(
                pair, fused.triple, anchors, noise, log
            )
        described = [model.encoder, cag.minority, cag.majority, cag.latent]
        self._descend(loss, [*described, *([model.fusion] if model.fusion is not None else [])])
        if informed and fused.triple is not None:
            self._statistics_step(pair, fused.triple, anchors, noise)
        return {**log, "loss": float(loss.detach())}

    def _adversarial(self, anchors: Tensor, real: Tensor, majority: Soft, log: dict[str, float]) -> Tensor:
        """Ascend the discriminators; return the decoders' loss against them."""
        cag = self.model.generator
        written, genuine = self._seen(majority)
        judged = cag.minority_judge.loss(real, anchors) + cag.majority_judge.loss(genuine, written)
        self._descend(judged, cag.judges())
        fooled = cag.minority_judge.fooled(anchors) + cag.majority_judge.fooled(written)
        log |= {"discriminators": float(judged.detach()), "adversarial": float(fooled.detach())}
        return fooled

    def _information(
        self,
        pair: Pair,
        triple: tuple[Tensor, Tensor, Tensor],
        anchors: Tensor,
        noise: torch.Generator,
        log: dict[str, float],
    ) -> Tensor:
        """L_MI of Q-bar and of the anchor's encoding, for encoder, SFM and decoder to descend."""
        fused = self.model.mutual_information(*triple, noise)
        log |= {
            "I(Q; Qbar)": float(fused.with_minority.detach()),
            "I(K; Qbar)": float(fused.with_majority.detach()),
        }
        if not self.settings.anchor_information:
            return fused.loss
        meant = self.model.anchor_information(pair.q, anchors, pair.k, noise)
        log |= {
            "I(Q; anchor)": float(meant.with_minority.detach()),
            "I(K; anchor)": float(meant.with_majority.detach()),
        }
        return fused.loss + meant.loss

    def _statistics_step(
        self, pair: Pair, triple: tuple[Tensor, Tensor, Tensor], anchors: Tensor, noise: torch.Generator
    ) -> float:
        """Let each statistics network ascend its own bound."""
        model = self.model
        q, qbar, k = (part.detach() for part in triple)
        loss = model.mutual_information.ascent_loss(q, qbar, k, noise)
        if self.settings.anchor_information:
            loss = loss + model.anchor_information.ascent_loss(
                pair.q.detach(), anchors.detach(), pair.k.detach(), noise
            )
        self._descend(loss, model.statistics())
        return float(loss.detach())

    def _tau(self, progress: float) -> float:
        return self.sides.tau(0.0 if self.settings.tau == "fixed" else progress)

    def _step_tau(self, phase: str, number: int) -> float:
        last = max(self.settings.steps[PHASES.index("joint")] - 1, 1)
        return self._tau(number / last if phase == "joint" else 0.0)

    def _drawn(self, phase: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and a partner for each, of one step; the pairs of a block of steps are drawn together."""
        block, place = divmod(number, _BLOCK)
        if self._block[0] != (phase, block):
            self._block = (phase, block), self._draw(phase, block)
        return self._block[1][place]

    def _draw(self, phase: str, block: int) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = generator(self.seed, "miso", phase, block)
        count, sides = _BLOCK * self.settings.batch_size, self.sides
        if phase == "language":
            both = [rng.choice(side, count // 2) for side in (sides.minority, sides.majority)]
            rows, partners = np.concatenate(both), rng.choice(sides.majority, count)
        else:
            # As few difficult samples more often than others as can be.
            rows = draw_sources(sides.sources, count, rng)
            partners = self.pairing.draw(rows, self._step_tau(phase, block * _BLOCK), rng)
        # A batch is padded to its longest text. Difficult samples stay mixed: SFM and the estimators compare those of
        # a batch, and the few of one length would meet themselves.
        read = partners if phase != "language" else rows
        lengths = np.array([len(self.corpus.words(row)) for row in read])
        order = np.lexsort([rng.random(count), lengths]).reshape(_BLOCK, -1)
        return [(rows[batch], partners[batch]) for batch in order[rng.permutation(_BLOCK)]]

    def _pairs(self, phase: str, number: int) -> tuple[np.ndarray, np.ndarray, Pair]:
        rows, partners = self._drawn(phase, number)
        return rows, partners, self.model.pair(self.corpus.batch(rows), self.corpus.batch(partners))

    def _majority(self, rows: np.ndarray, pair: Pair, noise: torch.Generator) -> Soft:
        """The majority decoder's reconstruction: fed with the majority sample, it borrows from another one."""
        return self._reconstruct(self.model.generator.majority, rows, np.roll(rows, 1), pair.k, noise)

    def _reconstruct(
        self,
        decoder: TextDecoder,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor | None,
        noise: torch.Generator,
        shared: Tensor | None = None,
    ) -> Soft:
        """A decoder's pass, in bfloat16 where that is faster; all that estimates information stays in float32."""
        gumbel = None if z is None else self.settings.gumbel
        with torch.autocast(self.corpus.device.type, torch.bfloat16, enabled=self.bfloat16):
            soft = decoder.reconstruct(rows, partners, z, noise, gumbel, shared)
        return Soft(soft.nll.float(), soft.real.float(), soft.written.float(), soft.mask)

    def _seen(self, soft: Soft) -> tuple[Tensor, Tensor]:
        """What was written and what is real as the encoder sees them, ``(B, d)`` each."""
        encoder = self.model.encoder
        written = encoder.pool(encoder.from_vectors(soft.written, soft.mask), soft.mask)
        return written, encoder.pool(encoder.from_vectors(soft.real, soft.mask), soft.mask)

    def _descend(self, loss: Tensor, modules: list[nn.Module]) -> None:
        """One step of Adam on these modules alone; all others keep their weights."""
        parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        self.optimizer.zero_grad(set_to_none=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, _CLIP)
        self.optimizer.step()


def _mean(nll: Tensor) -> float:
    return float(nll.detach().mean())
