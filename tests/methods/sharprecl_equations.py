"""SharpReCL in loops, anchor by anchor."""

from __future__ import annotations

import torch
from contrastive_helpers import features_of
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from counterpoise.methods.sharprecl import SharpReCL
from counterpoise.mixing.hard_targets import hard_targets

SEED_OF_DRAWS = "targets"


def by_the_equations(method: SharpReCL, model, batch, state, past=()) -> tuple[Tensor, Tensor]:
    """Classification and contrastive loss, anchor by anchor; what is drawn comes from the method's own generator.

    ``past`` has the feature, the class and the weight of each row that the queue holds. Nothing is detached.
    """
    n, weights = len(batch.labels), batch.weights.tolist()
    prior = state.class_shares.log() if method.compensation else 0.0
    classification = torch.zeros(())
    for each in (batch, *batch.views):
        logits = model(each)
        if method.scale is not None:
            logits = method.scale * logits / logits.norm(dim=1, keepdim=True)
        losses = cross_entropy(logits + prior, batch.labels, reduction="none")
        classification += sum(w * x for w, x in zip(weights, losses, strict=True)) / (2 * n)

    prototypes = normalize(model.parts.classes(model.head.weight), dim=1)
    pool, labels, counts = features_of(model, batch), batch.labels.tolist() * 2, weights * 2
    if method.prototypes == "mean":
        for c in set(labels):
            members = [w * x for w, x, label in zip(counts, pool, labels, strict=True) if label == c]
            prototypes[c] = normalize(sum(members), dim=0)
    if method.prototypes:
        pool, labels, counts = torch.cat([pool, prototypes]), [*labels, 0, 1, 2], [*counts, 1.0, 1.0, 1.0]
    built = hard_targets(
        prototypes @ pool.T,
        torch.tensor(labels),
        state.generator(SEED_OF_DRAWS, "cpu"),
        counts=torch.tensor(counts),
        n_positives=method.n_positives,
        n_negatives=method.n_negatives,
        candidates=method.candidates,
        hard_share=min(method.hard_from + (method.hard_to - method.hard_from) * state.epoch / 4, 1),
        alpha=method.alpha,
    )
    every = pool if method.prototypes else torch.cat([pool, prototypes])
    share = built.weight[:, :, None]
    targets = normalize(share * every[built.first] + (1 - share) * every[built.second], dim=2)
    effective = [
        (1 - method.beta ** (200 * share)) / (1 - method.beta) for share in state.class_shares.tolist()
    ]
    contrastive = torch.zeros(())
    for a in range(len(pool)):
        scores = [pool[a] @ pool[j] / method.temperature for j in range(len(pool)) if j != a]
        much = [counts[j] for j in range(len(pool)) if j != a]
        positive = [labels[j] == labels[a] for j in range(len(pool)) if j != a]
        for t, target in enumerate(targets[labels[a]]):
            scores.append(pool[a] @ target / method.temperature)
            much.append(1.0)
            positive.append(t < method.n_positives)
        for feature, kind, count in past:
            scores.append(pool[a] @ feature / method.temperature)
            much.append(count)
            positive.append(kind == labels[a])
        everything = sum(m * s.exp() for m, s in zip(much, scores, strict=True)).log()
        chosen = [(m, everything - s) for m, s, p in zip(much, scores, positive, strict=True) if p]
        mean = sum(m * x for m, x in chosen) / sum(m for m, _ in chosen) if chosen else 0.0
        contrastive += counts[a] * sum(effective) / 3 / effective[labels[a]] * mean
    return classification, contrastive / len(pool)
