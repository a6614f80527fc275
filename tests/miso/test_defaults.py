"""What MISO writes when nothing is asked for: the very texts that it wrote before it had the settings it has now.

Draws depend on numpy's and torch's streams and neighbours on cosines that lie far apart here, so that the figures hold
on any processor; a new release of either library may change them all, and nothing else should.
"""

from __future__ import annotations

import hashlib

import pytest

from counterpoise import MISO
from counterpoise.miso.variants import CAG, MisoEdit
from tiny_miso import QUICK, corpus

FEW = {**QUICK, "steps": (2, 2, 1, 2), "precision": "float32"}


@pytest.mark.parametrize(
    ("sampler", "first", "digest"),
    [
        (MisoEdit(random_state=0), "f a k m q e prize", "7acd7023e966"),
        (
            MisoEdit(gate_weight=4.0, inject=0.5, sources="difficult", run=2.0, random_state=0),
            "free prize l o d q c",
            "64826f07013f",
        ),
        (MISO(**FEW, random_state=0), "k a k i o a prize", "718a77877333"),
        (
            MISO(**FEW, gate_weight=4.0, inject=0.5, reading="tokens", random_state=0),
            "free l q claim g q n",
            "a8ae2c57de4c",
        ),
        (
            CAG(**{key: value for key, value in FEW.items() if key != "heads"}, random_state=0),
            "office prize c o e a n",
            "f5e1e01f2cd7",
        ),
    ],
    ids=["edited", "edited, guided", "pointed", "pointed, guided", "CAG"],
)
def test_anchors_are_what_they_were(sampler, first, digest) -> None:
    sampler.fit_resample(*corpus(6, 20))
    told = sampler.anchors_.to_pylist()
    assert told[0]["text"] == first
    assert hashlib.sha256(repr(told).encode()).hexdigest()[:12] == digest
