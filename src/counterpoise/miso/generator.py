"""CAG: the coupled adversarial generator, two decoders and two discriminators (Tian et al. 2021, section 4.2).

    generator = CoupledGenerator(minority_decoder, majority_decoder, dim=64)
    z = generator.z(fused)
    texts = generator.minority.write(rows, partners, z, Decoding(), noise)

The minority decoder De(|psi+) is guided by the latent z, the fusion of a difficult sample with a majority sample after
a feed-forward layer of its own; the majority decoder De(|psi-) is fed with the majority sample alone. Each
discriminator tells its side's real texts from what its decoder writes. A discriminator reads the encoder's view
of soft words: the expected word vectors of the decoder, or straight-through samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.miso.decoder import TextDecoder


class Discriminator(nn.Module):
    """One hidden layer: representation ``(B, d)`` to the logit of being a real text, ``(B,)``.

    Parameters
    ----------
    dim : int
    hidden : int, default=64
    """

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, texts: Tensor) -> Tensor:
        """Logits ``(B,)``."""
        return self.layers(texts)[:, 0]

    def loss(self, real: Tensor, written: Tensor) -> Tensor:
        """Binary cross-entropy of telling real from written, which descending minimises (a scalar, nats)."""
        genuine, forged = self(real.detach()), self(written.detach())
        return functional.softplus(-genuine).mean() + functional.softplus(forged).mean()

    def fooled(self, written: Tensor) -> Tensor:
        """Loss of the decoder: how far its texts are from passing as real (non-saturating form)."""
        return functional.softplus(-self(written)).mean()


class CoupledGenerator(nn.Module):
    """The two decoders, their latents and their discriminators.

    Parameters
    ----------
    minority, majority : TextDecoder
    dim : int
        Width of representations and latents.
    """

    def __init__(self, minority: TextDecoder, majority: TextDecoder, dim: int) -> None:
        super().__init__()
        self.minority, self.majority = minority, majority
        self.latent = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
        self.stand_in = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU(), nn.Linear(dim, dim))
        self.minority_judge, self.majority_judge = Discriminator(dim), Discriminator(dim)

    def q_tilde(self, q: Tensor, k: Tensor) -> Tensor:
        """What stands in for the fusion while it is frozen: a layer over K and Q, 2d to d (Algorithm 1, line 1)."""
        return self.stand_in(torch.cat([k, q], dim=-1))

    def z(self, fused: Tensor) -> Tensor:
        """Latent that guides the minority decoder, ``(B, d)``, from Q-bar or Q-tilde."""
        return self.latent(fused)

    def judges(self) -> list[nn.Module]:
        """The discriminators."""
        return [self.minority_judge, self.majority_judge]
